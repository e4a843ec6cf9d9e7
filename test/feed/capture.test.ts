import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { appendEvents, findStream } from '../../src/platform/feed/feed.ts';
import {
  connectFeed,
  type FeedClient,
  feedOf,
  insertTraining,
  insertUser,
  line,
  openFeed,
  trainingRow,
} from '../support/feed.ts';
import { createTestDatabase } from '../support/postgres.ts';

let db: FeedClient;
let user: string;

beforeAll(async () => {
  const feed = await openFeed();
  ({ db, user } = feed);
  return feed.close;
});

const change = (id: string, assignments: string) =>
  db.query(`update public.training_executions set ${assignments} where id = $1`, [id]);
const since = async (id: string, seq: number) => (await feedOf(db, id)).slice(seq);

describe('a row that somebody inserts', () => {
  it('gets an external stream and its first status', async () => {
    const id = await insertTraining(db, user);
    expect(await findStream(db, { kind: 'training', id })).toMatchObject({
      userId: user,
      origin: 'external',
      lastSeq: 1,
      state: 'open',
    });
    expect(await feedOf(db, id)).toEqual(['1 status null→pending']);
  });

  it('with lines and progress has them in its feed', async () => {
    const id = await insertTraining(db, user, { status: 'running', progress: 30, logs: ['a', 'b'] });
    expect(await feedOf(db, id)).toEqual([
      '1 status null→running',
      '2 log info external: a',
      '3 log info external: b',
      '4 progress 30',
    ]);
  });

  it('that has ended already ends its feed with the status', async () => {
    const id = await insertTraining(db, user, { status: 'completed', logs: ['a'] });
    expect(await feedOf(db, id)).toEqual(['1 log info external: a', '2 status null→completed']);
    expect(await findStream(db, { kind: 'training', id })).toMatchObject({ state: 'closed' });
  });

  it('with a status that there is not is refused', async () => {
    await expect(insertTraining(db, user, { status: 'queued' })).rejects.toMatchObject({ code: 'RC004' });
  });
});

