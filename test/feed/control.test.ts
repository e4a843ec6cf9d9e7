import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  appendEvents,
  appendOwnEvents,
  findStream,
  finishExecution,
  releaseExecution,
  requestCancel,
  startExecution,
  takeExecution,
} from '../../src/platform/feed/feed.ts';
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
import type { TestDatabase } from '../support/postgres.ts';

let database: TestDatabase;
let db: FeedClient;
let user: string;

beforeAll(async () => {
  const feed = await openFeed();
  ({ database, db, user } = feed);
  // The queue is not what is tested here: what would be enqueued goes into a table.
  await db.client.query(`
    create table public.enqueued (queue text, data jsonb);
    drop function if exists runcast.enqueue_job(text, jsonb, timestamptz, text, integer);
    create function runcast.enqueue_job(
      queue text, data jsonb, start_after timestamptz default now(), singleton_key text default null,
      priority integer default 0) returns void
    language sql as 'insert into public.enqueued values (queue, data)'`);
  return feed.close;
});
beforeEach(() => db.asOwner());

const since = async (id: string, seq: number) => (await feedOf(db, id)).slice(seq);

/** Inserts a row and starts it in one transaction, as its owner. */
async function start(options: { idempotencyKey?: string; retryOf?: string; tenantId?: string } = {}) {
  await db.as('authenticated', user);
  await db.query('begin');
  try {
    const ref = { kind: 'training', id: await insertTraining(db, user) } as const;
    await startExecution(db, { ...ref, ...options });
    await db.query('commit');
    return ref;
  } catch (error) {
    await db.query('rollback');
    throw error;
  } finally {
    await db.asOwner();
  }
}

/** Starts an execution and takes it. */
async function running(worker = 'w1') {
  const ref = await start();
  const attempt = await takeExecution(db, { ...ref, worker });
  if (attempt === null) throw new Error('nothing to take');
  return { ...ref, attempt };
}

async function code(refused: Promise<unknown>): Promise<unknown> {
  const error: unknown = await refused.then(
    (value) => `resolved with ${value}`,
    (thrown: unknown) => thrown,
  );
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : error;
}

describe('starting', () => {
  it('makes the execution ours and enqueues its job', async () => {
    const ref = await start({ idempotencyKey: 'first' });
    expect(await findStream(db, ref)).toMatchObject({
      origin: 'runcast',
      idempotencyKey: 'first',
      attempt: 0,
    });
    expect(
      await db.query("select queue, data from public.enqueued where data ->> 'executionId' = $1", [ref.id]),
    ).toEqual([{ queue: 'training.run', data: { executionId: ref.id } }]);
  });

  it('twice with one key is a violation of the key that leaves no row', async () => {
    await start({ idempotencyKey: 'twice' });
    const count = async () => (await db.query('select id from public.training_executions')).length;
    const before = await count();
    await expect(start({ idempotencyKey: 'twice' })).rejects.toMatchObject({
      code: '23505',
      constraint: 'execution_streams_idempotency_key',
    });
    expect(await count()).toBe(before);
  });

  it('is refused for a row of an earlier transaction: whoever inserted it runs it', async () => {
    const id = await insertTraining(db, user);
    await db.as('authenticated', user);
    expect(await code(startExecution(db, { kind: 'training', id }))).toBe('INVALID_EVENT');
  });

  it('is refused in a tenant that the user does not belong to', async () => {
    const [tenant] = await db.query<{ id: string }>(
      "insert into public.tenants (name, subdomain) values ('t', 't') returning id",
    );
    const tenantId = tenant?.id ?? '';
    expect(await code(start({ tenantId }))).toBe('42501');
    await db.query('insert into public.user_tenants (tenant_id, user_id) values ($1, $2)', [tenantId, user]);
    expect(await findStream(db, await start({ tenantId }))).toMatchObject({ tenantId });
  });

  it('again names the execution that it retries, which must be the user’s', async () => {
    const first = await start();
    expect(await findStream(db, await start({ retryOf: first.id }))).toMatchObject({ retryOf: first.id });
    const foreign = await insertTraining(db, await insertUser(db));
    expect(await code(start({ retryOf: foreign }))).toBe('STREAM_NOT_FOUND');
  });
});

describe('taking', () => {
  it('counts the attempt and says so in the feed', async () => {
    const ref = await running();
    expect(ref.attempt).toBe(1);
    expect(await since(ref.id, 1)).toEqual(['2 status pending→running']);
    expect(await findStream(db, ref)).toMatchObject({ attempt: 1, worker: 'w1' });
  });

  it('over fences the worker that had it and names the takeover', async () => {
    const ref = await running();
    expect(await takeExecution(db, { ...ref, worker: 'w2' })).toBe(2);
    expect(await since(ref.id, 2)).toEqual([
      '3 status running→pending (attempt 1 on w1 was lost; taken over by w2)',
      '4 status pending→running',
    ]);
    expect(await code(appendEvents(db, { ...ref, events: [line('late')] }))).toBe('STALE_ATTEMPT');
    expect(await code(finishExecution(db, { ...ref, status: 'completed' }))).toBe('STALE_ATTEMPT');
    expect(await code(releaseExecution(db, { ...ref, reason: 'bye' }))).toBe('STALE_ATTEMPT');
    expect(await appendEvents(db, { ...ref, attempt: 2, events: [line('on')] })).toBe(5);
  });

  it('by many workers at once gives each its own attempt and leaves the last one in charge', async () => {
    const ref = await start();
    const clients = await Promise.all(Array.from({ length: 5 }, () => connectFeed(database.admin)));
    const taken = await Promise.all(clients.map((sql, i) => takeExecution(sql, { ...ref, worker: `w${i}` })));
    await Promise.all(clients.map((sql) => sql[Symbol.asyncDispose]()));
    expect(taken.toSorted()).toEqual([1, 2, 3, 4, 5]);
    expect(await findStream(db, ref)).toMatchObject({ attempt: 5, worker: `w${taken.indexOf(5)}` });
  });

  it('gives nothing for an execution that somebody else runs', async () => {
    const id = await insertTraining(db, user);
    expect(await takeExecution(db, { kind: 'training', id, worker: 'w1' })).toBeNull();
    expect(await feedOf(db, id)).toHaveLength(1);
  });

  it('is refused after the end', async () => {
    const ref = await running();
    await finishExecution(db, { ...ref, status: 'completed' });
    expect(await code(takeExecution(db, { ...ref, worker: 'w2' }))).toBe('STREAM_CLOSED');
  });
});

