import { z } from 'zod';
import type { ServiceDatabase } from '../../../platform/db/service.ts';
import { FeedError } from '../../../platform/feed/errors.ts';
import { defineJob } from '../../../platform/jobs/define.ts';
import { beginWorkflow, wakeStep } from '../engine/sql.ts';

type Dependencies = { database: ServiceDatabase };

const stepRun = z.object({ executionId: z.uuid(), stepRunId: z.uuid() });

/** Lets an execution begin that had to wait for a place. */
export const beginWaitingWorkflow = defineJob({
  name: 'workflow.run',
  payload: z.object({ executionId: z.uuid() }),
  async handle({ executionId }, { database }: Dependencies) {
    await unlessGone(beginWorkflow(database.sql, executionId));
  },
});

/** An execution that a step has started and waits for has ended. */
export const onChildEnded = defineJob({
  name: 'workflow.child-ended',
  payload: stepRun,
  async handle(run, { database }: Dependencies) {
    await unlessGone(wakeStep(database.sql, run));
  },
});

/** A step has waited for a decision, or for another execution, as long as it may. */
export const onWaitOver = defineJob({
  name: 'workflow.wait-over',
  payload: stepRun,
  async handle(run, { database }: Dependencies) {
    await unlessGone(wakeStep(database.sql, { ...run, isOver: true }));
  },
});

/** Cancelled, ended or deleted meanwhile: nothing is left to do. */
async function unlessGone(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof FeedError)) throw error;
  }
}
