import { randomUUID } from 'node:crypto';
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import type { GraphQLError } from 'graphql';
import type { Verify } from '../graphql/authorization.ts';
import { createEventStreams } from '../graphql/event-streams.ts';
import { createJsonPosts } from '../graphql/json-posts.ts';
import { createAdmission } from '../graphql/limits/admission.ts';
import { createPersisted } from '../graphql/limits/persisted.ts';
import { createRateLimits } from '../graphql/limits/rate-limits.ts';
import type { RefusalCode } from '../graphql/limits/refusals.ts';
import { createSocketLimits } from '../graphql/limits/socket-limits.ts';
import { Outlets } from '../graphql/live/outlet.ts';
import { type Sockets, serveSockets } from '../graphql/websocket.ts';
import { createGraphql } from '../graphql/yoga.ts';
import type { AgentPorts } from '../modules/agents/ports.ts';
import { createAgentRuns } from '../modules/agents/run-service.ts';
import { createSecretsService } from '../modules/secrets/service.ts';
import { createTrainingEndpoints } from '../modules/training/rest.ts';
import { type Availabilities, createTrainingService } from '../modules/training/service.ts';
import { createApprovalEndpoint } from '../modules/workflows/approvals/endpoint.ts';
import { createApprovalLinks } from '../modules/workflows/approvals/links.ts';
import { createWorkflowRunService } from '../modules/workflows/run-service.ts';
import { createWebhookEndpoint } from '../modules/workflows/triggers/webhook-endpoint.ts';
import { createWebhookReceiver } from '../modules/workflows/triggers/webhook-requests.ts';
import { createWebhookSecrets } from '../modules/workflows/triggers/webhook-secret.ts';
import { type Config, defaultLimits, defaultLiveLimits } from '../platform/config.ts';
import type { ViewerDatabase } from '../platform/db/viewer.ts';
import type { Cipher } from '../platform/encryption.ts';
import { sendJson } from '../platform/http.ts';
import { SCHEMA } from '../platform/jobs/install.ts';
import type { LiveFigures } from '../platform/live/figures.ts';
import type { Live } from '../platform/live/live.ts';
import type { Logger } from '../platform/logger.ts';
import { createOrigins } from '../platform/origins.ts';
import { createAgentChecks } from './agents.ts';
import { drain } from './drain.ts';
import { examples } from './examples.ts';
import { createMetrics } from './metrics.ts';
import { schema } from './schema.ts';
import { faultsOf, openSandbox } from './steps.ts';

/** A check of something the API needs; resolves to false or rejects where it is not there. */
export type ReadinessCheck = () => boolean | Promise<boolean>;

export type ApiOptions = {
  /**
   * Without them documents and sockets have the limits of the default settings; callers have no rates, and origins but
   * its own; metrics are open.
   */
  config: Pick<Config, 'statementTimeoutMs' | 'graphiql' | 'introspection'> &
    Partial<
      Pick<
        Config,
        | 'limits'
        | 'rateLimits'
        | 'trustProxy'
        | 'allowedOrigins'
        | 'persistedOnly'
        | 'live'
        | 'isProduction'
        | 'metricsToken'
        | 'channels'
        | 'models'
      >
    >;
  viewerDb: ViewerDatabase;
  verify: Verify;
  live: Live;
  log: Logger;
  providers: Availabilities;
  /** Encrypts secrets and signs links; without one none can be set, and there are none. */
  cipher?: Cipher | undefined;
  /** Default: no model server is set up. */
  agentPorts?: Partial<AgentPorts>;
  /** Where others reach this server, without a slash at its end. Default: the default port on this machine. */
  publicUrl?: string;
  /** How much longer than one statement an operation may take; default: 5 s. */
  operationMarginMs?: number;
  /** Text by sha256; default: none. */
  persistedOperations?: ReadonlyMap<string, string>;
  /** By name, beside or in place of `database`, `listener` and `queue`, which a worker looks at from the inside. */
  readiness?: Readonly<Record<string, ReadinessCheck>>;
};

export type Api = {
  handler: RequestListener;
  /**
   * Serves WebSockets on the server too. `close` refuses what is new, ends what is followed one by one, and is over
   * within the grace, whatever happens.
   */
  attach(server: Server): { close(graceMs: number): Promise<void> };
};

