import { serverAudits } from 'graphql-http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApi, type TestApi } from '../support/api.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());

/** The audits that keep to the specification of GraphQL over HTTP; what a server merely may do is ours to choose. */
const audits = serverAudits({ url: () => `${api.url}/graphql` }).filter(
  ({ name }) => !name.startsWith('MAY'),
);

describe('GraphQL over HTTP', () => {
  it('has audits to pass', () => expect(audits.length).toBeGreaterThan(30));

  it.each(audits.map(({ id, name, fn }) => [`${name} (${id})`, fn] as const))('%s', async (_name, fn) => {
    expect(await fn()).toMatchObject({ status: 'ok' });
  });
});
