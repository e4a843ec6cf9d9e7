import { expect, it } from 'vitest';
import { countWaiting, POOLS } from '../../../support/workflow-waits.ts';

it('holds no worker and no connection for 1,000 questions and 1,000 delays', async () => {
  const { connections, ...counted } = await countWaiting(1_000);
  process.stdout.write(`waiting: ${JSON.stringify({ ...counted, connections })}\n`);
  expect(counted).toEqual({ awaiting: 1_000, delayed: 1_000, slots: 0 });
  expect(connections).toBeLessThanOrEqual(POOLS);
});
