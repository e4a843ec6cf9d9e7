import { expect, it } from 'vitest';
import { countWaiting, POOLS } from '../../../support/workflow-waits.ts';

it('holds no worker and no connection for what waits', async () => {
  const { connections, ...counted } = await countWaiting(50);
  expect(counted).toEqual({ awaiting: 50, delayed: 50, slots: 0 });
  expect(connections).toBeLessThanOrEqual(POOLS);
});
