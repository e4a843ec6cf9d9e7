import { z } from 'zod';
import { channelSettings } from './channel-settings.ts';
import { allowancesOf, keysOf, portsOf } from './config-lists.ts';
import { logLevels } from './logger.ts';

const flag = z
  .enum(['on', 'off', 'true', 'false', '1', '0'])
  .transform((text) => ['on', 'true', '1'].includes(text));
const whole = (min: number, max: number) =>
  z.coerce.number({ error: 'must be a number' }).int('must be a whole number').min(min).max(max);
const postgresUrl = z.url({
  protocol: /^postgres(ql)?$/,
  error: 'must look like postgresql://user:password@host:5432/db',
});
const redisUrl = z
  .url({ protocol: /^rediss?$/, error: 'must look like redis://user:password@host:6379' })
  .refine(
    (text) => {
      const { pathname, username, password } = new URL(text);
      return /^\/?\d*$/.test(pathname) && isPercentEncoded(username) && isPercentEncoded(password);
    },
    { error: 'must end in the number of a database, if anything, and have its password percent-encoded' },
  );

const httpUrl = z.url({ protocol: /^https?$/, error: 'must be an http(s) URL' });

/**
 * Every setting the program reads, in the order of `.env.example`, which a test checks against this schema.
 * `meta.example` is the value shown there; settings without a default are optional.
 */
