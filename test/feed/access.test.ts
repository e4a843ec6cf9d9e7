import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readMigrationFiles } from '../../src/platform/db/migrations/files.ts';
import { madeBy } from '../../src/platform/db/migrations/objects.ts';
import type { ExecutionRef } from '../../src/platform/feed/events.ts';
import {
  appendEvents,
  appendOwnEvents,
  ensurePartitions,
  findStream,
  READ_EVENTS,
  readEvents,
  requestCancel,
  startExecution,
} from '../../src/platform/feed/feed.ts';
import { type FeedClient, insertTraining, insertUser, line, openFeed } from '../support/feed.ts';
import { insertTenant } from '../support/tenants.ts';

let db: FeedClient;
let alice: string;
let bob: string;

beforeAll(async () => {
  const feed = await openFeed();
  ({ db, user: alice } = feed);
  bob = await insertUser(db);
  return feed.close;
});
beforeEach(() => db.asOwner());

const insert = async (user: string) =>
  ({ kind: 'training', id: await insertTraining(db, user, { logs: ['secret'] }) }) as const;

describe('a feed', () => {
  it('is read by the owner of its execution and by the service', async () => {
    const ref = await insert(alice);
    for (const [role, sub] of [['authenticated', alice], ['service_role']] as const) {
      await db.as(role, sub);
      expect(await readEvents(db, { ...ref, after: 0, limit: 10 })).toHaveLength(2);
      expect(await findStream(db, ref)).toMatchObject({ lastSeq: 2 });
    }
  });

  it('is empty for everybody else, whichever way they look', async () => {
    const ref = await insert(alice);
    await db.as('authenticated', bob);
    expect(await readEvents(db, { ...ref, after: 0, limit: 10 })).toEqual([]);
    expect(await findStream(db, ref)).toBeUndefined();
    expect(await db.query('select * from runcast.execution_events')).toEqual([]);
    await expect(db.query('select * from runcast.execution_events_default')).rejects.toMatchObject({
      code: '42501',
    });
    await db.as('anon');
    await expect(db.query('select * from runcast.execution_events')).rejects.toMatchObject({ code: '42501' });
  });

  it('is written to by nobody but through its functions', async () => {
    await insert(alice);
    for (const role of ['authenticated', 'service_role'] as const) {
      await db.as(role, alice);
      for (const statement of [
        'update runcast.execution_events set seq = seq',
        'delete from runcast.execution_events',
        'update runcast.execution_streams set last_seq = 0',
        'insert into runcast.projection_key values (1)',
      ]) {
        await expect(db.query(statement)).rejects.toMatchObject({ code: '42501' });
      }
    }
  });
});

describe('an execution of somebody else', () => {
  it('is as good as none for every function that a user may call', async () => {
    const ref = await insert(alice);
    await db.as('authenticated', bob);
    const notFound = { code: 'STREAM_NOT_FOUND', message: `there is no training execution ${ref.id}` };
    await expect(appendOwnEvents(db, { ...ref, events: [line('x')] })).rejects.toMatchObject(notFound);
    await expect(requestCancel(db, ref)).rejects.toMatchObject(notFound);
    await expect(startExecution(db, ref)).rejects.toMatchObject(notFound);
  });

  it('may be ended by the service for its owner', async () => {
    const ref = await insert(alice);
    await db.as('service_role');
    expect(await requestCancel(db, ref)).toBe('cancelled');
  });
});

describe('the feed of a run for a tenant', () => {
  /** A run of Alice's for a tenant in which she has the status, and one for none. */
  async function runs(status: string) {
    const tenant = await insertTenant(db.client, { [bob]: 'admin', [alice]: 'member' });
    await db.query('update public.user_tenants set status = $1 where user_id = $2', [status, alice]);
    const [theirs, hers] = [await insert(alice), await insert(alice)];
    await db.query('update runcast.execution_streams set tenant_id = $1 where execution_id = $2', [
      tenant,
      theirs.id,
    ]);
    await db.as('authenticated', alice);
    return { theirs, hers, tenant };
  }
  const eventsOf = (ref: ExecutionRef) => readEvents(db, { ...ref, after: 0, limit: 10 });

  it('is read by its owner while an active member of it', async () => {
    const { theirs } = await runs('active');
    expect(await eventsOf(theirs)).toHaveLength(2);
    expect(await findStream(db, theirs)).toMatchObject({ lastSeq: 2 });
    expect(await appendOwnEvents(db, { ...theirs, events: [line('mine')] })).toBe(3);
    expect(await requestCancel(db, theirs)).toBe('cancelled');
  });

  it.each(['removed', 'suspended', 'pending'])('is none to an owner who is %s', async (status) => {
    const { theirs, hers } = await runs(status);
    const ids = [theirs.id, hers.id];
    const seen = (table: string) =>
      db.query(`select distinct execution_id as id from runcast.${table} where execution_id = any($1)`, [
        ids,
      ]);
    for (const table of ['execution_streams', 'execution_events']) {
      expect(await seen(table)).toEqual([{ id: hers.id }]);
    }
    expect(await eventsOf(theirs)).toEqual([]);
    expect(await eventsOf(hers)).toHaveLength(2);
    expect(await findStream(db, theirs)).toBeUndefined();
    const notFound = { code: 'STREAM_NOT_FOUND', message: `there is no training execution ${theirs.id}` };
    await expect(appendOwnEvents(db, { ...theirs, events: [line('x')] })).rejects.toMatchObject(notFound);
    await expect(requestCancel(db, theirs)).rejects.toMatchObject(notFound);
    expect(await requestCancel(db, hers)).toBe('cancelled');
  });

  it('is none to other members, whatever their role', async () => {
    const { theirs } = await runs('active');
    await db.as('authenticated', bob);
    expect(await eventsOf(theirs)).toEqual([]);
  });

  it('goes on for the service, which runs it to its end', async () => {
    const { theirs } = await runs('removed');
    await db.as('service_role');
    expect(await appendEvents(db, { ...theirs, events: [line('on')] })).toBe(3);
    expect(await requestCancel(db, theirs)).toBe('cancelled');
  });

  it('costs runs for no tenant nothing: nobody asks for the caller’s tenants', async () => {
    const { theirs, hers } = await runs('active');
    const callsOf = async (ref: ExecutionRef) => {
      await db.asOwner();
      await db.query("begin; set local track_functions = 'pl'");
      await db.as('authenticated', alice);
      expect(await findStream(db, ref)).toBeDefined();
      const [counted] = await db.query<{ calls: number }>(
        `select calls::int from pg_stat_xact_user_functions where funcname = 'tenants_of_caller'`,
      );
      await db.query('rollback');
      return counted?.calls ?? 0;
    };
    expect(await callsOf(hers)).toBe(0);
    expect(await callsOf(theirs)).toBe(1);
  });
});

