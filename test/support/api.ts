import { randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { createClient, type Client as SocketClient } from 'graphql-ws';
import { Client } from 'pg';
import { WebSocket } from 'ws';
import { type ApiOptions, createApi } from '../../src/app/api.ts';
import { createHttpServer, type HttpTimeouts } from '../../src/app/listen.ts';
import type { Availabilities } from '../../src/modules/training/service.ts';
import { mintToken } from '../../src/platform/auth/mint-token.ts';
import { rememberTokens } from '../../src/platform/auth/remember-tokens.ts';
import { createTokenVerifier } from '../../src/platform/auth/verify-token.ts';
import { defaultLiveLimits } from '../../src/platform/config.ts';
import { createViewerDatabase } from '../../src/platform/db/viewer.ts';
import { createCipher } from '../../src/platform/encryption.ts';
import type { SendHint } from '../../src/platform/live/hint-source.ts';
import { createLive } from '../../src/platform/live/live.ts';
import { createLogger } from '../../src/platform/logger.ts';
import { createTestDatabase } from './postgres.ts';

export const JWT = { secret: 'a-secret-for-tests-of-at-least-32-characters', audience: 'authenticated' };

/** Encrypts what the API keeps, as workers of tests can read it. */
export const cipher = createCipher([Buffer.alloc(32, 'a key for tests')]);

export type User = { id: string; email: string; token: string };

// biome-ignore lint/suspicious/noExplicitAny: the shape of a response is the test's to know.
export type Data = any;
export type Result = { data?: Data; errors?: { message: string; extensions?: Record<string, unknown> }[] };

/** A query as text, or typed by codegen, which is text as well. */
export type Document = string | { toString(): string };

export type TestApi = Awaited<ReturnType<typeof startApi>>;

/** `local` answers, the others do not. */
const availabilities: Availabilities = {
  local: { availability: () => ({ available: true }) },
  huggingface: { availability: () => ({ available: false, reason: 'it is not configured' }) },
  openai: { availability: () => ({ available: false, reason: 'it is not configured' }) },
  colab: { availability: () => ({ available: false, reason: 'it is not configured' }) },
};

/** An API on a free port over a database of its own, with helpers to make users and to ask as them. */
export async function startApi(
  options: Partial<ApiOptions> & {
    poolSize?: number;
    timeouts?: HttpTimeouts;
    /** The API's way to its database, by a proxy say; default: as it is. */
    through?: (url: string) => string;
    redisUrl?: string;
    sendHint?: SendHint;
  } = {},
) {
  const database = await createTestDatabase();
  const admin = new Client({ connectionString: database.admin });
  admin.on('error', () => {});
  await admin.connect();
  const { poolSize = 4, timeouts, through = (way) => way, redisUrl, sendHint, ...rest } = options;
  const log = options.log ?? createLogger('silent');
  const databaseUrl = through(database.api);
  const viewerDb = createViewerDatabase({ url: databaseUrl, poolSize, sendHint, log });
  const live = createLive({
    url: databaseUrl,
    redisUrl,
    viewerDb,
    log,
    limits: rest.config?.live ?? defaultLiveLimits(),
  });
  const config = { statementTimeoutMs: 10_000, graphiql: true, introspection: true };
  const verify = rememberTokens(createTokenVerifier(JWT));
  const api = createApi({ config, viewerDb, verify, live, log, providers: availabilities, cipher, ...rest });
  const server = createHttpServer(api.handler, timeouts);
  const attached = api.attach(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // As the program does: what changes before it listens is no news to who follows a list.
  await live.started;
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;

  return {
    url,
    database,
    admin,
    viewerDb,
    live,
    attached,
    makeUser: () => makeUser(admin),
    ask: (query: Document, variables: object = {}, user?: Pick<User, 'token'>) =>
      ask(url, String(query), variables, user),
    socket: (user?: Pick<User, 'token'>) => socketTo(url, user),
    /** Begins to follow something, and resolves once the server follows it: what was before is no news. */
    async taken<Following>(follow: () => Following): Promise<{ following: Following }> {
      let before = live.stats.subscribers;
      const following = follow();
      // Others may end meanwhile: what counts is that there is one more than a turn of the event loop ago.
      while (live.stats.subscribers <= before) {
        before = live.stats.subscribers;
        await new Promise((resolve) => setImmediate(resolve));
      }
      return { following };
    },
    async close() {
      await attached.close(2_000);
      await live.close();
      await viewerDb.close();
      await admin.end();
      await database.drop();
    },
  };
}

export async function makeUser(admin: Client): Promise<User> {
  const id = randomUUID();
  const email = `${id}@example.com`;
  await admin.query('insert into auth.users (id, email) values ($1, $2)', [id, email]);
  return { id, email, token: await tokenOf({ role: 'authenticated', sub: id, email }) };
}

export function tokenOf(
  claims: { role: 'anon' | 'authenticated' | 'service_role'; sub?: string; email?: string },
  lifetimeSeconds = 600,
): Promise<string> {
  return mintToken(JWT, claims, lifetimeSeconds);
}

export async function ask(
  url: string,
  query: string,
  variables: object,
  user: Pick<User, 'token'> | undefined,
): Promise<Result> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(user && { authorization: `Bearer ${user.token}` }),
    },
    body: JSON.stringify({ query, variables }),
  });
  return (await response.json()) as Result;
}

export type Socket = SocketClient & {
  /** Results as they come, until the subscription completes, fails or its consumer leaves. */
  follow(query: string, variables?: object): AsyncIterableIterator<{ data?: Data; errors?: unknown }>;
};

export function socketTo(url: string, user: Pick<User, 'token'> | undefined): Socket {
  const client = createClient({
    url: `${url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    retryAttempts: 0,
    ...(user && { connectionParams: { authorization: `Bearer ${user.token}` } }),
  });
  return {
    ...client,
    follow: (query, variables = {}) => client.iterate<Data>({ query, variables: { ...variables } }),
  };
}

/** A config of the user's, straight into the table. */
export async function insertConfig(
  admin: Client,
  userId: string,
  { publicId = `config-${randomUUID()}`, isPublic = false } = {},
): Promise<{ id: string; publicId: string }> {
  const { rows } = await admin.query<{ id: string }>(
    `insert into public.training_configs (user_id, name, public_id, is_public, config_json)
     values ($1, 'A config', $2, $3, '{"model": {"name": "tiny"}}') returning id`,
    [userId, publicId, isPublic],
  );
  return { id: rows[0]?.id ?? '', publicId };
}