/** @returns whether the request was for it, and is being answered */
type Endpoint = (request: IncomingMessage, response: ServerResponse, path: string) => boolean;

/** On top of the statement timeout, for an operation of more than one statement. */
const OPERATION_MARGIN_MS = 5_000;
const READINESS_TIMEOUT_MS = 2_000;

/** The catalogue is everybody's to read; the queue's tables are not the API's. */
const QUEUE_EXISTS = `select 1 as one from pg_catalog.pg_tables where schemaname = '${SCHEMA}' and tablename = 'job'`;

/** The HTTP side of Runcast. It owns no connection: who made the database and the listener closes them, afterwards. */
export function createApi(options: ApiOptions): Api {
  const { config, viewerDb, verify, live, log, providers } = options;
  const draining = new AbortController();
  const closing = new AbortController();
  const responses = new Set<ServerResponse>();
  const service = createTrainingService({ providers });
  const sandbox = openSandbox();
  const faultsHere = faultsOf(config.channels ?? {});
  const workflowRuns = createWorkflowRunService({ faultsHere });
  const agents = createAgentRuns({
    ...createAgentChecks({ models: config.models ?? {}, sandbox }),
    ...options.agentPorts,
  });
  const webhooks = createWebhookSecrets({ cipher: options.cipher });
  const publicUrl = options.publicUrl ?? 'http://localhost:4000';
  const approvalLinks = options.cipher && createApprovalLinks({ cipher: options.cipher, baseUrl: publicUrl });
  const origins = createOrigins(config.allowedOrigins ?? []);
  const admission = createAdmission({
    verify,
    rateLimits: createRateLimits(config.rateLimits ?? { perUser: 0, perIp: 0 }),
    trustProxy: config.trustProxy ?? 0,
  });
  const liveLimits = config.live ?? defaultLiveLimits();
  const socketLimits = createSocketLimits(liveLimits);
  const outlets = new Outlets(liveLimits, live.stats);
  let sockets: Sockets | undefined;
  const liveFigures = (): LiveFigures => ({
    ...live.status(),
    stats: live.stats,
    webSockets: sockets?.open.size ?? 0,
    eventStreams: eventStreams.responses.size,
    maxSockets: liveLimits.maxSockets,
    users: socketLimits.users,
    bufferedBytes: outlets.bufferedBytes,
  });
  const persisted = createPersisted({
    operations: options.persistedOperations ?? new Map(),
    only: config.persistedOnly ?? false,
  });
  const graphql = createGraphql({
    schema,
    verify,
    base: {
      viewerDb,
      live,
      log,
      services: {
        training: service,
        agents,
        workflowRuns,
        secrets: createSecretsService({ cipher: options.cipher }),
        ...{ webhooks, publicUrl, approvalLinks, liveFigures },
      },
    },
    closing: closing.signal,
    timeoutMs: config.statementTimeoutMs + (options.operationMarginMs ?? OPERATION_MARGIN_MS),
    playground: config.graphiql && examples,
    introspection: config.introspection,
    limits: config.limits ?? defaultLimits(),
    persisted,
  });
  const serving = { graphql, closing: closing.signal, admission, persisted };
  const serveGraphql = createJsonPosts(serving);
  const eventStreams = createEventStreams({ ...serving, ...liveLimits, outlets, socketLimits });
  const metrics = createMetrics({ ...config, figures: liveFigures, log });
  const report = (error: unknown) => {
    const errorId = randomUUID();
    log.error({ err: error, errorId }, 'unexpected error');
    return errorId;
  };
  const serveTraining = createTrainingEndpoints({ service, viewerDb, verify, report });
  const receive = createWebhookReceiver({ viewerDb, secrets: webhooks, faultsHere });
  const serveWebhook = createWebhookEndpoint({ receive, report });
  const serveApproval = createApprovalEndpoint({ links: approvalLinks, viewerDb, report });
  const checks: Record<string, ReadinessCheck> = {
    database: () =>
      viewerDb.withViewer(
        { role: 'anon' },
        async ({ sql }) => (await sql.query('select 1 as one')).length === 1,
      ),
    listener: () => live.status().isListening,
    // Where another process works it, that it is there to take a job.
    queue: () =>
      viewerDb.withViewer({ role: 'anon' }, async ({ sql }) => (await sql.query(QUEUE_EXISTS)).length === 1),
    ...options.readiness,
  };

  function handler(request: IncomingMessage, response: ServerResponse): void {
    responses.add(response);
    response.on('close', () => responses.delete(response));
    const path = (request.url ?? '/').split('?', 1)[0] ?? '/';
    if (metrics && path === '/metrics') {
      // Before CORS: no page, of whatever origin, is to read them.
      metrics.serve(request, response);
      return;
    }
    if (path.startsWith('/approvals/') && !draining.signal.aborted) {
      // Before the origin is looked at: browsers hide it of a page that sends no referrer, and the link is the right itself.
      void serveRest(request, response, path, [serveApproval]);
      return;
    }
    if (origins.answerCors(request, response)) return;
    if (origins.isForeign(request.headers)) refuseOrigin(response);
    else if (path === '/health/live') sendJson(response, 200, { status: 'ok' });
    else if (path === '/health/ready') void answerReadiness(response, checks, draining.signal);
    else if (draining.signal.aborted) refuseAtEnd(response);
    else if (path === '/graphql' || path === '/graphql/') {
      const wantsEvents = request.headers.accept?.includes('text/event-stream');
      (wantsEvents ? eventStreams.serve : serveGraphql)(request, response);
    } else void serveRest(request, response, path, [serveTraining, serveWebhook]);
  }

  async function serveRest(
    request: IncomingMessage,
    response: ServerResponse,
    path: string,
    endpoints: readonly Endpoint[],
  ): Promise<void> {
    const { refused } = await admission.ofRequest(request);
    if (refused) refuseRate(response, refused);
    else if (!endpoints.some((serve) => serve(request, response, path))) {
      sendJson(response, 404, { error: 'There is nothing here.', details: 'GraphQL is at /graphql.' });
    }
  }

  function attach(server: Server) {
    sockets = serveSockets(server, {
      graphql,
      verify,
      log,
      admission,
      origins,
      persisted,
      socketLimits,
      maxOperationsPerSocket: liveLimits.maxOperationsPerSocket,
      draining: draining.signal,
      outlets,
    });
    const parts = { server, sockets, streams: eventStreams.responses, responses, draining, closing };
    return {
      async close(graceMs: number) {
        await drain(parts, graceMs);
        outlets.close();
        await sandbox.close();
        metrics?.stop();
      },
    };
  }

  return { handler, attach };
}

