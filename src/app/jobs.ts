import { runTraining } from '../modules/training/jobs/run-training.ts';
import type { JobQueue } from '../platform/jobs/define.ts';

/** The queues of every job there is; the migrate command makes them. */
export const queues: readonly JobQueue[] = [{ name: runTraining.name, options: runTraining.options }];
