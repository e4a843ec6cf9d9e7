import { beforeAll, describe, expect, it } from 'vitest';
import type { EventInput } from '../../src/platform/feed/events.ts';
import { appendEvents, findStream, readEvents, refreshLogs } from '../../src/platform/feed/feed.ts';
import {
  connectFeed,
  type FeedClient,
  feedOf,
  insertTraining,
  line,
  linesOf,
  numbered,
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
  return feed.close;
});

const training = async (values?: Parameters<typeof insertTraining>[2]) =>
  ({ kind: 'training', id: await insertTraining(db, user, values) }) as const;
const progress = (percent: number): EventInput => ({ type: 'progress', payload: { percent } });
const status = (to: string, reason?: string): EventInput => ({
  type: 'status',
  payload: reason === undefined ? { to } : { to, reason },
});
const refusal = (code: string, text: RegExp) =>
  expect.objectContaining({ name: 'FeedError', code, message: expect.stringMatching(text) });

describe('an append', () => {
  it('numbers a batch from the last event on and returns the last number', async () => {
    const ref = await training();
    expect(await appendEvents(db, { ...ref, events: [line('a'), progress(5)] })).toBe(3);
    expect(await appendEvents(db, { ...ref, events: [line('b')] })).toBe(4);
    expect(await feedOf(db, ref.id)).toEqual([
      '1 status null→pending',
      '2 log info stdout: a',
      '3 progress 5',
      '4 log info stdout: b',
    ]);
  });

  it('of nothing returns the last number and leaves the feed alone', async () => {
    const ref = await training();
    expect(await appendEvents(db, { ...ref, events: [] })).toBe(1);
    expect(await feedOf(db, ref.id)).toHaveLength(1);
  });

  it('projects status, progress, the moments of start and end and the reason of a failure onto the row', async () => {
    const ref = await training();
    await appendEvents(db, { ...ref, events: [status('running'), progress(40)] });
    const running = await trainingRow(db, ref.id);
    expect(running).toMatchObject({ status: 'running', progress: 40, completed_at: null });
    expect(running.started_at).toBeInstanceOf(Date);
    await appendEvents(db, { ...ref, events: [status('failed', 'out of memory')] });
    const failed = await trainingRow(db, ref.id);
    expect(failed).toMatchObject({
      status: 'failed',
      error: 'out of memory',
      started_at: running.started_at,
    });
    expect(failed.completed_at).toBeInstanceOf(Date);
  });

  it('wakes the readers once a batch, with stream, last number, owner and whether it ended', async () => {
    const ref = await training();
    await using listener = await connectFeed(database.admin);
    await listener.query('listen runcast_feed');
    const hints: unknown[] = [];
    const ended = new Promise<void>((resolve) => {
      listener.client.on('notification', ({ payload }) => {
        hints.push(JSON.parse(payload ?? ''));
        if (hints.length === 2) resolve();
      });
    });
    await appendEvents(db, { ...ref, events: numbered('line ', 50).map(line) });
    await appendEvents(db, { ...ref, events: [status('cancelled')] });
    await ended;
    expect(hints).toEqual([
      { k: 'training', i: ref.id, s: 51, u: user, t: false },
      { k: 'training', i: ref.id, s: 52, u: user, t: true },
    ]);
  });

  it('stores text that Postgres cannot hold with a replacement character', async () => {
    const ref = await training();
    await appendEvents(db, { ...ref, events: [line('a\u0000b\ud800c')] });
    expect(await linesOf(db, ref.id)).toEqual(['a\ufffdb\ufffdc']);
  });

  it('of a number that is no number stores null', async () => {
    const ref = await training();
    const metric: EventInput = { type: 'metric', payload: { step: 1, values: { loss: Number.NaN } } };
    await appendEvents(db, { ...ref, events: [metric] });
    const [event] = await readEvents(db, { ...ref, after: 1, limit: 10 });
    expect(event).toMatchObject({ type: 'metric', payload: { step: 1, values: { loss: null } } });
  });
});

describe('the column logs', () => {
  it('follows at most once a second, and at the latest when it is refreshed', async () => {
    const ref = await training();
    // The clock of the first projection is set, so that nothing depends on how quick this machine is.
    await appendEvents(db, { ...ref, events: [line('a')] });
    await db.query(
      "update runcast.execution_streams set logs_projected_at = now() + interval '1 hour' where execution_id = $1",
      [ref.id],
    );
    await appendEvents(db, { ...ref, events: [line('b'), line('c')] });
    expect((await trainingRow(db, ref.id)).logs).toEqual(['a']);
    await refreshLogs(db);
    expect((await trainingRow(db, ref.id)).logs).toEqual(['a', 'b', 'c']);
    await db.query(
      "update runcast.execution_streams set logs_projected_at = now() - interval '1 second' where execution_id = $1",
      [ref.id],
    );
    await appendEvents(db, { ...ref, events: [line('d')] });
    expect((await trainingRow(db, ref.id)).logs).toEqual(['a', 'b', 'c', 'd']);
  });

  it('is complete when the execution ends', async () => {
    const ref = await training();
    await appendEvents(db, { ...ref, events: [line('a')] });
    await appendEvents(db, { ...ref, events: [line('b')] });
    await appendEvents(db, { ...ref, events: [status('cancelled')] });
    expect((await trainingRow(db, ref.id)).logs).toEqual(['a', 'b']);
  });

  it('holds the newest 1,000 lines', async () => {
    const ref = await training();
    const lines = numbered('line ', 2300);
    await appendEvents(db, { ...ref, events: lines.slice(0, 800).map(line) });
    await appendEvents(db, { ...ref, events: lines.slice(800).map(line) });
    await refreshLogs(db);
    expect((await trainingRow(db, ref.id)).logs).toEqual(lines.slice(1300));
    expect(await linesOf(db, ref.id)).toEqual(lines);
  });
});

