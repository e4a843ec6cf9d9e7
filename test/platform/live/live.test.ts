import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { Claims } from '../../../src/platform/db/claims.ts';
import { createServiceDatabase } from '../../../src/platform/db/service.ts';
import { createViewerDatabase, type ViewerDatabase } from '../../../src/platform/db/viewer.ts';
import { appendEvents, readEvents } from '../../../src/platform/feed/feed.ts';
import { readStreams } from '../../../src/platform/feed/stream-pages.ts';
import { createLive, type Live } from '../../../src/platform/live/live.ts';
import type { ChangedExecution } from '../../../src/platform/live/user-hints.ts';
import { createLogger } from '../../../src/platform/logger.ts';
import { type FeedFixture, insertTraining, insertUser, line, openFeed } from '../../support/feed.ts';
import { insertTenant } from '../../support/tenants.ts';

const log = createLogger('silent');
let feed: FeedFixture;
let viewerDb: ViewerDatabase;
let live: Live;

beforeAll(async () => {
  feed = await openFeed();
  viewerDb = createViewerDatabase({ url: feed.database.api, poolSize: 2, log });
  live = createLive({
    url: feed.database.api,
    viewerDb,
    log,
    limits: { ringEvents: 500, ringBytes: 1e6, graceMs: 10_000 },
  });
  await live.started;
});
afterAll(async () => {
  await live.close();
  await viewerDb.close();
  await feed.close();
});

const viewerOf = (sub: string): { claims: Claims } => ({ claims: { role: 'authenticated', sub } });
const training = (id: string) => ({ kind: 'training', id }) as const;

/** The first call of a listener that this holds for. */
function called<Value>(
  listen: (callback: (value: Value) => void) => () => void,
  holds: (value: Value) => boolean = () => true,
): Promise<Value> {
  return new Promise((resolve) => {
    const stop = listen((value) => {
      if (holds(value)) resolve(value);
    });
    onTestFinished(() => stop());
  });
}