describe('a change of the row by somebody else', () => {
  it('of logs, progress and a terminal status at once becomes events in that order', async () => {
    const id = await insertTraining(db, user);
    await change(id, "logs = array['a'], progress = 100, status = 'completed'");
    expect(await since(id, 1)).toEqual([
      '2 log info external: a',
      '3 progress 100',
      '4 status pending→completed',
    ]);
    expect(await trainingRow(db, id)).toMatchObject({ logs: ['a'], completed_at: expect.any(Date) });
  });

  it('to the same values becomes no event', async () => {
    const id = await insertTraining(db, user, { progress: 10, logs: ['a'] });
    const before = await feedOf(db, id);
    await change(id, "status = 'pending', progress = 10, logs = array['a'], config = '{\"x\": 1}'");
    expect(await feedOf(db, id)).toEqual(before);
  });

  it('of the error together with the status is the reason of the status', async () => {
    const id = await insertTraining(db, user);
    await change(id, "status = 'failed', error = 'no memory'");
    expect(await since(id, 1)).toEqual(['2 status pending→failed (no memory)']);
  });

  it('of the error alone is a log line of the level error', async () => {
    const id = await insertTraining(db, user);
    await change(id, "error = 'retrying'");
    await change(id, 'error = null');
    expect(await since(id, 1)).toEqual(['2 log error external: retrying']);
    expect((await trainingRow(db, id)).logs).toEqual(['retrying']);
  });

  it('to a progress outside 0 to 100 is brought into it', async () => {
    const id = await insertTraining(db, user);
    await change(id, 'progress = 150');
    await change(id, 'progress = -3');
    expect(await since(id, 1)).toEqual(['2 progress 100', '3 progress 0']);
    expect((await trainingRow(db, id)).progress).toBe(0);
  });

  it('to a status that there is not is refused by name', async () => {
    const id = await insertTraining(db, user);
    await expect(change(id, "status = 'done'")).rejects.toMatchObject({
      code: 'RC004',
      message: 'done is no status of a training execution',
      hint: expect.stringContaining('completed'),
    });
  });

  it('to null is left to the constraint of the column', async () => {
    const id = await insertTraining(db, user);
    await expect(change(id, 'logs = null')).rejects.toMatchObject({ code: '23502' });
  });

  it.each([
    "status = 'running'",
    'progress = 1',
    "error = 'late'",
    "logs = logs || array['late']",
  ])('that sets %s is refused once the execution has ended', async (assignment) => {
    const id = await insertTraining(db, user, { status: 'cancelled' });
    await expect(change(id, assignment)).rejects.toMatchObject({
      code: 'RC002',
      message: `the training execution ${id} has ended`,
    });
  });

  it('of other columns is nobody else’s business, also after the end', async () => {
    const id = await insertTraining(db, user, { status: 'completed' });
    await change(id, 'result = \'{"model_id": "m"}\'');
    expect(await feedOf(db, id)).toHaveLength(1);
  });

  it('of its owner takes the stream along', async () => {
    const id = await insertTraining(db, user);
    const heir = await insertUser(db);
    await db.query('update public.training_executions set user_id = $2 where id = $1', [id, heir]);
    expect(await findStream(db, { kind: 'training', id })).toMatchObject({ userId: heir });
  });

  it('of its id is refused', async () => {
    const id = await insertTraining(db, user);
    await expect(change(id, "id = 'exec_other'")).rejects.toMatchObject({ code: 'RC004' });
  });

  it('by an upsert is captured as well', async () => {
    const id = await insertTraining(db, user);
    await db.query(
      `insert into public.training_executions (id, user_id, public_id, method, provider)
       values ($1, $2, 'tiny', 'sft', 'local') on conflict (id) do update set progress = 7`,
      [id, user],
    );
    expect(await since(id, 1)).toEqual(['2 progress 7']);
  });

  it('cannot hide behind a setting: only the key of the feed, which nobody may read, marks a projection', async () => {
    const id = await insertTraining(db, user);
    for (const forged of ['on', '', 'true']) {
      await db.as('authenticated', user);
      await db.query(
        "select set_config('runcast.projection', $1, false), set_config('runcast.in_feed', 'on', false)",
        [forged],
      );
      await change(id, "logs = logs || array['seen']");
      await db.asOwner();
      // The tables' owner is the functions' owner too, and is captured all the same.
      await change(id, "logs = logs || array['seen']");
    }
    await db.query('reset runcast.projection');
    expect(await since(id, 1)).toHaveLength(6);
    await db.as('authenticated', user);
    await expect(db.query('select * from runcast.projection_key')).rejects.toMatchObject({ code: '42501' });
    await db.asOwner();
  });

  it('in the transaction of an own append is captured too: the mark of the projection ends with it', async () => {
    const id = await insertTraining(db, user);
    await db.query('begin');
    await appendEvents(db, { kind: 'training', id, events: [{ type: 'progress', payload: { percent: 5 } }] });
    await change(id, 'progress = 6');
    await db.query('commit');
    expect(await since(id, 1)).toEqual(['2 progress 5', '3 progress 6']);
  });

  it('is captured after a projection that failed: the mark goes with the savepoint', async () => {
    const id = await insertTraining(db, user);
    await db.query(
      'alter table public.training_executions add constraint low check (progress < 77) not valid',
    );
    await db.query('begin');
    await db.query('savepoint before');
    const tooHigh = { type: 'progress', payload: { percent: 80 } } as const;
    await expect(appendEvents(db, { kind: 'training', id, events: [tooHigh] })).rejects.toMatchObject({
      code: '23514',
    });
    await db.query('rollback to savepoint before');
    await change(id, 'progress = 6');
    await db.query('commit');
    await db.query('alter table public.training_executions drop constraint low');
    expect(await since(id, 1)).toEqual(['2 progress 6']);
  });

  it('that is rolled back leaves no event and no gap', async () => {
    const id = await insertTraining(db, user);
    await db.query('begin');
    await change(id, "progress = 50, logs = array['gone']");
    await db.query('rollback');
    await change(id, 'progress = 60');
    expect(await since(id, 1)).toEqual(['2 progress 60']);
  });
});

describe('a row that goes', () => {
  const left = (id: string) =>
    db.query(
      `select execution_id from runcast.execution_streams where execution_id = $1
       union all select execution_id from runcast.execution_events where execution_id = $1`,
      [id],
    );

  it('takes its stream and its events along', async () => {
    const id = await insertTraining(db, user, { logs: ['a'] });
    await db.query('delete from public.training_executions where id = $1', [id]);
    expect(await left(id)).toEqual([]);
    await expect(appendEvents(db, { kind: 'training', id, events: [line('late')] })).rejects.toMatchObject({
      code: 'STREAM_NOT_FOUND',
    });
  });

  it('with its user takes them along as well', async () => {
    const leaver = await insertUser(db);
    const id = await insertTraining(db, leaver);
    await db.query('delete from auth.users where id = $1', [leaver]);
    expect(await left(id)).toEqual([]);
  });
});

