import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { type ExecutionKind, type ExecutionRef, LOG_LEVELS } from '../../src/platform/feed/events.ts';
import { appendEvents, findStream, finishExecution } from '../../src/platform/feed/feed.ts';
import {
  connectFeed,
  type FeedClient,
  feedOf,
  insertTraining,
  line,
  linesOf,
  openFeed,
  trainingRow,
} from '../support/feed.ts';
import type { TestDatabase } from '../support/postgres.ts';

/** Batches of log lines alone, which have a function of their own. */
let database: TestDatabase;
let db: FeedClient;
let user: string;

beforeAll(async () => {
  const feed = await openFeed();
  ({ database, db, user } = feed);
  return feed.close;
});

const training = async (): Promise<ExecutionRef> => ({
  kind: 'training',
  id: await insertTraining(db, user),
});
const append = (ref: ExecutionRef, ...messages: string[]) =>
  appendEvents(db, { ...ref, events: messages.map(line) });

it('are stored as they are among other events', async () => {
  const events = LOG_LEVELS.map(
    (level) =>
      ({ type: 'log', payload: { level, message: `“${level}”\n\t\\u0000`, source: 'stderr' } }) as const,
  );
  const [alone, among] = [await training(), await training()];
  await appendEvents(db, { ...alone, events });
  await appendEvents(db, { ...among, events: [...events, { type: 'progress', payload: { percent: 1 } }] });
  const rowsOf = ({ id }: ExecutionRef) =>
    db.query(
      `select bucket, seq, type, attempt, payload from runcast.execution_events
       where execution_id = $1 and type = 'log' order by seq`,
      [id],
    );
  expect(await rowsOf(alone)).toHaveLength(4);
  expect(await rowsOf(alone)).toEqual(await rowsOf(among));
});

it('follow one another without a gap, whether or not the column logs is due', async () => {
  const ref = await training();
  for (const [at, message] of ['a', 'b', 'c'].entries()) expect(await append(ref, message)).toBe(2 + at);
  expect(await linesOf(db, ref.id)).toEqual(['a', 'b', 'c']);
  expect((await trainingRow(db, ref.id)).logs).toEqual(['a']);
  await db.query(
    "update runcast.execution_streams set logs_projected_at = now() - interval '1 second' where execution_id = $1",
    [ref.id],
  );
  await append(ref, 'd');
  expect((await trainingRow(db, ref.id)).logs).toEqual(['a', 'b', 'c', 'd']);
});

it('that are none change nothing', async () => {
  const ref = await training();
  const before = await findStream(db, ref);
  expect(await append(ref)).toBe(1);
  expect(await findStream(db, ref)).toEqual(before);
  expect(
    await db.query('select logs_stale from runcast.execution_streams where execution_id = $1', [ref.id]),
  ).toEqual([{ logs_stale: false }]);
});

it.each<ExecutionKind>([
  'agent',
  'workflow',
])('go into the feeds of other executions too: %s', async (kind) => {
  const [run] = await db.query<{ id: string }>(
    kind === 'agent'
      ? `with a as (insert into public.agents (name, version, category, output_type)
           values ('a', '1.0.0', 'custom', 'text') returning id)
         insert into public.agent_executions (agent_id, user_id) select id, $1 from a returning id`
      : `with w as (insert into public.workflows (name, version, category, trigger, start_step_id)
           values ('w', '1.0.0', 'custom', '{}', gen_random_uuid()) returning id)
         insert into public.workflow_executions (workflow_id, user_id) select id, $1 from w returning id`,
    [user],
  );
  const ref = { kind, id: run?.id ?? '' };
  expect(await append(ref, 'a', 'b')).toBe(3);
  expect((await feedOf(db, ref.id, kind)).slice(1)).toEqual(['2 log info stdout: a', '3 log info stdout: b']);
});

describe('are refused', () => {
  it('as a whole where one is wrong, and leave neither a line nor a number', async () => {
    const ref = await training();
    await append(ref, 'a');
    const lines = [
      { level: 'info', message: 'b', source: 's' },
      { level: 'loud', message: 'c', source: 's' },
      {},
    ];
    await expect(
      db.query('select runcast.append_lines($1, $2, $3::jsonb)', [ref.kind, ref.id, JSON.stringify(lines)]),
    ).rejects.toMatchObject({
      code: 'RC004',
      message: 'events[1].payload.level must be debug, info, warn or error',
    });
    expect(await append(ref, 'd')).toBe(3);
    expect(await linesOf(db, ref.id)).toEqual(['a', 'd']);
  });

  it('for the same reasons as other events, also while the column logs is fresh', async () => {
    const [ended, taken] = [await training(), await training()];
    for (const ref of [ended, taken]) await append(ref, 'a');
    await finishExecution(db, { ...ended, attempt: 0, status: 'cancelled' });
    await db.query('update runcast.execution_streams set attempt = 1 where execution_id = $1', [taken.id]);
    const refused = (ref: ExecutionRef) => appendEvents(db, { ...ref, attempt: 0, events: [line('late')] });
    await expect(refused(ended)).rejects.toMatchObject({ code: 'STREAM_CLOSED' });
    await expect(refused(taken)).rejects.toMatchObject({ code: 'STALE_ATTEMPT' });
    await expect(refused({ kind: 'training', id: randomUUID() })).rejects.toMatchObject({
      code: 'STREAM_NOT_FOUND',
    });
  });
});

describe('and a change of the row by somebody else', () => {
  it('that was first comes first', async () => {
    const ref = await training();
    await append(ref, 'a');
    await using other = await connectFeed(database.admin);
    await other.query('begin');
    await other.query("update public.training_executions set logs = logs || array['b'] where id = $1", [
      ref.id,
    ]);
    const appended = append(ref, 'c');
    await other.query('commit');
    expect(await appended).toBe(4);
    expect(await linesOf(db, ref.id)).toEqual(['a', 'b', 'c']);
  });

  it('that was second comes second, and finds them in the feed', async () => {
    const ref = await training();
    await append(ref, 'a');
    await using other = await connectFeed(database.admin);
    await db.query('begin');
    await append(ref, 'b');
    const changed = other.query(
      "update public.training_executions set logs = array['a', 'c'] where id = $1",
      [ref.id],
    );
    await db.query('commit');
    await changed;
    expect(await linesOf(db, ref.id)).toEqual(['a', 'b', 'c']);
    expect((await trainingRow(db, ref.id)).logs).toEqual(['a', 'b', 'c']);
  });
});
