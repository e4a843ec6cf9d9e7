import { join, resolve } from 'node:path';
import type { z } from 'zod';
import { type ChannelsConfig, channelFaults, channelsOf } from './channel-settings.ts';
import { StartupError } from './errors.ts';
import type { LogLevel } from './logger.ts';
import type { Allowance } from './outbound/allowances.ts';
import { settings } from './settings.ts';

export type DocumentLimits = {
  maxDepth: number;
  /** Values that the answer of one operation may hold. */
  maxComplexity: number;
  maxTokens: number;
  maxAliases: number;
  maxDirectives: number;
  maxRootFields: number;
};

/** What the live part of the API holds at most, for one process. */
export type LiveLimits = {
  /** WebSockets and SSE streams. */
  maxSockets: number;
  /** WebSockets and SSE streams of one user. */
  maxSocketsPerUser: number;
  maxOperationsPerSocket: number;
  /** Unsent bytes of a socket from which on it is paused. */
  maxBufferedBytes: number;
  /** How long a socket may be paused before it is closed. */
  stalledMs: number;
  /** Events and bytes that are kept of one stream. */
  ringEvents: number;
  ringBytes: number;
  /** How long a stream without subscribers is kept. */
  graceMs: number;
};

export type JwtConfig = { secret?: string; jwksUrl?: string; issuer?: string; audience: string };

export type Config = {
  port: number;
  host: string;
  /** Without a slash at its end; undefined: this machine. */
  publicUrl?: string;
  api: boolean;
  worker: boolean;
  isProduction: boolean;
  /** Administrator's connection string; undefined means the embedded Postgres. */
  databaseUrl?: string;
  apiDatabaseUrl?: string;
  workerDatabaseUrl?: string;
  /** Absolute path. */
  dataDir: string;
  poolSize: number;
  statementTimeoutMs: number;
  /** Where this program's own writers send their hints; undefined: Postgres sends them. */
  redisUrl?: string;
  jwt: JwtConfig;
  graphiql: boolean;
  introspection: boolean;
  /** Absolute path of the manifest; undefined for the one that is generated. */
  persistedOperations?: string;
  persistedOnly: boolean;
  allowedOrigins: readonly string[];
  /** How many proxies stand in front. */
  trustProxy: number;
  /** Operations a minute; 0 for no limit. */
  rateLimits: { perUser: number; perIp: number };
  limits: DocumentLimits;
  live: LiveLimits;
  metricsToken?: string;
  /** The first one encrypts, all decrypt. */
  secretKeys?: [Buffer, ...Buffer[]];
  /** What requests that users' definitions cause may reach; no ports: any. */
  outbound: { ports: readonly number[]; allowances: readonly Allowance[] };
  demo: boolean;
  logLevel: LogLevel;
  shutdownGraceMs: number;
  local: { command?: string[]; maxRuns: number; runTimeoutMs: number };
  /** Steps of workflows at a time. */
  maxSteps: number;
  /** Runs of agents at a time. */
  agentMaxRuns: number;
  models: ModelSettings;
  channels: ChannelsConfig;
};

/** The model servers that the operator has set up; whatever is not is undefined. */
export type ModelSettings = {
  /** Any that speaks OpenAI's chat API. */
  compatible?: { baseUrl: string; apiKey?: string };
  openai?: { apiKey: string; baseUrl?: string };
  anthropic?: { apiKey: string; baseUrl?: string };
  /** A name, or `provider:name`. */
  default?: string;
};

/**
 * The configuration that the environment describes.
 *
 * @param env the environment, as a value: nothing else is read. An empty value counts as not set.
 * @param folder what relative paths are relative to
 * @throws {StartupError} with every fault at once, each naming its variable and never showing its value
 */
