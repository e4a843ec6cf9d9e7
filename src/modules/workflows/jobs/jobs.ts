import type { PgBoss } from 'pg-boss';
import { work } from '../../../platform/jobs/boss.ts';
import type { JobQueue } from '../../../platform/jobs/define.ts';
import { hearEvent } from './hear-event.ts';
import { type RunStepDependencies, runWorkflowStep } from './run-step.ts';
import { beginWaitingWorkflow, onChildEnded, onWaitOver } from './wake-step.ts';

/** What the engine does by jobs, and what events start by one. */
export const workflowJobs = [
  runWorkflowStep,
  beginWaitingWorkflow,
  onChildEnded,
  onWaitOver,
  hearEvent,
] as const;

export const workflowQueues: readonly JobQueue[] = workflowJobs.map(({ name, options }) => ({
  name,
  options,
}));

/** Has a process run workflows. @param options.concurrency how many steps at a time */
export async function workWorkflows(
  boss: PgBoss,
  dependencies: RunStepDependencies,
  options: { concurrency: number },
): Promise<void> {
  const { log } = dependencies;
  await work(boss, runWorkflowStep, dependencies, { ...options, log });
  for (const job of [beginWaitingWorkflow, onChildEnded, onWaitOver] as const) {
    await work(boss, job, dependencies, { concurrency: 2, log });
  }
}
