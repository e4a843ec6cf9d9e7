import { type Client, escapeLiteral } from 'pg';
import { codeOf, messageOf, StartupError } from '../../errors.ts';
import { connect } from '../connect.ts';
import { type LoginRole, loginUrl } from '../connections.ts';
import { scramVerifier } from './scram.ts';

/** Whom each login role may act for by `set role`. */
const ACTS_FOR: Record<LoginRole, string[]> = {
  runcast_api: ['anon', 'authenticated', 'service_role'],
  // A step of a workflow reads and writes tables on its owner's behalf.
  runcast_worker: ['authenticated', 'service_role'],
};

export type Logins = {
  adminUrl: string;
  /** Logins that the operator configured: their passwords are the operator's. */
  configured?: { api?: string | undefined; worker?: string | undefined };
};

type Step = {
  /** What an administrator would type; holds no password. */
  shown: string;
  sql: string;
};

/**
 * Brings both login roles to what the program needs: they exist, own no rights of the roles they act for until they
 * `set role`, are members of those, and log in with the derived password. Does nothing where all that is so.
 *
 * @throws {StartupError} where the migrator may not; the sentence holds the SQL for an administrator
 */
export async function ensureLogins(client: Client, logins: Logins): Promise<void> {
  const configured = { runcast_api: logins.configured?.api, runcast_worker: logins.configured?.worker };
  const steps = [
    ...(await stepsFor(client, 'runcast_api')),
    ...(await stepsFor(client, 'runcast_worker')),
    ...(configured.runcast_api ? [] : await passwordSteps('runcast_api', logins.adminUrl)),
    ...(configured.runcast_worker ? [] : await passwordSteps('runcast_worker', logins.adminUrl)),
  ];
  for (const [index, step] of steps.entries()) {
    try {
      await whileContended(() => client.query(step.sql));
    } catch (cause) {
      if (codeOf(cause) !== '42501') throw cause;
      throw notAllowed(steps.slice(index), cause);
    }
  }
}

type RoleState = {
  exists: boolean;
  inherits: boolean;
  bypasses: boolean;
  serverVersion: number;
  memberships: string[];
  inherited: string[];
};

async function stepsFor(client: Client, role: LoginRole): Promise<Step[]> {
  const state = await readRole(client, role);
  const statements: string[] = [];
  if (!state.exists) statements.push(`create role ${role} nologin noinherit`);
  if (state.inherits) statements.push(`alter role ${role} noinherit`);
  if (state.bypasses) statements.push(`alter role ${role} nobypassrls`);
  // Before 16 whether a membership is inherited hangs on the member alone, which is NOINHERIT.
  const how = state.serverVersion >= 160_000 ? ' with inherit false, set true' : '';
  for (const group of ACTS_FOR[role]) {
    if (!state.memberships.includes(group) || state.inherited.includes(group)) {
      statements.push(`grant ${group} to ${role}${how}`);
    }
  }
  return statements.map((sql) => ({ sql, shown: sql }));
}

async function readRole(client: Client, role: LoginRole): Promise<RoleState> {
  const version = await client.query<{ version: number }>(
    `select current_setting('server_version_num')::int as version`,
  );
  const serverVersion = version.rows[0]?.version ?? 0;
  // to_jsonb: the column inherit_option is there from Postgres 16 on.
  const { rows } = await client.query<Omit<RoleState, 'serverVersion'>>(
    `select
       count(r.oid) > 0 as exists,
       coalesce(bool_or(r.rolinherit), false) as inherits,
       coalesce(bool_or(r.rolbypassrls), false) as bypasses,
       coalesce(array_agg(g.rolname::text)
         filter (where coalesce((to_jsonb(m) ->> 'set_option')::boolean, true) and g.oid is not null), '{}') as memberships,
       coalesce(array_agg(g.rolname::text)
         filter (where (to_jsonb(m) ->> 'inherit_option')::boolean and g.oid is not null), '{}') as inherited
     from pg_roles r
     left join pg_auth_members m on m.member = r.oid
     left join pg_roles g on g.oid = m.roleid
     where r.rolname = $1`,
    [role],
  );
  const [state] = rows;
  if (!state) throw new Error('An aggregate without groups always has a row.');
  return { ...state, serverVersion };
}

async function passwordSteps(role: LoginRole, adminUrl: string): Promise<Step[]> {
  const url = loginUrl(adminUrl, role);
  if (await logsIn(url)) return [];
  const verifier = scramVerifier(decodeURIComponent(new URL(url).password));
  return [
    {
      sql: `alter role ${role} login password ${escapeLiteral(verifier)}`,
      shown: `alter role ${role} login password '<one of your own>'`,
    },
  ];
}

/** Asked of the server rather than remembered: roles belong to the cluster, so another database's migrator may have changed one. */
async function logsIn(url: string): Promise<boolean> {
  try {
    const client = await connect(url, 'runcast migrate');
    await client.end();
    return true;
  } catch (thrown) {
    const isRefused = thrown instanceof StartupError && codeOf(thrown.cause)?.startsWith('28');
    if (isRefused) return false;
    throw thrown;
  }
}

const MOST_ATTEMPTS = 50;

/**
 * Two databases of one cluster may change the same role at once; the later one gets an error after the other's
 * commit, so trying again at once is right.
 */
async function whileContended(work: () => Promise<unknown>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await work();
      return;
    } catch (thrown) {
      const code = codeOf(thrown);
      const isContended = code === 'XX000' && messageOf(thrown).startsWith('tuple concurrently');
      const isMadeMeanwhile = code === '42710' || code === '23505';
      if (isMadeMeanwhile) return;
      if (!isContended || attempt === MOST_ATTEMPTS) throw thrown;
    }
  }
}

function notAllowed(steps: Step[], cause: unknown): StartupError {
  const sql = steps.map((step) => `${step.shown};`).join(' ');
  const needsPassword = steps.some((step) => step.shown !== step.sql);
  const urls = needsPassword ? ', and set API_DATABASE_URL and WORKER_DATABASE_URL to those logins' : '';
  return new StartupError(
    `The migrating role may not set up the roles that Runcast logs in as (${messageOf(cause)}): have an administrator run "${sql}"${urls}.`,
    { cause },
  );
}