describe('finishing', () => {
  it('puts result and end onto the row and closes the stream', async () => {
    const ref = await running();
    await appendEvents(db, { ...ref, events: [line('last')] });
    expect(await finishExecution(db, { ...ref, status: 'completed', result: { model_path: 'm' } })).toBe(4);
    expect(await trainingRow(db, ref.id)).toMatchObject({
      status: 'completed',
      result: { model_path: 'm' },
      error: null,
      logs: ['last'],
      completed_at: expect.any(Date),
    });
    expect(await findStream(db, ref)).toMatchObject({ state: 'closed', lastSeq: 4 });
  });

  it('with an error gives it as the reason, unless there is another', async () => {
    const first = await running();
    await finishExecution(db, { ...first, status: 'failed', error: 'exit code 1' });
    expect((await since(first.id, 2))[0]).toBe('3 status running→failed (exit code 1)');
    expect((await trainingRow(db, first.id)).error).toBe('exit code 1');
    const second = await running();
    await finishExecution(db, { ...second, status: 'failed', error: 'exit code 1', reason: 'no memory' });
    expect((await since(second.id, 2))[0]).toBe('3 status running→failed (no memory)');
    expect((await trainingRow(db, second.id)).error).toBe('exit code 1');
  });

  it('twice is refused', async () => {
    const ref = await running();
    await finishExecution(db, { ...ref, status: 'completed' });
    expect(await code(finishExecution(db, { ...ref, status: 'failed' }))).toBe('STREAM_CLOSED');
  });
});

it('releasing hands the execution back, to be taken again without a takeover', async () => {
  const ref = await running();
  await releaseExecution(db, { ...ref, reason: 'the worker shuts down' });
  expect(await takeExecution(db, { ...ref, worker: 'w2' })).toBe(2);
  expect(await since(ref.id, 2)).toEqual([
    '3 status running→pending (the worker shuts down)',
    '4 status pending→running',
  ]);
});

describe('cancelling', () => {
  const cancel = async (ref: { kind: 'training'; id: string }, reason?: string) => {
    await db.as('authenticated', user);
    try {
      return await requestCancel(db, reason === undefined ? ref : { ...ref, reason });
    } finally {
      await db.asOwner();
    }
  };

  it('ends an execution that nobody has taken', async () => {
    const ref = await start();
    expect(await cancel(ref, 'changed my mind')).toBe('cancelled');
    expect(await since(ref.id, 1)).toEqual(['2 status pending→cancelled (changed my mind)']);
    expect(await code(cancel(ref))).toBe('STREAM_CLOSED');
  });

  it('ends a running execution of somebody else', async () => {
    const id = await insertTraining(db, user, { status: 'running' });
    expect(await cancel({ kind: 'training', id })).toBe('cancelled');
  });

  it('of a running one asks its worker, once and for all', async () => {
    const ref = await running();
    await using listener = await connectFeed(database.admin);
    await listener.query('listen runcast_control');
    const asked = new Promise((resolve) => {
      listener.client.on('notification', ({ payload }) => resolve(JSON.parse(payload ?? '')));
    });
    expect(await cancel(ref, 'too slow')).toBe('running');
    expect(await asked).toEqual({ k: 'training', i: ref.id, cancel: true });
    const first = (await findStream(db, ref))?.cancelRequestedAt;
    expect(first).toBeInstanceOf(Date);
    await cancel(ref);
    expect((await findStream(db, ref))?.cancelRequestedAt).toEqual(first);
  });

  it('reaches an execution whose worker was lost before it could act', async () => {
    const ref = await running();
    await cancel(ref, 'too slow');
    expect(await takeExecution(db, { ...ref, worker: 'w2' })).toBeNull();
    expect(await since(ref.id, 2)).toEqual(['3 status running→cancelled (too slow)']);
  });
});

describe('an owner’s own events', () => {
  it('are logs, progress and metrics', async () => {
    const ref = await running();
    await db.as('authenticated', user);
    expect(await appendOwnEvents(db, { ...ref, events: [line('mine')] })).toBe(3);
    const events = [line('a'), { type: 'status', payload: { to: 'completed' } } as const];
    await expect(appendOwnEvents(db, { ...ref, events })).rejects.toMatchObject({
      code: 'INVALID_EVENT',
      message: 'events[1].type must be log, progress or metric',
    });
  });
});
