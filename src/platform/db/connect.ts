import { Client } from 'pg';
import { codeOf, messageOf, StartupError } from '../errors.ts';

const CONNECT_TIMEOUT_MS = 10_000;

/**
 * Opens one connection outside any pool, e.g. to migrate over.
 *
 * @param applicationName what pg_stat_activity shows
 * @throws {StartupError} where there is no connection to be had: one sentence with the remedy, never the password
 */
export async function connect(url: string, applicationName: string): Promise<Client> {
  const client = new Client({
    connectionString: url,
    application_name: applicationName,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
  });
  // A connection that breaks later rejects the query under way; without a listener it would end the process too.
  client.on('error', () => {});
  try {
    await client.connect();
    return client;
  } catch (cause) {
    throw connectionFailure(url, cause);
  }
}

/** Runs `work` over a connection of its own. */
export async function withConnection<T>(
  url: string,
  applicationName: string,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const client = await connect(url, applicationName);
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** Host, port and database of a connection string, for a sentence. */
export function placeOf(url: string): string {
  const { hostname, port, pathname } = new URL(url);
  return `${hostname || 'localhost'}:${port || '5432'}${pathname}`;
}

function connectionFailure(url: string, cause: unknown): StartupError {
  const user = decodeURIComponent(new URL(url).username);
  const place = placeOf(url);
  const code = codeOf(cause);
  const say = (sentence: string) => new StartupError(sentence, { cause });
  if (code === '28P01' || (code === '28000' && /password/.test(messageOf(cause)))) {
    return say(`Postgres at ${place} refuses the password of ${user}: correct it in DATABASE_URL.`);
  }
  if (code === '28000') {
    return say(
      `Postgres at ${place} does not let ${user} in (${messageOf(cause)}): correct DATABASE_URL or the server's pg_hba.conf.`,
    );
  }
  if (code === '3D000') {
    return say(`There is no such database at ${place}: create it, or correct the name in DATABASE_URL.`);
  }
  if (code === '53300') {
    return say(`Postgres at ${place} has no connection left: end some, or raise its max_connections.`);
  }
  if (code === '57P03') {
    return say(`Postgres at ${place} is starting up or shutting down: try again when it is ready.`);
  }
  if (code === '08P01' && /startup parameter/.test(messageOf(cause))) return behindPooler(url);
  return say(
    `No Postgres answers at ${place} (${messageOf(cause) || code || 'no connection'}): start it, or correct DATABASE_URL.`,
  );
}

/** The refusal of a transaction pooler. */
export function behindPooler(url: string): StartupError {
  const { hostname, port } = new URL(url);
  const isSupabase =
    port === '6543' || hostname.endsWith('.supabase.com') || hostname.endsWith('.supabase.co');
  const remedy = isSupabase
    ? "take Supabase's direct connection or its session pooler, port 5432 instead of 6543"
    : 'connect to Postgres itself, or set the pooler to session mode';
  return new StartupError(
    `A transaction pooler stands between Runcast and Postgres at ${placeOf(url)}, which loses locks, LISTEN and settings of a session: ${remedy}.`,
  );
}
