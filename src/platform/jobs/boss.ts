import { type JobResult, PgBoss } from 'pg-boss';
import { z } from 'zod';
import { codeOf, messageOf, StartupError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Job } from './define.ts';
import { SCHEMA } from './install.ts';

/** How soon a waiting job is found whose wake-up was lost, and one that a worker gave back. */
const POLL_SECONDS = 1;
/** See EVERY_QUEUE in define.ts for what these add up to. */
const HEARTBEAT_REFRESH_SECONDS = 2;
/** How often dead workers are looked for, by one worker for all; */
const MONITOR_SECONDS = 2;
/** and how often each tries to be the one, so that one that has died itself is soon made up for. */
const SUPERVISE_SECONDS = 1;

/** pg-boss with the settings that make a takeover quick; started by its caller, as the login role runcast_worker. */
export function createBoss(options: { url: string; log: Logger }): PgBoss {
  const { log } = options;
  const boss = new PgBoss({
    connectionString: options.url,
    schema: SCHEMA,
    // The migrate command installs and upgrades; this role may not.
    migrate: false,
    createSchema: false,
    reindex: false,
    schedule: false,
    useListenNotify: true,
    superviseIntervalSeconds: SUPERVISE_SECONDS,
    monitorIntervalSeconds: MONITOR_SECONDS,
    // Burst mode looks at this cache to see a backlog.
    queueCacheIntervalSeconds: MONITOR_SECONDS,
    max: 4,
    connectionTimeoutMillis: 5_000,
    application_name: 'runcast jobs',
    openTelemetry: { enabled: false },
  });
  boss.on('error', (error) => log.warn({ code: codeOf(error), error: messageOf(error) }, 'job queue'));
  boss.on('warning', ({ message }) => log.warn(message));
  return boss;
}

/**
 * Starts it, and puts back what dead workers have left: one that is started because others die may not live to its timer.
 *
 * @throws {StartupError} where the queue's schema is missing or of another version
 */
export async function startBoss(boss: PgBoss): Promise<void> {
  try {
    await boss.start();
    await boss.supervise().catch((error) => boss.emit('error', error));
  } catch (cause) {
    // pg-boss gives these no code.
    if (!/pg-boss (is not installed|database requires migrations)/.test(messageOf(cause))) throw cause;
    throw new StartupError(
      'The job queue in the database is missing or of another version: run npm run migrate:apply of this version.',
      { cause },
    );
  }
}

/**
 * Lets this process run jobs of one kind.
 *
 * @param options.concurrency how many at a time
 */
export async function work<Payload extends object, Dependencies>(
  boss: PgBoss,
  job: Job<Payload, Dependencies>,
  dependencies: Dependencies,
  options: { concurrency: number; log: Logger },
): Promise<void> {
  await boss.work(
    job.name,
    {
      localConcurrency: options.concurrency,
      pollingIntervalSeconds: POLL_SECONDS,
      notifyPollingIntervalSeconds: POLL_SECONDS,
      heartbeatRefreshSeconds: HEARTBEAT_REFRESH_SECONDS,
      // Without it every slot would wait for its next poll after each job.
      burstWhenReadyExceeds: 1,
      perJobResults: true,
    },
    async (deliveries) => {
      const results: JobResult[] = [];
      for (const { id, data, signal } of deliveries) {
        const payload = job.payload.safeParse(data);
        if (payload.success) {
          await job.handle(payload.data, dependencies, { id, signal });
          results.push({ id, status: 'completed' });
        } else {
          // No number of retries would mend it; pg-boss keeps it as failed for as long as the queue keeps what has ended.
          options.log.error(
            { job: job.name, id, fault: z.prettifyError(payload.error) },
            'unfit job set aside',
          );
          results.push({ id, status: 'deadletter', output: { fault: z.prettifyError(payload.error) } });
        }
      }
      return results;
    },
  );
}
