import { expect, it } from 'vitest';
import { countWaiting } from '../../../support/workflow-waits.ts';

it('holds no worker and no connection for what waits', async () => {
  expect(await countWaiting(50)).toEqual({ awaiting: 50, delayed: 50, slots: 0, connections: 0 });
});
