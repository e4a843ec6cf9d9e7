import { runAgentJob } from '../modules/agents/jobs/run-agent.ts';
import { wakeAgent } from '../modules/agents/jobs/wake-agent.ts';
import { runTraining } from '../modules/training/jobs/run-training.ts';
import { workflowQueues } from '../modules/workflows/jobs/jobs.ts';
import type { JobQueue } from '../platform/jobs/define.ts';
import { installJobs } from '../platform/jobs/install.ts';

/** The queues of every job there is; the migrate command makes them. */
export const queues: readonly JobQueue[] = [
  ...[runTraining, runAgentJob, wakeAgent].map(({ name, options }) => ({ name, options })),
  ...workflowQueues,
];

/** What `applyMigrations` runs after the files: the queue's own tables and our queues. */
export function afterFiles(adminUrl: string): Promise<void> {
  return installJobs({ adminUrl, queues });
}
