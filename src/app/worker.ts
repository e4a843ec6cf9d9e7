import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';
import { compactAllUsage } from '../modules/billing/upkeep.ts';
import { type ActiveRuns, createActiveRuns } from '../modules/executions/active-runs.ts';
import { runTraining } from '../modules/training/jobs/run-training.ts';
import { createProviders } from '../modules/training/providers.ts';
import type { Config } from '../platform/config.ts';
import { createServiceDatabase, type ServiceDatabase } from '../platform/db/service.ts';
import { messageOf } from '../platform/errors.ts';
import { ensurePartitions, refreshLogs } from '../platform/feed/feed.ts';
import { createBoss, startBoss, work } from '../platform/jobs/boss.ts';
import type { SendHint } from '../platform/live/hint-source.ts';
import { createListener } from '../platform/live/listener.ts';
import type { Logger } from '../platform/logger.ts';
import { openTriggers } from './triggers.ts';

/** The column `logs` of the seeds' table shows new lines within this time. */
const REFRESH_LOGS_MS = 1_000;
/** A cancellation whose wake-up was lost takes so long. */
const CHECK_RUNS_MS = 1_000;
/** Until then a report adds the newest usage up by itself. */
const COMPACT_USAGE_MS = 5_000;
/** A schedule is late by no more than that. */
const SCHEDULES_MS = 1_000;
const PARTITIONS_MS = 6 * 60 * 60 * 1_000;
/** What remains of the grace after the runs have ended, for the queue and the connections. */
const CLOSING_MS = 500;

export type Worker = {
  /** @throws {StartupError} where the job queue is not installed; the driver's error where there is no database */
  start(): Promise<void>;
  /** Hands running runs back and stops, within the grace whatever happens. Runs end at most 2 s after SIGTERM. */
  stop(graceMs: number): Promise<void>;
  status(): { running: boolean; runs: number };
  /** Whether its queue answers now. */
  isReady(): Promise<boolean>;
};

/** Runs jobs and looks after the feed, as the login role runcast_worker. Any number may work on one database. */
export function createWorker(options: {
  config: Config;
  workerUrl: string;
  /** Sends the hints of what it writes; default: the database does. */
  sendHint?: SendHint | undefined;
  log: Logger;
  /** Default: this process's. */
  environment?: Record<string, string | undefined>;
}): Worker {
  const { config, workerUrl, sendHint } = options;
  const log = options.log.child({ part: 'worker' });
  const name = `${hostname()}/${process.pid}-${randomBytes(3).toString('hex')}`;
  const runs = createActiveRuns();
  const giveUp = new AbortController();
  const upkeep = new AbortController();
  let started: Awaited<ReturnType<typeof start>> | undefined;

  async function start() {
    const database = createServiceDatabase({
      url: workerUrl,
      poolSize: Math.min(config.poolSize, config.local.maxRuns + 2),
      sendHint,
      log,
    });
    const boss = createBoss({ url: workerUrl, log });
    await startBoss(boss);
    const providers = createProviders({ ...options, config: { ...config, worker: true } });
    const dependencies = { database, providers, runs, worker: name, giveUp: giveUp.signal, log };
    await work(boss, runTraining, dependencies, { concurrency: config.local.maxRuns, log });
    const triggers = await openTriggers(boss, { database, log });
    const listener = createListener({
      url: workerUrl,
      channels: ['runcast_control'],
      log,
      onConnect: () => {
        database.suspect();
        void check(runs, database, log);
      },
      onNotification: () => void check(runs, database, log),
    });
    const loops = [
      every(CHECK_RUNS_MS, upkeep.signal, () => check(runs, database, log)),
      every(REFRESH_LOGS_MS, upkeep.signal, () => attempt(() => refreshLogs(database.sql), log)),
      every(COMPACT_USAGE_MS, upkeep.signal, () =>
        attempt(() => compactAllUsage(database.sql, upkeep.signal), log),
      ),
      every(SCHEDULES_MS, upkeep.signal, () => attempt(() => triggers.startDue(upkeep.signal), log)),
      every(PARTITIONS_MS, upkeep.signal, () => attempt(() => ensurePartitions(database.sql), log)),
    ];
    log.info({ worker: name, runs: config.local.maxRuns }, 'worker started');
    return { database, boss, listener, triggers, loops };
  }

  async function stop(running: NonNullable<typeof started>, graceMs: number) {
    const { database, boss, listener, triggers, loops } = running;
    upkeep.abort();
    runs.shutDown();
    const outOfTime = setTimeout(() => giveUp.abort(), graceMs - CLOSING_MS);
    await boss.stop({ graceful: true, timeout: graceMs - CLOSING_MS });
    clearTimeout(outOfTime);
    giveUp.abort();
    await listener.close();
    await Promise.all(loops);
    await triggers.close();
    await database.close();
    log.info('worker stopped');
  }

  return {
    async start() {
      started ??= await start();
    },
    async stop(graceMs) {
      const running = started;
      started = undefined;
      if (running) await Promise.race([stop(running, graceMs), wait(graceMs, undefined, { ref: false })]);
    },
    status: () => ({ running: started !== undefined, runs: runs.count }),
    isReady: async () => started !== undefined && (await started.boss.isInstalled()),
  };
}

function check(runs: ActiveRuns, database: ServiceDatabase, log: Logger): Promise<void> {
  return attempt(() => runs.check(database.sql), log);
}

/** Upkeep that fails is reported and tried again in its next round. */
async function attempt(task: () => Promise<unknown>, log: Logger): Promise<void> {
  try {
    await task();
  } catch (error) {
    log.warn({ error: messageOf(error) }, 'upkeep failed');
  }
}

/** Does a task now and then a while after its end, again and again, until the signal. */
async function every(ms: number, signal: AbortSignal, task: () => Promise<void>): Promise<void> {
  while (!signal.aborted) {
    await task();
    await wait(ms, undefined, { signal }).catch(() => undefined);
  }
}
