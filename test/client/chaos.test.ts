import { expect, it } from 'vitest';
import { startApi } from '../support/api.ts';
import { runClientChaos } from '../support/client-chaos.ts';

// The full two minutes are in chaos.soak.ts.
it('hands over every event, once and in order, through a network that breaks again and again', async () => {
  const api = await startApi();
  const { faults, ...figures } = await runClientChaos(api, await api.makeUser(), {
    durationMs: 5_000,
    seed: 4,
  });
  await api.close();
  expect(faults).toEqual([]);
  expect(figures.breakdowns).toBeGreaterThan(5);
  expect(figures.connections).toBeGreaterThan(20);
});
