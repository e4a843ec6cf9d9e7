import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { appendEvents } from '../../../src/platform/feed/feed.ts';
import { createPostgresHints } from '../../../src/platform/live/postgres-hints.ts';
import { type FeedFixture, insertTraining, insertUser, line, openFeed } from '../../support/feed.ts';
import { hearHints, isGap, isOf } from '../../support/heard-hints.ts';
import { captureLog } from '../../support/log.ts';
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts';
import { insertTenant } from '../../support/tenants.ts';

/** As promised, from the moment that a connection is gone, noticed or not. */
const BACK_WITHIN_MS = 5_000;

let feed: FeedFixture;
let proxy: TcpProxy;
beforeAll(async () => {
  feed = await openFeed();
  proxy = await startTcpProxy(inject('postgresUrl'));
});
afterAll(async () => {
  await proxy.close();
  await feed.close();
});

async function listen(url = feed.database.api) {
  const ears = hearHints();
  const { log, until } = captureLog();
  const hints = createPostgresHints({ url, log, ...ears });
  await hints.started;
  await ears.next(isGap);
  return { ...ears, hints, until, [Symbol.asyncDispose]: () => hints.close() };
}

const append = (id: string) => appendEvents(feed.db, { kind: 'training', id, events: [line('one')] });

describe('hints from Postgres', () => {
  it('tell of a feed that has grown and of an execution that is gone', async () => {
    await using ears = await listen();
    const id = await insertTraining(feed.db, feed.user);
    await append(id);
    const about = { kind: 'training', id, userId: feed.user };
    await ears.next(isOf(id));
    expect(await ears.next(isOf(id))).toEqual({ feed: { ...about, seq: 2, ended: false, deleted: false } });
    await feed.db.query('delete from public.training_executions where id = $1', [id]);
    expect(await ears.next(isOf(id))).toEqual({
      feed: { ...about, seq: undefined, ended: true, deleted: true },
    });
  });

  it('tell whose memberships have changed', async () => {
    await using ears = await listen();
    const member = await insertUser(feed.db);
    const tenant = await insertTenant(feed.db.client, { [member]: 'member' });
    await feed.db.query('delete from public.user_tenants where tenant_id = $1', [tenant]);
    expect(await ears.next((heard) => 'access' in heard)).toEqual({ access: member });
  });

  it('pass over what others notify, and say so without repeating it', async () => {
    await using ears = await listen();
    const id = await insertTraining(feed.db, feed.user);
    for (const text of ['hello', '{"k":1}', '[]']) {
      await feed.db.query("select pg_notify('runcast_feed', $1), pg_notify('runcast_access', $1)", [text]);
    }
    await append(id);
    await ears.next(isOf(id));
    const entry = await ears.until(({ msg }) => msg === 'a notification that is not ours');
    expect(entry).toMatchObject({ channel: 'runcast_feed', bytes: 5 });
    expect(JSON.stringify(entry)).not.toContain('hello');
  });

  it('know what the database’s clock is ahead', async () => {
    await using ears = await listen();
    const [row] = await feed.db.query<{ now: Date }>('select clock_timestamp() as now');
    const offset = (row?.now.getTime() ?? 0) - Date.now();
    expect(Math.abs(ears.hints.clockOffsetMs - offset)).toBeLessThan(500);
  });

  it('come again when the connection was ended by the server', async () => {
    await using ears = await listen();
    await feed.db.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where application_name = 'runcast listener' and datname = current_database()`,
    );
    await ears.next(isGap);
    const id = await insertTraining(feed.db, feed.user);
    await ears.next(isOf(id));
    expect(ears.hints).toMatchObject({ isConnected: true, reconnections: 1 });
  });

  it('come again when the connection was reset', async () => {
    await using ears = await listen(proxy.through(feed.database.api));
    proxy.cut();
    await ears.next(isGap);
    const id = await insertTraining(feed.db, feed.user);
    await ears.next(isOf(id));
  });

  it('come again within 5 s when the connection died without a word', async () => {
    await using ears = await listen(proxy.through(feed.database.api));
    const begun = performance.now();
    proxy.swallow();
    proxy.restore();
    await ears.next(isGap);
    expect(performance.now() - begun).toBeLessThan(BACK_WITHIN_MS);
    const id = await insertTraining(feed.db, feed.user);
    await ears.next(isOf(id));
  });

  it('come again within 5 s when a network that took new connections too is back', async () => {
    await using ears = await listen(proxy.through(feed.database.api));
    proxy.swallow();
    // Of the attempts to connect again the first ends so.
    await ears.until(({ reason }) => reason === 'no answer within 3000 ms');
    expect(ears.hints.isConnected).toBe(false);
    const begun = performance.now();
    proxy.restore();
    await ears.next(isGap);
    expect(performance.now() - begun).toBeLessThan(BACK_WITHIN_MS);
  });

  it('can be closed while the other side is dead', async () => {
    const ears = await listen(proxy.through(feed.database.api));
    proxy.swallow();
    const begun = performance.now();
    await ears.hints.close();
    proxy.restore();
    expect(performance.now() - begun).toBeLessThan(1_000);
  });
});