describe('agents and workflows', () => {
  const insertRun = async (kind: 'agent' | 'workflow', status = 'pending') => {
    const id = randomUUID();
    const parent = randomUUID();
    if (kind === 'agent') {
      await db.query(
        "insert into public.agents (id, name, version, category, output_type) values ($1, 'a', '1.0.0', 'custom', 'text')",
        [parent],
      );
    } else {
      await db.query(
        `insert into public.workflows (id, name, version, trigger, start_step_id, category) values ($1, 'w', '1.0.0', '{}', $2, 'custom')`,
        [parent, randomUUID()],
      );
    }
    await db.query(
      `insert into public.${kind}_executions (id, ${kind}_id, user_id, status) values ($1, $2, $3, $4)`,
      [id, parent, user, status],
    );
    return id;
  };

  it.each([
    'agent',
    'workflow',
  ] as const)('have the status and the error of %s executions in their feed', async (kind) => {
    const id = await insertRun(kind);
    await appendEvents(db, {
      kind,
      id,
      events: [{ type: 'status', payload: { to: 'running' } }, line('hi')],
    });
    await db.query(`update public.${kind}_executions set error = '{"message": "slow"}' where id = $1`, [id]);
    await db.query(
      `update public.${kind}_executions set status = 'failed', error = '{"message": "bad"}' where id = $1`,
      [id],
    );
    expect(await feedOf(db, id, kind)).toEqual([
      '1 status null→pending',
      '2 status pending→running',
      '3 log info stdout: hi',
      '4 log error external: slow',
      '5 status running→failed (bad)',
    ]);
    const late = db.query(`update public.${kind}_executions set status = 'running' where id = $1`, [id]);
    await expect(late).rejects.toMatchObject({ code: 'RC002' });
  });

  it('have a reason of failure as error on the row', async () => {
    const id = await insertRun('agent');
    const failed = { type: 'status', payload: { to: 'failed', reason: 'no tool' } } as const;
    await appendEvents(db, { kind: 'agent', id, events: [failed] });
    expect(await db.query('select status, error from public.agent_executions where id = $1', [id])).toEqual([
      { status: 'failed', error: { message: 'no tool' } },
    ]);
  });

  it('may be paused where they are workflows only', async () => {
    const paused = { type: 'status', payload: { to: 'paused' } } as const;
    const workflow = await insertRun('workflow', 'running');
    expect(await appendEvents(db, { kind: 'workflow', id: workflow, events: [paused] })).toBe(2);
    const agent = await insertRun('agent', 'running');
    await expect(appendEvents(db, { kind: 'agent', id: agent, events: [paused] })).rejects.toMatchObject({
      code: 'INVALID_EVENT',
    });
  });
});

describe('attaching the feed again', () => {
  it('gives the table that replaces a dropped one its triggers, its rows streams, and drops the old streams', async () => {
    await using own = await createTestDatabase();
    await using sql = await connectFeed(own.admin);
    const owner = await insertUser(sql);
    const gone = await insertTraining(sql, owner, { logs: ['a'] });
    await sql.client.query(`create table public.copy (like public.training_executions including all);
      drop table public.training_executions; alter table public.copy rename to training_executions`);
    const older = await insertTraining(sql, owner, { status: 'exotic', progress: 5, logs: ['x'] });
    await sql.query('select runcast.attach_feed()');
    await sql.query('select runcast.attach_feed()');
    expect(await feedOf(sql, gone)).toEqual([]);
    expect(await feedOf(sql, older)).toEqual([
      '1 status null→exotic',
      '2 log info external: x',
      '3 progress 5',
    ]);
    await sql.query("update public.training_executions set status = 'running'");
    expect((await feedOf(sql, older))[3]).toBe('4 status exotic→running');
  });

  it('copes with tables that are not there', async () => {
    await using own = await createTestDatabase();
    await using sql = await connectFeed(own.admin);
    await sql.client.query('drop table public.training_executions');
    await sql.query('select runcast.attach_feed()');
    const triggers = await sql.query("select 1 from pg_trigger where tgname = 'zz_runcast_capture'");
    expect(triggers).toHaveLength(2);
  });

  it('opens a stream for a row that was stored with its triggers off, once somebody changes it', async () => {
    await db.query('set session_replication_role = replica');
    const id = await insertTraining(db, user, { logs: ['a'] });
    await db.query('reset session_replication_role');
    await change(id, "logs = logs || array['b']");
    expect(await feedOf(db, id)).toEqual([
      '1 status null→pending',
      '2 log info external: a',
      '3 log info external: b',
    ]);
  });
});