function refuseOrigin(response: ServerResponse): void {
  refuse(
    response,
    403,
    'FOREIGN_ORIGIN',
    'Pages of this origin may not use this server: see ALLOWED_ORIGINS.',
  );
}

function refuseAtEnd(response: ServerResponse): void {
  response.setHeader('retry-after', '1').setHeader('connection', 'close');
  refuse(response, 503, 'SERVER_CLOSING', 'This server is closing: try again in a moment.');
}

/** In the shape of GraphQL and in that of REST, whichever was asked for. */
function refuse(response: ServerResponse, status: number, code: RefusalCode, message: string): void {
  sendJson(response, status, { error: message, errors: [{ message, extensions: { code } }] });
}

function refuseRate(response: ServerResponse, { message, extensions }: GraphQLError): void {
  response.setHeader('retry-after', String(extensions.retryAfter));
  sendJson(response, 429, { error: message });
}

async function answerReadiness(
  response: ServerResponse,
  checks: Record<string, ReadinessCheck>,
  draining: AbortSignal,
): Promise<void> {
  const results = await Promise.all(
    Object.entries(checks).map(async ([name, check]) => {
      const late = wait(READINESS_TIMEOUT_MS, false, { ref: false });
      const isThere = await Promise.race([(async () => check())(), late]).catch(() => false);
      return [name, isThere ? 'ok' : 'failed'] as const;
    }),
  );
  const isReady = !draining.aborted && results.every(([, result]) => result === 'ok');
  const status = draining.aborted ? 'closing' : isReady ? 'ok' : 'failed';
  sendJson(response, isReady ? 200 : 503, { status, checks: Object.fromEntries(results) });
}
