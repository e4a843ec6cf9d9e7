import { runTraining } from '../modules/training/jobs/run-training.ts';
import { workflowQueues } from '../modules/workflows/jobs/jobs.ts';
import type { JobQueue } from '../platform/jobs/define.ts';
import { installJobs } from '../platform/jobs/install.ts';

/** The queues of every job there is; the migrate command makes them. */
export const queues: readonly JobQueue[] = [
  { name: runTraining.name, options: runTraining.options },
  ...workflowQueues,
];

/** What `applyMigrations` runs after the files: the queue's own tables and our queues. */
export function afterFiles(adminUrl: string): Promise<void> {
  return installJobs({ adminUrl, queues });
}
