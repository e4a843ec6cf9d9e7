import { expect, it } from 'vitest';
import { countOvertaken } from '../../../support/workflow-fairness.ts';

it('runs a tenant’s first step before the thousandth of another one', async () => {
  const overtaken = await countOvertaken({ queued: 1_000, concurrency: 8 });
  process.stdout.write(
    `fairness: ${overtaken} steps of the busy tenant began before the other one’s first\n`,
  );
  expect(overtaken).toBeLessThan(8);
});
