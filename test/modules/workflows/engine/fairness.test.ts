import { expect, it } from 'vitest';
import { countOvertaken } from '../../../support/workflow-fairness.ts';

it('runs a tenant’s first step before the hundredth of another one', async () => {
  // As many slots as there are may be filled at once when the gate opens.
  expect(await countOvertaken({ queued: 100, concurrency: 4 })).toBeLessThan(4);
});