describe('the hub', () => {
  it('tells who follows a user’s executions which one has grown, and which was deleted', async () => {
    const user = await insertUser(feed.db);
    const id = await insertTraining(feed.db, user);
    const grown = called<ChangedExecution | undefined>(
      (callback) => live.onUser(user, callback),
      (hinted) => hinted?.id === id && hinted.seq !== 1,
    );
    await appendEvents(feed.db, { ...training(id), events: [line('one')] });
    expect(await grown).toEqual({ ...training(id), seq: 2 });
    const deleted = called<ChangedExecution | undefined>(
      (callback) => live.onUser(user, callback),
      (hinted) => hinted?.id === id && hinted.seq === undefined,
    );
    await feed.db.query('delete from public.training_executions where id = $1', [id]);
    expect(await deleted).toEqual({ ...training(id), seq: undefined });
  });

  // Sooner than the poll, which would tell within ten seconds.
  it('tells everybody where all executions of a kind were deleted at once', { timeout: 8_000 }, async () => {
    const user = await insertUser(feed.db);
    const id = await insertTraining(feed.db, user);
    const { stream, release } = live.hold(training(id), 1);
    onTestFinished(release);
    const any = called<ChangedExecution | undefined>(
      (callback) => live.onUser(user, callback),
      (hinted) => hinted === undefined,
    );
    const gone = called<void>((callback) => stream.onChange(() => stream.state === 'gone' && callback()));
    await feed.db.query('truncate public.training_executions');
    await Promise.all([any, gone]);
  });

  it('ends what somebody follows for a tenant as soon as they are no member any more', async () => {
    for (const statement of [
      'delete from public.user_tenants where user_id = $1',
      "update public.user_tenants set status = 'removed' where user_id = $1",
      'truncate public.user_tenants',
    ]) {
      const user = await insertUser(feed.db);
      const tenant = await insertTenant(feed.db.client, { [user]: 'member' });
      const [own, shared] = [await insertTraining(feed.db, user), await insertTraining(feed.db, user)];
      await feed.db.query('update runcast.execution_streams set tenant_id = $1 where execution_id = $2', [
        tenant,
        shared,
      ]);
      const stop = live.access.watch(viewerOf(user), training(own), () => expect.unreachable('its own run'));
      onTestFinished(stop);
      const revoked = called<void>((callback) =>
        live.access.watch(viewerOf(user), training(shared), callback),
      );
      await feed.db.query(statement, statement.includes('$1') ? [user] : []);
      await revoked;
    }
  });

  it('looks at everybody again after its connection was lost', async () => {
    const user = await insertUser(feed.db);
    const { changes } = live.access;
    const missing = training(`exec_${randomUUID()}`);
    const revoked = called<void>((callback) => live.access.watch(viewerOf(user), missing, callback));
    await feed.db.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where application_name = 'runcast listener' and datname = current_database()`,
    );
    await revoked;
    expect(live.access.changes).toBeGreaterThan(changes);
  });
});

describe('a page of streams', () => {
  const events = (count: number) => Array.from({ length: count }, (_, i) => line(String(i)));
  let user: string;
  beforeEach(async () => {
    user = await insertUser(feed.db);
  });

  it('is read for many at once, of each as much as a page holds, in the order of the requests', async () => {
    const [long, ended, none] = [
      await insertTraining(feed.db, user),
      await insertTraining(feed.db, user),
      'exec_none',
    ];
    await appendEvents(feed.db, { ...training(long), events: events(700) });
    await appendEvents(feed.db, {
      ...training(ended),
      events: [{ type: 'status', payload: { to: 'cancelled' } }],
    });
    const pages = await readStreams(feed.db, [
      { ref: training(ended), after: 0, most: 500 },
      { ref: training(none), after: 0, most: 500 },
      { ref: training(long), after: 1, most: 500 },
      { ref: training(long), after: 601, most: 3 },
      { ref: training(long), after: 9_999, most: 500 },
      { ref: training(ended), after: 2, most: 500 },
    ]);
    expect(
      pages.map((page) => page && { ...page, events: page.events.map(({ event }) => event.seq) }),
    ).toEqual([
      { state: 'closed', lastSeq: 2, events: [1, 2] },
      undefined,
      { state: 'open', lastSeq: 701, events: Array.from({ length: 500 }, (_, i) => i + 2) },
      { state: 'open', lastSeq: 701, events: [602, 603, 604] },
      { state: 'open', lastSeq: 701, events: [] },
      { state: 'closed', lastSeq: 2, events: [] },
    ]);
    const [first] = pages[2]?.events ?? [];
    expect(first).toEqual({
      event: { seq: 2, type: 'log', attempt: 0, at: expect.any(Date), payload: line('0').payload },
      bytes: expect.any(Number),
    });
  });

  it('has every event as other readers have it, whatever its text and moment', async () => {
    const id = await insertTraining(feed.db, user);
    const texts = ['', ' ', 'two\nlines\r\n', '"\\n"\t', '\u2028\u2029', 'Größe 🚀', 'a  b 1 log 0 {}', '\\'];
    await appendEvents(feed.db, { ...training(id), events: texts.map(line) });
    await appendEvents(feed.db, {
      ...training(id),
      events: [
        { type: 'metric', payload: { step: 1e300, values: { loss: null, 'a b': 0.1 } } },
        { type: 'provider', payload: { raw: { nested: ['\n', { '\n ': 1 }] } } },
      ],
    });
    const moments = ['2026-01-02 03:04:05.123', '2026-01-02 03:04:05.122999', '2026-01-02 03:04:05.999999'];
    moments.push('1970-01-01 00:00:00.001001', '2038-01-19 03:14:08', '2999-12-31 23:59:59.9994');
    await feed.db.query(
      `update runcast.execution_events set at = (($2::text[])[1 + seq % cardinality($2::text[])])::timestamptz
       where execution_id = $1`,
      [id, moments],
    );
    const [page] = await readStreams(feed.db, [{ ref: training(id), after: 0, most: 500 }]);
    const expected = await readEvents(feed.db, { ...training(id), after: 0, limit: 500 });
    expect(expected).toHaveLength(1 + texts.length + 2);
    expect(page?.events.map(({ event }) => event)).toEqual(expected);
  });

  it('is found by index also by a plan that Postgres made while there was next to nothing', async () => {
    const id = await insertTraining(feed.db, user);
    await feed.db.query('analyze runcast.execution_streams, runcast.execution_events');
    const reading = { url: feed.database.api, poolSize: 1, findsByIndex: true, log };
    const { sql, close } = createServiceDatabase(reading);
    onTestFinished(close);
    for (let time = 0; time < 12; time += 1) {
      expect(await readStreams(sql, [{ ref: training(id), after: 0, most: 5 }])).toMatchObject([
        { lastSeq: 1 },
      ]);
    }
    const [prepared] = await sql.query<{ name: string; kept: number }>(
      `select name, generic_plans::float8 as kept from pg_prepared_statements where statement like '%with asked%'
         and name <> '' and statement not like '%pg_prepared_statements%'`,
    );
    expect(prepared?.kept).toBeGreaterThan(0);
    const plan = await sql.query<{ 'QUERY PLAN': string }>(
      `explain execute "${prepared?.name}"(array['training'], array['${id}'], array[0], array[5])`,
    );
    const text = plan.map((row) => row['QUERY PLAN']).join('\n');
    expect(text).toContain('Index Scan');
    expect(text).not.toContain('Seq Scan');
  });

  it('is none where somebody has removed the events that the stream says it has', async () => {
    const id = await insertTraining(feed.db, user);
    await feed.db.query('delete from runcast.execution_events where execution_id = $1', [id]);
    expect(await readStreams(feed.db, [{ ref: training(id), after: 0, most: 5 }])).toEqual([undefined]);
    expect(await readStreams(feed.db, [{ ref: training(id), after: 1, most: 5 }])).toMatchObject([
      { lastSeq: 1 },
    ]);
  });
});