export function loadConfig(env: Record<string, string | undefined>, folder: string): Config {
  const given = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value !== ''),
  );
  const parsed = settings.safeParse(given);
  const faults = parsed.success
    ? channelFaults(parsed.data)
    : parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  if (!parsed.success || faults.length > 0) {
    throw new StartupError(`Invalid settings — ${faults.join('; ')}. See .env.example.`, { exitCode: 2 });
  }
  const s = parsed.data;
  const isProduction = s.NODE_ENV === 'production';
  const graphiql = s.GRAPHIQL ?? !isProduction;
  const databaseUrl = s.DATABASE_URL ?? s.SUPABASE_DB_URL;
  return {
    port: s.PORT,
    host: s.HOST,
    ...(s.PUBLIC_URL && { publicUrl: s.PUBLIC_URL }),
    api: s.RUNCAST_ROLES.includes('api'),
    worker: s.RUNCAST_ROLES.includes('worker'),
    isProduction,
    ...(databaseUrl && { databaseUrl }),
    ...(s.API_DATABASE_URL && { apiDatabaseUrl: s.API_DATABASE_URL }),
    ...(s.WORKER_DATABASE_URL && { workerDatabaseUrl: s.WORKER_DATABASE_URL }),
    dataDir: resolve(folder, s.RUNCAST_DATA_DIR),
    poolSize: s.DATABASE_POOL_SIZE,
    statementTimeoutMs: s.STATEMENT_TIMEOUT_MS,
    ...(s.REDIS_URL && { redisUrl: s.REDIS_URL }),
    jwt: {
      audience: s.JWT_AUDIENCE,
      ...(s.JWT_SECRET && { secret: s.JWT_SECRET }),
      ...(s.JWT_JWKS_URL && { jwksUrl: s.JWT_JWKS_URL }),
      ...(s.JWT_ISSUER && { issuer: s.JWT_ISSUER }),
    },
    graphiql,
    introspection: s.INTROSPECTION ?? graphiql,
    ...(s.PERSISTED_OPERATIONS && { persistedOperations: resolve(folder, s.PERSISTED_OPERATIONS) }),
    persistedOnly: s.PERSISTED_ONLY,
    allowedOrigins: s.ALLOWED_ORIGINS ?? [],
    trustProxy: s.TRUST_PROXY,
    rateLimits: { perUser: s.RATE_LIMIT_PER_USER, perIp: s.RATE_LIMIT_PER_IP },
    limits: limitsOf(s),
    live: liveLimitsOf(s),
    ...(s.METRICS_TOKEN && { metricsToken: s.METRICS_TOKEN }),
    ...(s.SECRETS_KEY && { secretKeys: s.SECRETS_KEY }),
    outbound: { ports: s.OUTBOUND_PORTS, allowances: s.OUTBOUND_ALLOWED_HOSTS ?? [] },
    demo: s.DEMO ?? graphiql,
    logLevel: s.LOG_LEVEL ?? (isProduction ? 'info' : 'warn'),
    shutdownGraceMs: s.SHUTDOWN_GRACE_MS,
    local: {
      ...(s.LOCAL_TRAINER && { command: s.LOCAL_TRAINER }),
      maxRuns: s.LOCAL_MAX_RUNS,
      runTimeoutMs: s.LOCAL_RUN_TIMEOUT_MINUTES * 60_000,
    },
    maxSteps: s.WORKFLOW_MAX_STEPS,
    agentMaxRuns: s.AGENT_MAX_RUNS,
    models: modelsOf(s),
    channels: channelsOf(s),
  };
}

function modelsOf(s: z.infer<typeof settings>): ModelSettings {
  const at = (baseUrl: string | undefined) => baseUrl !== undefined && { baseUrl };
  return {
    ...(s.MODEL_BASE_URL && {
      compatible: { baseUrl: s.MODEL_BASE_URL, ...(s.MODEL_API_KEY && { apiKey: s.MODEL_API_KEY }) },
    }),
    ...(s.OPENAI_API_KEY && { openai: { apiKey: s.OPENAI_API_KEY, ...at(s.OPENAI_BASE_URL) } }),
    ...(s.ANTHROPIC_API_KEY && {
      anthropic: { apiKey: s.ANTHROPIC_API_KEY, ...at(s.ANTHROPIC_BASE_URL) },
    }),
    ...(s.MODEL_DEFAULT && { default: s.MODEL_DEFAULT }),
  };
}

/** The limits of documents where nothing is set. */
export function defaultLimits(): DocumentLimits {
  return limitsOf(settings.parse({}));
}

/** The limits of the live part where nothing is set. */
export function defaultLiveLimits(): LiveLimits {
  return liveLimitsOf(settings.parse({}));
}

function limitsOf(s: z.infer<typeof settings>): DocumentLimits {
  return {
    maxDepth: s.GRAPHQL_MAX_DEPTH,
    maxComplexity: s.GRAPHQL_MAX_COMPLEXITY,
    maxTokens: s.GRAPHQL_MAX_TOKENS,
    maxAliases: s.GRAPHQL_MAX_ALIASES,
    maxDirectives: s.GRAPHQL_MAX_DIRECTIVES,
    maxRootFields: s.GRAPHQL_MAX_ROOT_FIELDS,
  };
}

function liveLimitsOf(s: z.infer<typeof settings>): LiveLimits {
  return {
    maxSockets: s.LIVE_MAX_SOCKETS,
    maxSocketsPerUser: s.LIVE_MAX_SOCKETS_PER_USER,
    maxOperationsPerSocket: s.LIVE_MAX_OPERATIONS_PER_SOCKET,
    maxBufferedBytes: s.LIVE_MAX_BUFFERED_BYTES,
    stalledMs: s.LIVE_STALLED_SECONDS * 1_000,
    ringEvents: s.LIVE_RING_EVENTS,
    ringBytes: s.LIVE_RING_BYTES,
    graceMs: s.LIVE_GRACE_SECONDS * 1_000,
  };
}

/** Where the local provider keeps a run's files, below the data folder. */
export function runFolder(config: Pick<Config, 'dataDir'>, executionId: string): string {
  return join(config.dataDir, 'runs', executionId);
}
