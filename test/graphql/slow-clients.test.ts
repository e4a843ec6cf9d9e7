import { afterAll, beforeAll, expect, it } from 'vitest';
import { startApi, type TestApi } from '../support/api.ts';
import { type SlowPart, sendSlowly } from '../support/slow-client.ts';

// The bounds that the API has in fact stand in slow-clients.soak.ts.
const TIMEOUTS = { headers: 1_000, request: 1_500, checkEvery: 20 };

let api: TestApi;
beforeAll(async () => {
  api = await startApi({ timeouts: TIMEOUTS });
  // The first operation of a process takes the longest.
  await api.ask('{ viewer { id } }');
});
afterAll(() => api.close());

it.each<[SlowPart, number]>([
  ['nothing', TIMEOUTS.headers],
  ['headers', TIMEOUTS.headers],
  ['body', TIMEOUTS.request],
])('a client that sends %s for too long is cut off, and others are served meanwhile', async (part, bound) => {
  const slow = sendSlowly(api.url, part, 10);
  expect(await api.ask('{ viewer { id } }')).toEqual({ data: { viewer: null } });
  const { after, answer } = await slow;
  expect(answer).toMatch(/^HTTP\/1.1 408 Request Timeout\r\n/);
  expect(after).toBeGreaterThan(bound - 100);
});
