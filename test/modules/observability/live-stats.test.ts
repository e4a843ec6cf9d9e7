import { afterAll, beforeAll, expect, it } from 'vitest';
import { startApi, type TestApi, tokenOf } from '../../support/api.ts';

const QUERY = '{ liveStats { webSockets subscribers lagP99Ms startedAt } }';

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());

it('is told to services, and says of a process that has sent nothing that there is no lag', async () => {
  const { data } = await api.ask(QUERY, {}, { token: await tokenOf({ role: 'service_role' }) });
  expect(data.liveStats).toEqual({
    ...{ webSockets: 0, subscribers: 0, lagP99Ms: null },
    startedAt: new Date(performance.timeOrigin).toISOString(),
  });
});

it('is refused to users, and to who is none', async () => {
  expect(await api.ask(QUERY, {}, await api.makeUser())).toMatchObject({
    data: null,
    errors: [{ extensions: { code: 'FORBIDDEN', remedy: 'Use a token of the role service_role.' } }],
  });
  expect(await api.ask(QUERY)).toMatchObject({
    data: null,
    errors: [{ extensions: { code: 'UNAUTHENTICATED' } }],
  });
});