describe('an append is refused', () => {
  const wrong: [string, unknown, RegExp][] = [
    ['an unknown type', { type: 'song', payload: {} }, /^events\[1\]\.type must be status, progress/],
    ['no payload', { type: 'log' }, /^events\[1\]\.payload\.message must be text/],
    ['a null', null, /^events\[1\]\.type/],
    [
      'a number as message',
      { type: 'log', payload: { level: 'info', message: 1 } },
      /\.message must be text/,
    ],
    [
      'an unknown level',
      { type: 'log', payload: { level: 'loud', message: 'a', source: 's' } },
      /\.level must/,
    ],
    [
      'a percent above 100',
      { type: 'progress', payload: { percent: 101 } },
      /\.percent must be a whole number/,
    ],
    ['half a percent', { type: 'progress', payload: { percent: 0.5 } }, /\.percent must be a whole number/],
    ['percent as text', { type: 'progress', payload: { percent: '5' } }, /\.percent must be a number/],
    [
      'metrics in a list',
      { type: 'metric', payload: { step: 1, values: [1] } },
      /\.values must be an object/,
    ],
    ['an unknown status', { type: 'status', payload: { to: 'paused' } }, /paused is no status of a training/],
    ['pending to completed', { type: 'status', payload: { to: 'completed' } }, /from pending to completed/],
    ['a status that is not new', { type: 'status', payload: { to: 'pending' } }, /from pending to pending/],
    [
      'a wrong from',
      { type: 'status', payload: { from: 'running', to: 'failed' } },
      /is pending, not running/,
    ],
  ];
  it.each(wrong)('with index and field for %s', async (_, event, text) => {
    const ref = await training();
    const batch = [line('fine'), event as EventInput];
    await expect(appendEvents(db, { ...ref, events: batch })).rejects.toEqual(refusal('INVALID_EVENT', text));
    expect(await feedOf(db, ref.id)).toHaveLength(1);
  });

  it('where events come after the terminal status of the same batch', async () => {
    const ref = await training();
    const events = [status('cancelled'), line('late')];
    await expect(appendEvents(db, { ...ref, events })).rejects.toEqual(
      refusal('INVALID_EVENT', /^events\[1\] comes after the terminal status cancelled/),
    );
  });

  it('once the execution has ended', async () => {
    const ref = await training();
    await appendEvents(db, { ...ref, events: [line('last'), status('failed')] });
    expect(await findStream(db, ref)).toMatchObject({ state: 'closed', lastSeq: 3 });
    await expect(appendEvents(db, { ...ref, events: [line('late')] })).rejects.toEqual(
      refusal('STREAM_CLOSED', /has ended/),
    );
  });

  it('for an attempt that is not the current one', async () => {
    const ref = await training();
    expect(await appendEvents(db, { ...ref, attempt: 0, events: [line('a')] })).toBe(2);
    await expect(appendEvents(db, { ...ref, attempt: 1, events: [line('b')] })).rejects.toEqual(
      refusal('STALE_ATTEMPT', /attempt 1 .* attempt 0/),
    );
  });

  it('for an execution that does not exist, whatever its id looks like', async () => {
    for (const kind of ['training', 'agent', 'workflow'] as const) {
      await expect(appendEvents(db, { kind, id: 'nothing', events: [] })).rejects.toEqual(
        refusal('STREAM_NOT_FOUND', /there is no .* execution nothing/),
      );
    }
  });
});

it('follows several statuses in one batch and fills in where each came from', async () => {
  const ref = await training();
  await appendEvents(db, { ...ref, events: [status('running'), line('x'), status('completed')] });
  expect(await feedOf(db, ref.id)).toEqual([
    '1 status null→pending',
    '2 status pending→running',
    '3 log info stdout: x',
    '4 status running→completed',
  ]);
});

it('leaves nothing of an append that was rolled back, nor a gap', async () => {
  const ref = await training();
  await db.query('begin');
  await appendEvents(db, { ...ref, events: [line('gone'), progress(90)] });
  await db.query('rollback');
  expect(await appendEvents(db, { ...ref, events: [line('kept')] })).toBe(2);
  expect(await linesOf(db, ref.id)).toEqual(['kept']);
  expect(await trainingRow(db, ref.id)).toMatchObject({ progress: 0, logs: ['kept'] });
});

it('reads on from any cursor, in order, up to the limit', async () => {
  const ref = await training();
  await appendEvents(db, { ...ref, events: numbered('line ', 9).map(line) });
  const events = await readEvents(db, { ...ref, after: 3, limit: 4 });
  expect(events.map((event) => event.seq)).toEqual([4, 5, 6, 7]);
  expect(events[0]).toEqual({
    seq: 4,
    type: 'log',
    at: expect.any(Date),
    attempt: 0,
    payload: { level: 'info', message: 'line 2', source: 'stdout' },
  });
});
