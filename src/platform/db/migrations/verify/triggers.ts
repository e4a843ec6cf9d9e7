import type { Client } from 'pg';
import { messageOf } from '../../../errors.ts';
import type { Check } from './check.ts';

/** How to make one row of each table whose updated_at a trigger moves. $1 is a user. */
const rows: Record<string, { columns: string; values: string }> = {
  agents: {
    columns: 'name, version, category, output_type, created_by',
    values: `'verify', '1.0.0', 'custom', 'text', $1`,
  },
  workflows: {
    columns: 'name, version, category, trigger, start_step_id, created_by',
    values: `'verify', '1.0.0', 'custom', '{}', gen_random_uuid(), $1`,
  },
  subscriptions: {
    columns: 'tier, current_period_start, current_period_end, user_id',
    values: `'free', now(), now(), $1`,
  },
  training_executions: {
    columns: 'public_id, method, provider, user_id',
    values: `'verify', 'sft', 'local', $1`,
  },
};

const LONG_AGO = '2001-01-01';

/**
 * Guide 2's "triggers working": really changes a row of each table, in a transaction that is rolled back.
 *
 * @param options.hasFeed whether the files make the event feed, so that its triggers are looked at too
 * @param options.hasUsageSums the same of the sums of usage
 * @param options.hasAccessHints the same of the notifications about memberships
 */
export async function checkTriggers(
  client: Client,
  options: { hasFeed: boolean; hasUsageSums: boolean; hasAccessHints: boolean },
): Promise<Check[]> {
  const checks: Check[] = [];
  for (const table of Object.keys(rows)) {
    const what = `updated_at moves on public.${table}`;
    checks.push(await rolledBack(client, what, (user) => moves(client, table, user)));
  }
  if (options.hasFeed) {
    const what = "a foreign client's run gets a stream and events";
    checks.push(await rolledBack(client, what, (user) => feeds(client, user)));
  }
  if (options.hasUsageSums) {
    const what = "a foreign client's usage changes the sums";
    checks.push(await rolledBack(client, what, (user) => sumsUp(client, user)));
  }
  if (options.hasAccessHints) {
    const what = 'a changed membership is announced';
    checks.push(await rolledBack(client, what, () => announces(client)));
  }
  return checks;
}

/** @param work tells the fault, or undefined where there is none; gets a user's id */
async function rolledBack(
  client: Client,
  what: string,
  work: (user: string) => Promise<string | undefined>,
): Promise<Check> {
  await client.query('begin');
  try {
    const detail = await work(await anyUser(client));
    return detail ? { ok: false, what, detail } : { ok: true, what };
  } catch (thrown) {
    return { ok: false, what, detail: messageOf(thrown) };
  } finally {
    await client.query('rollback');
  }
}

async function anyUser(client: Client): Promise<string> {
  const found = await client.query<{ id: string }>('select id from auth.users limit 1');
  const made = found.rows[0]
    ? found
    : await client.query<{ id: string }>(
        'insert into auth.users (id) values (gen_random_uuid()) returning id',
      );
  return made.rows[0]?.id ?? '';
}

async function moves(client: Client, table: string, user: string): Promise<string | undefined> {
  const row = await makeRow(client, table, user);
  const { rows: changed } = await client.query<{ moved: boolean }>(
    `update public.${table} set created_at = created_at where id = $1 returning updated_at > $2 as moved`,
    [row, LONG_AGO],
  );
  return changed[0]?.moved ? undefined : 'updated_at stays as it was';
}

async function feeds(client: Client, user: string): Promise<string | undefined> {
  const row = await makeRow(client, 'training_executions', user);
  const lastSeq = async () => {
    const { rows: streams } = await client.query<{ last_seq: string }>(
      `select last_seq from runcast.execution_streams where kind = 'training' and execution_id = $1`,
      [row],
    );
    return streams[0] && Number(streams[0].last_seq);
  };
  const before = await lastSeq();
  if (before === undefined) return 'an inserted row has no stream';
  await client.query('update public.training_executions set progress = 7 where id = $1', [row]);
  return (await lastSeq()) === before ? 'a changed row has no new event' : undefined;
}

/** Inserts, changes and deletes a row: each of them is a trigger of its own. */
async function sumsUp(client: Client, user: string): Promise<string | undefined> {
  const changes: [what: string, statement: string][] = [
    [
      'inserted',
      `insert into public.usage_metrics (user_id, metric_type, quantity) values ($1, 'verify', 7)`,
    ],
    ['changed', `update public.usage_metrics set quantity = 9 where user_id = $1 and metric_type = 'verify'`],
    ['deleted', `delete from public.usage_metrics where user_id = $1 and metric_type = 'verify'`],
  ];
  const changed = async () => {
    const { rows: sums } = await client.query<{ changes: string }>(
      `select count(*) as changes from runcast.usage_deltas where user_id = $1 and metric_type = 'verify'`,
      [user],
    );
    return Number(sums[0]?.changes);
  };
  for (const [at, [what, statement]] of changes.entries()) {
    await client.query(statement, [user]);
    if ((await changed()) !== at + 1) return `a row that is ${what} changes no sum`;
  }
  return undefined;
}

/** Looked up and not tried: what is rolled back notifies nobody. */
async function announces(client: Client): Promise<string | undefined> {
  const { rows: lacking } = await client.query<{ name: string }>(
    `select w.name from unnest(array['update', 'delete', 'truncate']) as w (name)
     where not exists (
       select from pg_trigger
       where tgrelid = to_regclass('public.user_tenants') and tgname = 'zz_runcast_access_' || w.name
         and tgenabled in ('O', 'A'))`,
  );
  return lacking.length > 0 ? `no trigger after ${lacking.map(({ name }) => name).join(', ')}` : undefined;
}

async function makeRow(client: Client, table: string, user: string): Promise<string> {
  const { columns, values } = rows[table] ?? { columns: '', values: '' };
  const made = await client.query<{ id: string }>(
    `insert into public.${table} (${columns}, updated_at) values (${values}, '${LONG_AGO}') returning id`,
    [user],
  );
  return made.rows[0]?.id ?? '';
}
