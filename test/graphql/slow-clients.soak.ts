import { expect, it } from 'vitest';
import { startApi } from '../support/api.ts';
import { SLOW_PARTS, sendSlowly } from '../support/slow-client.ts';

it('cuts off slow headers within 15 s and slow bodies within 30 s, by the bounds that the API has', async () => {
  const api = await startApi();
  const [nothing, headers, body] = await Promise.all(
    SLOW_PARTS.map((part) => sendSlowly(api.url, part, 100)),
  );
  expect(nothing?.after).toBeLessThan(15_000);
  expect(headers?.after).toBeLessThan(15_000);
  expect(body?.after).toBeLessThan(30_000);
  expect(nothing?.answer).toMatch(/^HTTP\/1.1 408 /);
  await api.close();
});
