import type { QueueOptions } from 'pg-boss';
import type { z } from 'zod';

/** A queue as pg-boss keeps it: its name is the job's name. */
export type JobQueue = { name: string; options: QueueOptions & { notify: boolean } };

export type JobContext = {
  /** The job's own id: the same for each of its deliveries. */
  id: string;
  /** Aborted once the job has been handed to somebody else, or this process gives up waiting for it. */
  signal: AbortSignal;
};

export type Job<Payload, Dependencies> = JobQueue & {
  payload: z.ZodType<Payload>;
  /**
   * Runs one delivery; a job may be delivered again although its former delivery still runs. Resolving completes the
   * job; throwing puts it back into the queue at once, so what must not be tried again is written down as a result instead.
   */
  handle(payload: Payload, dependencies: Dependencies, context: JobContext): Promise<void>;
};

/**
 * Settings of every queue, because what they decide is the same for all: how soon a dead worker's job is taken over.
 * With a heartbeat of 10 s, refreshed every 2 s, and a supervisor that looks every 2 to 3 s it is 8 to 13 s.
 */
const EVERY_QUEUE = {
  // pg-boss's least.
  heartbeatSeconds: 10,
  retryDelay: 0,
  // A takeover uses up a retry, so this must outlast any number of them; retries that a user sees are our own rows.
  retryLimit: 1_000_000,
  // pg-boss's most, and more than the longest run (23 h): it would start a job again that is still running.
  expireInSeconds: 24 * 60 * 60,
  // A queued run is never dropped for having waited: the default is 14 days.
  retentionSeconds: 10 * 365 * 24 * 60 * 60,
  deleteAfterSeconds: 24 * 60 * 60,
  notify: true,
} as const satisfies JobQueue['options'];

/** A job: a name, the shape of its payload, a thin handler. The payload points to a row, the row is the state. */
export function defineJob<Payload extends object, Dependencies>(
  job: Omit<Job<Payload, Dependencies>, 'options'> & { options?: Partial<JobQueue['options']> },
): Job<Payload, Dependencies> {
  return { ...job, options: { ...EVERY_QUEUE, ...job.options } };
}
