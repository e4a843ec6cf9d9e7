import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Claims } from '../../../src/platform/db/claims.ts';
import { createServiceDatabase, type ServiceDatabase } from '../../../src/platform/db/service.ts';
import { createViewerDatabase, type ViewerDatabase } from '../../../src/platform/db/viewer.ts';
import {
  appendEvents,
  appendOwnEvents,
  finishExecution,
  releaseExecution,
  requestCancel,
  takeExecution,
} from '../../../src/platform/feed/feed.ts';
import { createHintPublisher, type HintPublisher } from '../../../src/platform/live/hint-publisher.ts';
import { createRedisHints } from '../../../src/platform/live/redis-hints.ts';
import { type FeedFixture, insertTraining, line, notifiedDuring, openFeed } from '../../support/feed.ts';
import { type Heard, hearHints, isGap, isOf } from '../../support/heard-hints.ts';
import { captureLog } from '../../support/log.ts';
import { hasRedis, type RedisServer, startRedis } from '../../support/redis-server.ts';
import { startTcpProxy } from '../../support/tcp-proxy.ts';

type ConnectedPublisher = HintPublisher & {
  /** Resolves once it has connected a second time. */
  again(): Promise<unknown>;
};

const PASSWORD = 'a password/with@signs';

describe.runIf(hasRedis)('hints over Redis', () => {
  let feed: FeedFixture;
  let redis: RedisServer;
  let publisher: ConnectedPublisher;
  let worker: ServiceDatabase;
  let viewers: ViewerDatabase;
  const { log } = captureLog();

  beforeAll(async () => {
    feed = await openFeed();
    redis = await startRedis({ password: PASSWORD });
    publisher = await connected(redis.url);
    const sendHint = (hint: string) => publisher.publish(hint);
    worker = createServiceDatabase({ url: feed.database.worker, poolSize: 2, sendHint, log });
    viewers = createViewerDatabase({ url: feed.database.api, poolSize: 1, sendHint, log });
  });
  afterAll(async () => {
    await viewers.close();
    await worker.close();
    await publisher.close();
    await redis.kill();
    await feed.close();
  });

  async function connected(url: string): Promise<ConnectedPublisher> {
    const captured = captureLog();
    const made = createHintPublisher({ url, log: captured.log });
    await made.started;
    const again = () => captured.until(({ msg }) => msg === 'connected again');
    return Object.assign(made, { again });
  }

  async function listen(url = redis.url) {
    const ears = hearHints();
    const captured = captureLog();
    const hints = createRedisHints({ url, log: captured.log, ...ears });
    await hints.started;
    await ears.next(isGap);
    return { ...ears, hints, until: captured.until, [Symbol.asyncDispose]: () => hints.close() };
  }

  /** A run of ours that waits for a worker. */
  async function ownRun(): Promise<string> {
    const id = await insertTraining(feed.db, feed.user);
    await feed.db.query("update runcast.execution_streams set origin = 'runcast' where execution_id = $1", [
      id,
    ]);
    return id;
  }

  const owner = (): Claims => ({ role: 'authenticated', sub: feed.user });
  const ref = (id: string) => ({ kind: 'training', id }) as const;
  const append = (id: string) => appendEvents(worker.sql, { ...ref(id), events: [line('one')] });

  it('tell of everything that a worker and an owner append, about which Postgres keeps quiet', async () => {
    await using ears = await listen();
    const id = await ownRun();
    const heard: Heard[] = [];
    const step = async (work: () => Promise<unknown>) => {
      await work();
      heard.push(await ears.next(isOf(id)));
    };
    const notified = await notifiedDuring(feed.database.admin, ['runcast_feed'], async () => {
      await step(() => takeExecution(worker.sql, { ...ref(id), worker: 'me' }));
      await step(() =>
        appendEvents(worker.sql, { ...ref(id), attempt: 1, events: [line('one'), line('two')] }),
      );
      await step(() => releaseExecution(worker.sql, { ...ref(id), attempt: 1, reason: 'a test' }));
      await step(() => takeExecution(worker.sql, { ...ref(id), worker: 'you' }));
      await step(() =>
        viewers.withViewer(owner(), ({ sql }) =>
          appendOwnEvents(sql, { ...ref(id), events: [line('three')] }),
        ),
      );
      await step(() => finishExecution(worker.sql, { ...ref(id), attempt: 2, status: 'completed' }));
    });
    const about = { kind: 'training', id, userId: feed.user, deleted: false };
    expect(heard).toEqual(
      [
        { seq: undefined, ended: false },
        { seq: 4, ended: false },
        { seq: 5, ended: false },
        { seq: undefined, ended: false },
        { seq: 7, ended: false },
        { seq: 8, ended: true },
      ].map((hint) => ({ feed: { ...about, ...hint } })),
    );
    expect(notified).toEqual([]);
  });

  it('tell that a run was cancelled, and nothing where its worker was only asked to', async () => {
    await using ears = await listen();
    const [waiting, running] = [await ownRun(), await ownRun()];
    await takeExecution(worker.sql, { ...ref(running), worker: 'me' });
    await ears.next(isOf(running));
    const cancel = (id: string) => viewers.withViewer(owner(), ({ sql }) => requestCancel(sql, ref(id)));
    expect(await cancel(running)).toBe('running');
    expect(await cancel(waiting)).toBe('cancelled');
    expect(await ears.next(() => true)).toMatchObject({ feed: { id: waiting, ended: true } });
  });

  it('are sent once a transaction has committed, and not where it was rolled back', async () => {
    await using ears = await listen();
    const [kept, undone] = [await ownRun(), await ownRun()];
    const appendTo = (id: string, fails: boolean) =>
      worker.transaction(async (sql) => {
        await appendEvents(sql, { ...ref(id), events: [line('one')] });
        await sql.query('select 1');
        if (fails) throw new Error('changed my mind');
      });
    await expect(appendTo(undone, true)).rejects.toThrow('changed my mind');
    await appendTo(kept, false);
    expect(await ears.next(() => true)).toMatchObject({ feed: { id: kept, seq: 2 } });
    expect(ears.heard.some(isOf(undone))).toBe(false);
  });

  it('leave what others write to Postgres', async () => {
    const id = await ownRun();
    const notified = await notifiedDuring(feed.database.admin, ['runcast_feed'], () =>
      worker.sql.query(
        "update public.training_executions set logs = logs || array['foreign'] where id = $1",
        [id],
      ),
    );
    expect(notified).toEqual([expect.objectContaining({ i: id, s: 2 })]);
  });

  it('come again after Redis was killed, and until then fail no write', async () => {
    await using ears = await listen();
    const id = await ownRun();
    await redis.kill();
    const before = publisher.dropped;
    await append(id);
    expect(publisher.dropped).toBe(before + 1);
    await redis.start();
    await ears.next(isGap);
    await publisher.again();
    await append(id);
    expect(await ears.next(isOf(id))).toMatchObject({ feed: { seq: 3 } });
  });

  it('come again within 5 s when the connection died without a word, and keep little meanwhile', async () => {
    const proxy = await startTcpProxy(redis.url);
    const url = proxy.through(redis.url);
    await using ears = await listen(url);
    const sender = await connected(url);
    const begun = performance.now();
    proxy.swallow();
    proxy.restore();
    for (let i = 0; i < 5_000; i += 1) sender.publish('{}');
    await ears.next(isGap);
    await sender.again();
    expect(performance.now() - begun).toBeLessThan(5_000);
    expect(sender.dropped).toBe(5_000);
    await sender.close();
    await proxy.close();
  });

  it('never show the password of a Redis that refuses it', async () => {
    const wrong = redis.url.replace(encodeURIComponent(PASSWORD), 'sesame');
    const captured = captureLog();
    const refused = createHintPublisher({ url: wrong, log: captured.log });
    const entry = await captured.until(({ msg }) => msg.startsWith('a connection is lost'));
    expect(entry.reason).toContain('WRONGPASS');
    expect(JSON.stringify(entry)).not.toContain('sesame');
    await refused.close();
  });
});