export const settings = z.object({
  PORT: whole(0, 65_535).default(4000).describe('Port of the HTTP and WebSocket server; 0 takes a free one.'),
  HOST: z.string().default('127.0.0.1').describe('Address to listen on; 0.0.0.0 for every interface.'),
  PUBLIC_URL: httpUrl
    .optional()
    .transform((url) => url?.replace(/\/+$/, ''))
    .describe(
      'Where others reach this server, for the links and addresses that it gives out; default: http://localhost with the port.',
    )
    .meta({ example: 'https://runcast.example.com' }),
  RUNCAST_ROLES: z
    .enum(['api,worker', 'worker,api', 'api', 'worker'])
    .default('api,worker')
    .describe('What this process does: serve the API, run jobs, or both.'),
  RUNCAST_DATA_DIR: z
    .string()
    .default('.runcast')
    .describe('Folder of the embedded Postgres, run folders and models.'),
  DATABASE_URL: postgresUrl
    .optional()
    .describe('A Postgres 15 to 18 of your own, as an administrator; without it an embedded one is started.')
    .meta({ example: 'postgresql://postgres:password@localhost:5432/postgres' }),
  SUPABASE_DB_URL: postgresUrl
    .optional()
    .describe('The same under the name of the migration guide; DATABASE_URL wins.')
    .meta({ example: 'postgresql://postgres:password@db.project.supabase.co:5432/postgres' }),
  API_DATABASE_URL: postgresUrl
    .optional()
    .describe('Login of the API (role runcast_api); default: derived from DATABASE_URL.')
    .meta({ example: 'postgresql://runcast_api:password@localhost:5432/postgres' }),
  WORKER_DATABASE_URL: postgresUrl
    .optional()
    .describe('Login of the worker (role runcast_worker); default: derived from DATABASE_URL.')
    .meta({ example: 'postgresql://runcast_worker:password@localhost:5432/postgres' }),
  // On two cores four to eight served most requests a second; more of them only took turns.
  DATABASE_POOL_SIZE: whole(1, 200)
    .default(8)
    .describe('Connections of the API, each with a client of some 4 MB; as many operations run at once.'),
  STATEMENT_TIMEOUT_MS: whole(100, 600_000)
    .default(15_000)
    .describe('Longest time one SQL statement may take.'),
  REDIS_URL: redisUrl
    .optional()
    .describe(
      'A Redis that carries the wake-ups of live subscriptions between processes; default: Postgres does.',
    )
    .meta({ example: 'redis://:password@localhost:6379' }),
  JWT_SECRET: z
    .string()
    .min(32, 'must have at least 32 characters')
    .optional()
    .describe(
      'HS256 secret of the tokens (Supabase: JWT secret); default in development: made in the data folder.',
    )
    .meta({ example: 'a-secret-of-at-least-32-characters' }),
  JWT_JWKS_URL: z
    .url({ protocol: /^https?$/, error: 'must be an http(s) URL' })
    .optional()
    .describe('Public keys of the tokens, instead of a secret.')
    .meta({ example: 'https://project.supabase.co/auth/v1/.well-known/jwks.json' }),
  JWT_ISSUER: z
    .string()
    .optional()
    .describe('Required issuer of the tokens; default: any.')
    .meta({ example: 'https://project.supabase.co/auth/v1' }),
  JWT_AUDIENCE: z.string().default('authenticated').describe('Required audience of the tokens.'),
  GRAPHIQL: flag
    .optional()
    .describe('Serve the playground at /graphql; default: on unless NODE_ENV is production.'),
  INTROSPECTION: flag.optional().describe('Answer introspection queries; default: as GRAPHIQL.'),
  PERSISTED_OPERATIONS: z
    .string()
    .optional()
    .describe(
      'Manifest of persisted operations, JSON of sha256 to text; default: what npm run generate made.',
    )
    .meta({ example: 'persisted-documents.json' }),
  PERSISTED_ONLY: flag.default(false).describe('Run persisted operations and refuse all others.'),
  ALLOWED_ORIGINS: z
    .string()
    .optional()
    .transform((text, context) => (text === undefined ? undefined : originsOf(text, context)))
    .describe('Origins, besides its own, whose pages may use the API; * for all. Default: none.')
    .meta({ example: 'https://app.example.com,http://localhost:5173' }),
  TRUST_PROXY: whole(0, 10)
    .default(0)
    .describe('Proxies in front, each of which adds an entry to X-Forwarded-For; 0: the header is not read.'),
  RATE_LIMIT_PER_USER: whole(0, 1_000_000)
    .default(3_000)
    .describe('Operations of one user a minute, per process; 0 for no limit.'),
  RATE_LIMIT_PER_IP: whole(0, 1_000_000)
    .default(1_200)
    .describe('Operations without a valid token of one address a minute, per process; 0 for no limit.'),
  GRAPHQL_MAX_DEPTH: whole(3, 100).default(16).describe('How deep fields may be nested.'),
  GRAPHQL_MAX_COMPLEXITY: whole(100, 10_000_000)
    .default(100_000)
    .describe('Values that an answer may hold; pages multiply what is below them.'),
  GRAPHQL_MAX_TOKENS: whole(100, 20_000).default(3_000).describe('Tokens (words and signs) of a document.'),
  GRAPHQL_MAX_ALIASES: whole(0, 10_000).default(60).describe('Fields of a document that are renamed.'),
  GRAPHQL_MAX_DIRECTIVES: whole(0, 10_000).default(50).describe('Directives in a document.'),
  GRAPHQL_MAX_ROOT_FIELDS: whole(1, 1_000).default(30).describe('Root fields of an operation.'),
  LIVE_MAX_SOCKETS: whole(1, 1_000_000)
    .default(20_000)
    .describe('WebSockets and SSE streams of this process; more are sent elsewhere with 503.'),
  LIVE_MAX_SOCKETS_PER_USER: whole(1, 1_000_000)
    .default(200)
    .describe('WebSockets and SSE streams of one user, or without a token of one address, per process.'),
  // A page with a hundred live widgets is none; more is a client that forgot to unsubscribe.
  LIVE_MAX_OPERATIONS_PER_SOCKET: whole(1, 10_000)
    .default(100)
    .describe('Operations that run on one WebSocket at the same time.'),
  // Node tells when a connection has drained only where more than 65,536 bytes had gathered.
  LIVE_MAX_BUFFERED_BYTES: whole(65_536, 67_108_864)
    .default(131_072)
    .describe('Bytes that wait for a slow client; with more its streams are paused.'),
  LIVE_STALLED_SECONDS: whole(1, 3_600)
    .default(30)
    .describe('A client that is paused for so long is disconnected.'),
  LIVE_RING_EVENTS: whole(1, 100_000)
    .default(500)
    .describe('Newest events of a watched execution that are kept in memory.'),
  LIVE_RING_BYTES: whole(4_096, 67_108_864)
    .default(262_144)
    .describe('Bytes of those events; whichever of the two is reached first counts.'),
  LIVE_GRACE_SECONDS: whole(0, 3_600)
    .default(10)
    .describe('An execution that nobody watches any more is kept in memory for so long.'),
  METRICS_TOKEN: z
    .string()
    .min(16, 'must have at least 16 characters')
    .optional()
    .describe('Bearer token that /metrics asks for. Default: open to all, and off in production.')
    .meta({ example: 'a-token-of-at-least-16-characters' }),
  NODE_ENV: z
    .string()
    .default('development')
    .describe('production turns the playground off and demands a JWT secret.'),
  DEMO: flag.optional().describe('Make a demo workspace in an empty database; default: as GRAPHIQL.'),
  LOG_LEVEL: z
    .enum(logLevels)
    .optional()
    .describe(`One of ${logLevels.join(', ')}; default: warn, and info in production.`)
    .meta({ example: 'info' }),
  SHUTDOWN_GRACE_MS: whole(500, 60_000).default(4000).describe('Time to drain after SIGTERM or Ctrl-C.'),
  SECRETS_KEY: z
    .string()
    .optional()
    .transform((text, context) => (text === undefined ? undefined : keysOf(text, context)))
    .describe(
      'Keys of 32 bytes in base64 that secrets are encrypted with: the first encrypts, all decrypt; default with the embedded Postgres: made in the data folder.',
    )
    .meta({ example: 'output-of-openssl-rand-base64-32,the-one-before' }),
  OUTBOUND_ALLOWED_HOSTS: z
    .string()
    .optional()
    .transform((text, context) => (text === undefined ? undefined : allowancesOf(text, context)))
    .describe(
      'Hosts off the public internet that workflows and agents may call: names, addresses, either with a port, and ranges. Default: none.',
    )
    .meta({ example: 'models.lan:8000,10.1.0.0/16' }),
  // The two of the web, and the two that its servers are tried out on.
  OUTBOUND_PORTS: z
    .string()
    .default('80,443,8080,8443')
    .transform((text, context) => portsOf(text, context))
    .describe('Ports that workflows and agents may call; any for all.'),
  LOCAL_TRAINER: z
    .string()
    .optional()
    .transform((text, context) => (text === undefined ? undefined : commandOf(text, context)))
    .describe(
      'Command of the local provider as a JSON array; it is given --run <folder>. Default: the trainer shipped.',
    )
    .meta({ example: '["python3", "train.py"]' }),
  LOCAL_MAX_RUNS: whole(1, 64).default(2).describe('Local runs that one worker trains at the same time.'),
  LOCAL_RUN_TIMEOUT_MINUTES: whole(1, 1380).default(1380).describe('A local run that takes longer fails.'),
  WORKFLOW_MAX_STEPS: whole(1, 200)
    .default(16)
    .describe('Steps of workflows that one worker runs at the same time.'),
  AGENT_MAX_RUNS: whole(1, 200).default(8).describe('Runs of agents that one worker runs at the same time.'),
  MODEL_BASE_URL: httpUrl
    .optional()
    .describe('A server that speaks OpenAI’s chat API, for models of the provider openai-compatible.')
    .meta({ example: 'http://localhost:11434/v1' }),
  MODEL_API_KEY: z
    .string()
    .optional()
    .describe('Its key; default: none is sent.')
    .meta({ example: 'a-key-of-that-server' }),
  MODEL_DEFAULT: z
    .string()
    .optional()
    .describe('The model of agents that name none: a name at MODEL_BASE_URL, or provider:name.')
    .meta({ example: 'openai:gpt-5-mini' }),
  OPENAI_API_KEY: z
    .string()
    .optional()
    .describe('Key of OpenAI, for models of the provider openai.')
    .meta({ example: 'a-key-of-openai' }),
  OPENAI_BASE_URL: httpUrl
    .optional()
    .describe('Where OpenAI’s API is; default: at OpenAI.')
    .meta({ example: 'https://api.openai.com/v1' }),
  ANTHROPIC_API_KEY: z
    .string()
    .optional()
    .describe('Key of Anthropic, for models of the provider anthropic.')
    .meta({ example: 'a-key-of-anthropic' }),
  ANTHROPIC_BASE_URL: httpUrl
    .optional()
    .describe('Where Anthropic’s API is; default: at Anthropic.')
    .meta({ example: 'https://api.anthropic.com/v1' }),
  ...channelSettings,
});

function isPercentEncoded(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

function originsOf(text: string, context: z.RefinementCtx): string[] {
  const origins = text.split(',').map((origin) => origin.trim());
  for (const origin of origins) {
    if (origin === '*' || (URL.canParse(origin) && new URL(origin).origin === origin)) continue;
    context.addIssue({ code: 'custom', message: 'must be origins such as https://app.example.com, or *' });
    return z.NEVER;
  }
  return origins;
}

function commandOf(text: string, context: z.RefinementCtx): string[] {
  try {
    const parsed = z.array(z.string().min(1)).min(1).safeParse(JSON.parse(text));
    if (parsed.success) return parsed.data;
  } catch {
    // Reported below, together with JSON of another shape.
  }
  context.addIssue({
    code: 'custom',
    message: 'must be a JSON array of strings, e.g. ["python3", "train.py"]',
  });
  return z.NEVER;
}
