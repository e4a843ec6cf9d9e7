import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';
import { runAgentJob } from '../modules/agents/jobs/run-agent.ts';
import { wakeAgent } from '../modules/agents/jobs/wake-agent.ts';
import type { AgentPorts } from '../modules/agents/ports.ts';
import { compactAllUsage } from '../modules/billing/upkeep.ts';
import { type ActiveRuns, createActiveRuns } from '../modules/executions/active-runs.ts';
import { runTraining } from '../modules/training/jobs/run-training.ts';
import { createProviders } from '../modules/training/providers.ts';
import { type ActiveSteps, createActiveSteps } from '../modules/workflows/engine/active-steps.ts';
import { workWorkflows } from '../modules/workflows/jobs/jobs.ts';
import type { Config } from '../platform/config.ts';
import { createServiceDatabase, type ServiceDatabase } from '../platform/db/service.ts';
import type { Cipher } from '../platform/encryption.ts';
import { messageOf } from '../platform/errors.ts';
import { ensurePartitions, refreshLogs } from '../platform/feed/feed.ts';
import { createBoss, startBoss, work } from '../platform/jobs/boss.ts';
import type { SendHint } from '../platform/live/hint-source.ts';
import { createListener } from '../platform/live/listener.ts';
import type { Logger } from '../platform/logger.ts';
import { createAgentPorts } from './agents.ts';
import { createSteps, faultsOf, openSandbox } from './steps.ts';
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
/** What agents remember is not shown any more once it has expired; sweeping only makes room. */
const SWEEP_MEMORIES_MS = 10 * 60 * 1_000;
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
  /** What agents need, beside or in place of what the configuration says. */
  agentPorts?: Partial<AgentPorts>;
  /** Reads secrets; without one none can be read. */
  cipher?: Cipher | undefined;
  /** Default: this process's. */
  environment?: Record<string, string | undefined>;
}): Worker {
  const { config, workerUrl, sendHint } = options;
  const log = options.log.child({ part: 'worker' });
  const name = `${hostname()}/${process.pid}-${randomBytes(3).toString('hex')}`;
  const runs = createActiveRuns();
  const steps = createActiveSteps();
  const giveUp = new AbortController();
  const upkeep = new AbortController();
  let started: Awaited<ReturnType<typeof start>> | undefined;

  async function start() {
    const database = createServiceDatabase({
      url: workerUrl,
      poolSize: Math.min(config.poolSize, config.local.maxRuns + config.agentMaxRuns + config.maxSteps + 2),
      sendHint,
      log,
    });
    const boss = createBoss({ url: workerUrl, log });
    await startBoss(boss);
    const providers = createProviders({ ...options, config: { ...config, worker: true } });
    const dependencies = { database, providers, runs, worker: name, giveUp: giveUp.signal, log };
    await work(boss, runTraining, dependencies, { concurrency: config.local.maxRuns, log });
    const sandbox = openSandbox();
    const faultsHere = faultsOf(config.channels);
    const { kit, holds, toolRunners } = createSteps({
      ...{ config, database, sandbox, providers },
      cipher: options.cipher,
    });
    const { models, agentMaxRuns, maxSteps } = config;
    const ports = {
      ...createAgentPorts({ models, sandbox, toolRunners, faultsHere }),
      ...options.agentPorts,
    };
    await work(boss, runAgentJob, { ...dependencies, ports }, { concurrency: agentMaxRuns, log });
    await work(boss, wakeAgent, { database }, { concurrency: 1, log });
    await workWorkflows(boss, { database, kit, steps, worker: name, log }, { concurrency: maxSteps });
    const triggers = await openTriggers(boss, { database, holds, faultsHere, log });
    const listener = createListener({
      url: workerUrl,
      channels: ['runcast_control'],
      log,
      onConnect: () => {
        database.suspect();
        void check({ runs, steps }, database, log);
      },
      onNotification: () => void check({ runs, steps }, database, log),
    });
    const loops = [
      every(CHECK_RUNS_MS, upkeep.signal, () => check({ runs, steps }, database, log)),
      every(REFRESH_LOGS_MS, upkeep.signal, () => attempt(() => refreshLogs(database.sql), log)),
      every(COMPACT_USAGE_MS, upkeep.signal, () =>
        attempt(() => compactAllUsage(database.sql, upkeep.signal), log),
      ),
      every(SWEEP_MEMORIES_MS, upkeep.signal, () =>
        attempt(() => database.sql.query('select runcast.sweep_agent_memories()'), log),
      ),
      every(SCHEDULES_MS, upkeep.signal, () => attempt(() => triggers.startDue(upkeep.signal), log)),
      every(PARTITIONS_MS, upkeep.signal, () => attempt(() => ensurePartitions(database.sql), log)),
    ];
    log.info({ worker: name, runs: config.local.maxRuns }, 'worker started');
    return { database, boss, listener, loops, sandbox };
  }

  async function stop(
    { database, boss, listener, loops, sandbox }: NonNullable<typeof started>,
    graceMs: number,
  ) {
    upkeep.abort();
    runs.shutDown();
    steps.shutDown();
    const outOfTime = setTimeout(() => giveUp.abort(), graceMs - CLOSING_MS);
    await boss.stop({ graceful: true, timeout: graceMs - CLOSING_MS });
    clearTimeout(outOfTime);
    giveUp.abort();
    await listener.close();
    await Promise.all(loops);
    await sandbox.close();
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

function check(
  { runs, steps }: { runs: ActiveRuns; steps: ActiveSteps },
  database: ServiceDatabase,
  log: Logger,
): Promise<void> {
  return attempt(() => Promise.all([runs.check(database.sql), steps.check(database.sql)]), log);
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
