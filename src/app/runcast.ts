import type { Server } from 'node:http';
import { createProviders } from '../modules/training/providers.ts';
import { rememberTokens } from '../platform/auth/remember-tokens.ts';
import { resolveJwt } from '../platform/auth/resolve-jwt.ts';
import { createTokenVerifier } from '../platform/auth/verify-token.ts';
import type { Config, JwtConfig } from '../platform/config.ts';
import { type DatabaseUrls, databaseUrls } from '../platform/db/connections.ts';
import { applyMigrations } from '../platform/db/migrations/migrator.ts';
import { checkDatabase } from '../platform/db/preflight.ts';
import { createViewerDatabase, type ViewerDatabase } from '../platform/db/viewer.ts';
import { StartupError } from '../platform/errors.ts';
import type { Lifecycle } from '../platform/lifecycle.ts';
import { createHintPublisher } from '../platform/live/hint-publisher.ts';
import type { SendHint } from '../platform/live/hint-source.ts';
import { createLive, type Live } from '../platform/live/live.ts';
import { createNotifier } from '../platform/live/notifier.ts';
import type { Logger } from '../platform/logger.ts';
import { resolveSecretKeys } from '../platform/secret-keys.ts';
import { createApi, type ReadinessCheck } from './api.ts';
import { openDatabase } from './database.ts';
import { makeDemoWorkspace } from './demo.ts';
import { afterFiles } from './jobs.ts';
import { listen } from './listen.ts';
import { loadPersistedOperations } from './persisted-operations.ts';
import { createWorker } from './worker.ts';

export type Runcast = {
  /** Where the API answers, e.g. `http://localhost:4000`; undefined where this process serves none. */
  url: string | undefined;
  jwt: JwtConfig;
  /** True where the demo workspace was made by this start. */
  isNewWorkspace: boolean;
};

export type StartOptions = {
  config: Config;
  lifecycle: Lifecycle;
  log: Logger;
  /** Aborted: the start ends at its next step, with the signal's reason. */
  signal: AbortSignal;
  /** A line for whoever waits: migrations, a database that is made. */
  progress: (line: string) => void;
};

/** What the API and the worker leave of the grace for what is closed after them: connections, a Postgres of our own. */
const AFTERWARDS_MS = 500;

/**
 * Starts what the configuration asks of this process and registers with the lifecycle how to stop it. The port is
 * taken first and the database looked at before anything is written: a start that fails leaves nothing half-done.
 *
 * @throws {StartupError} one sentence with the remedy
 */
export async function startRuncast({
  config,
  lifecycle,
  log,
  signal,
  progress,
}: StartOptions): Promise<Runcast> {
  const listening = config.api ? await listen(config.host, config.port) : undefined;
  if (listening) lifecycle.onStop('port', () => closeServer(listening.server));
  const jwt = await resolveJwt(config);
  const cipher = await resolveSecretKeys(config);
  const persistedOperations = config.api ? await loadPersistedOperations(config) : undefined;
  signal.throwIfAborted();

  const { urls, isNewWorkspace } = await prepareDatabase({ config, lifecycle, signal, progress });
  signal.throwIfAborted();

  const sendHint = openHintPublisher(config, lifecycle, log);
  const graceMs = Math.max(config.shutdownGraceMs - AFTERWARDS_MS, config.shutdownGraceMs / 2);
  const reads = listening && (await openReads(urls.api, { config, lifecycle, sendHint, log }));
  const notify = sendHint ?? (config.worker ? openNotifier(urls.worker, lifecycle, log) : undefined);
  // Sockets are closed over most of the grace, and see meanwhile how the worker hands its runs back.
  const both = lifecycle.together();
  const readiness: Record<string, ReadinessCheck> = {};
  if (config.worker) {
    const worker = createWorker({ config, workerUrl: urls.worker, sendHint: notify, cipher, log });
    both.onStop('worker', () => worker.stop(graceMs));
    await worker.start();
    readiness.queue = () => worker.isReady();
  }
  if (!listening || !reads) return { url: undefined, jwt, isNewWorkspace };

  const host = config.host === '0.0.0.0' || config.host === '127.0.0.1' ? 'localhost' : config.host;
  const url = `http://${host}:${listening.port}`;
  const api = createApi({
    ...reads,
    publicUrl: config.publicUrl ?? url,
    config,
    verify: rememberTokens(createTokenVerifier(jwt)),
    log,
    providers: createProviders({ config, log }),
    cipher,
    readiness,
    ...(persistedOperations && { persistedOperations }),
  });
  const sockets = api.attach(listening.server);
  both.onStop('api', () => sockets.close(graceMs));
  listening.serve(api.handler);
  return { url, jwt, isNewWorkspace };
}

/** What the API reads from: the database as each viewer sees it, and word of what is new in it. */
async function openReads(
  url: string,
  {
    config,
    lifecycle,
    sendHint,
    log,
  }: Pick<StartOptions, 'config' | 'lifecycle' | 'log'> & { sendHint: SendHint | undefined },
): Promise<{ viewerDb: ViewerDatabase; live: Live }> {
  const viewerDb = createViewerDatabase({ ...config, url, sendHint, log });
  lifecycle.onStop('database pool', () => viewerDb.close());
  const live = createLive({ url, redisUrl: config.redisUrl, viewerDb, log, limits: config.live });
  lifecycle.onStop('listener', () => live.close());
  await live.started;
  return { viewerDb, live };
}

/** Where no Redis is: the worker, which writes most, notifies apart from its writes. */
function openNotifier(url: string, lifecycle: Lifecycle, log: Logger): SendHint {
  const notifier = createNotifier({ url, log });
  lifecycle.onStop('notifier', () => notifier.close());
  return (hint) => notifier.publish(hint);
}

/** Undefined where the database sends the hints itself. What Redis does not take is no reason not to start. */
function openHintPublisher(config: Config, lifecycle: Lifecycle, log: Logger): SendHint | undefined {
  const url = config.redisUrl;
  if (url === undefined) return undefined;
  const publisher = createHintPublisher({ url, log });
  lifecycle.onStop('hint publisher', () => publisher.close());
  return (hint) => publisher.publish(hint);
}

type Prepared = { urls: Pick<DatabaseUrls, 'api' | 'worker'>; isNewWorkspace: boolean };

/** Migrates as the administrator, or, where only the logins are configured, sees to it that somebody has. */
async function prepareDatabase({
  config,
  lifecycle,
  signal,
  progress,
}: Omit<StartOptions, 'log'>): Promise<Prepared> {
  const configured = { api: config.apiDatabaseUrl, worker: config.workerDatabaseUrl };
  if (!config.databaseUrl && (configured.api || configured.worker)) {
    const { api, worker } = configured;
    if (!api || !worker) {
      throw new StartupError(
        'Without DATABASE_URL both API_DATABASE_URL and WORKER_DATABASE_URL are needed: set the other one.',
      );
    }
    await checkDatabase(api, { expectsSchema: true });
    return { urls: { api, worker }, isNewWorkspace: false };
  }
  const admin = await openDatabase(config, lifecycle);
  const urls = databaseUrls(admin, configured);
  await checkDatabase(admin);
  signal.throwIfAborted();
  await applyMigrations({
    adminUrl: admin,
    configured,
    log: progress,
    afterFiles,
  });
  const isNewWorkspace = config.demo && (await makeDemoWorkspace(admin, config.dataDir));
  return { urls, isNewWorkspace };
}

function closeServer(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}
