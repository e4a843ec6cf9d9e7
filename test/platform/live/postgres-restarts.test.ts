import { describe, expect, it } from 'vitest';
import { openRestarts } from '../../support/outages/postgres-restarts.ts';

// Ten in a row of each are in postgres-restarts.soak.ts.
describe.each(['fast', 'immediate'] as const)('a restart of Postgres (%s) under load', {
  timeout: 120_000,
}, (mode) => {
  it('loses no acknowledged write and no process, is over within 10 s, and ends no subscription', async () => {
    await using restarts = await openRestarts();
    expect(await restarts.restart(mode)).toBeLessThan(10_000);
    expect(restarts.isAlive()).toBe(true);
    const { acknowledged, lost, faults } = await restarts.finish();
    expect(acknowledged).toBeGreaterThan(20);
    expect(lost).toEqual([]);
    expect(faults).toEqual([]);
  });
});