/** What the feed's own files make; other functions of the schema are for others. */
async function feedFunctions(): Promise<string[]> {
  const { migrations } = await readMigrationFiles();
  const files = migrations.filter(({ name }) =>
    /^(event_feed|execution_control|live_access|log_ingestion)/.test(name),
  );
  const made = madeBy(
    files.flatMap(({ statements }) => statements),
    'all',
  );
  return made.objects.flatMap((object) => /^function runcast\.(\w+)$/.exec(object)?.[1] ?? []);
}

it('lets only those roles call a function that it is for', async () => {
  const rows = await db.query<{ name: string; roles: string[] }>(
    `select p.proname as name, array_agg(r.rolname::text order by r.rolname) as roles
    from pg_proc p
    cross join (select oid, rolname from pg_roles where rolname in ('anon', 'authenticated', 'service_role')) r
    where p.pronamespace = 'runcast'::regnamespace and has_function_privilege(r.oid, p.oid, 'execute')
      and p.proname = any($1)
    group by p.proname order by p.proname`,
    [await feedFunctions()],
  );
  const service = ['service_role'];
  const both = ['authenticated', 'service_role'];
  expect(Object.fromEntries(rows.map(({ name, roles }) => [name, roles]))).toEqual({
    append_execution_events: service,
    append_lines: service,
    append_own_events: both,
    ensure_event_partitions: service,
    finish_execution: service,
    refresh_logs: service,
    release_execution: service,
    request_cancel: both,
    start_execution: both,
    take_execution: service,
  });
});

it('pins the search path of every function', async () => {
  expect(
    await db.query(`select proname from pg_proc where pronamespace = 'runcast'::regnamespace
      and not coalesce(proconfig @> array['search_path=""'], false)`),
  ).toEqual([]);
});

describe('partitions', () => {
  it('hold this month and the next three, each under its policy', async () => {
    const rows = await db.query<{ name: string; secured: boolean; policies: number }>(`
      select c.relname as name, c.relrowsecurity as secured,
        (select count(*)::int from pg_policy where polrelid = c.oid) as policies
      from pg_inherits i join pg_class c on c.oid = i.inhrelid
      where i.inhparent = 'runcast.execution_events'::regclass`);
    expect(rows).toHaveLength(5);
    expect(rows.filter(({ secured, policies }) => secured && policies === 1)).toHaveLength(5);
  });

  it('are made once, by the service', async () => {
    await db.as('service_role');
    expect(await ensurePartitions(db, 5)).toBe(2);
    expect(await ensurePartitions(db, 5)).toBe(0);
  });

  it('that are made late take over the events that came before them', async () => {
    const ref = await insert(alice);
    await db.query(
      `
      with moved as (
        update runcast.execution_streams set bucket = bucket + interval '7 months' where execution_id = $1)
      update runcast.execution_events set bucket = bucket + interval '7 months' where execution_id = $1`,
      [ref.id],
    );
    const inDefault = () => db.query('select seq from runcast.execution_events_default');
    expect(await inDefault()).toHaveLength(2);
    await ensurePartitions(db, 7);
    expect(await inDefault()).toEqual([]);
    expect(await readEvents(db, { ...ref, after: 0, limit: 10 })).toHaveLength(2);
    expect(await appendEvents(db, { ...ref, events: [line('on')] })).toBe(3);
  });

  it.each(['service_role', 'authenticated'] as const)('are opened one for a read as %s', async (role) => {
    const ref = await insert(alice);
    await db.as(role, alice);
    const plan = await db.query<{ 'QUERY PLAN': string }>(
      `explain (analyze, costs off, timing off) ${READ_EVENTS}`,
      [ref.kind, ref.id, 0, 100],
    );
    const scans = plan.map((row) => row['QUERY PLAN']).filter((text) => / on execution_events/.test(text));
    expect(scans.filter((text) => !text.includes('never executed'))).toHaveLength(1);
  });
});
