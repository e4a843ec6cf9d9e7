import { expect, it } from 'vitest';
import { startApi } from '../support/api.ts';
import { runClientChaos } from '../support/client-chaos.ts';

it('hands over every event, once and in order, through a network that breaks again and again, for two minutes', async () => {
  const api = await startApi();
  const seed = Date.now();
  const { faults, ...figures } = await runClientChaos(api, await api.makeUser(), {
    durationMs: 120_000,
    seed,
  });
  await api.close();
  process.stdout.write(`client: ${JSON.stringify({ seed, ...figures, faults: faults.length })}\n`);
  expect(faults).toEqual([]);
  expect(figures.breakdowns).toBeGreaterThan(100);
});
