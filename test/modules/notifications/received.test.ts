import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { notifyUser } from '../../../src/modules/notifications/sql.ts';
import { createServiceDatabase, type ServiceDatabase } from '../../../src/platform/db/service.ts';
import { createLogger } from '../../../src/platform/logger.ts';
import { type Data, type Socket, startApi, type TestApi, type User } from '../../support/api.ts';
import { insertTenant } from '../../support/tenants.ts';

const RECEIVED = `subscription ($after: Int) {
  notificationReceived(after: $after) { lastSeq notifications { seq title readAt } }
}`;

let api: TestApi;
let writers: ServiceDatabase;
let user: User;
let sockets: Socket[];

beforeAll(async () => {
  api = await startApi();
  writers = createServiceDatabase({ url: api.database.worker, poolSize: 4, log: createLogger('silent') });
});
beforeEach(async () => {
  user = await api.makeUser();
  sockets = [];
  return () => {
    for (const socket of sockets) socket.dispose();
  };
});
afterAll(async () => {
  await writers.close();
  await api.close();
});

const tell = (to: User, title: string, tenantId: string | null = null) =>
  writers.transaction((sql) =>
    notifyUser(sql, { userId: to.id, tenantId, title, body: '', source: null, dedupeKey: randomUUID() }),
  );

type Batch = { lastSeq: number; notifications: { seq: number; title: string; readAt: string | null }[] };

/** Follows over a socket of its own, and is taken by the server by the time this resolves. */
async function follow(variables: { after?: number } = {}, as: User = user) {
  const socket = api.socket(as);
  sockets.push(socket);
  const { following: results } = await api.taken(() => {
    const iterator = socket.follow(RECEIVED, variables);
    const first = iterator.next();
    return { iterator, first };
  });
  let pending: Promise<IteratorResult<{ data?: Data; errors?: unknown }>> | undefined = results.first;
  return {
    socket,
    async next(): Promise<Batch> {
      const { value } = await (pending ?? results.iterator.next());
      pending = undefined;
      if (value?.errors) throw new Error(JSON.stringify(value.errors));
      return value?.data?.notificationReceived;
    },
    /** Titles until there are so many. */
    async titles(count: number): Promise<string[]> {
      const titles: string[] = [];
      while (titles.length < count) {
        const { notifications } = await this.next();
        titles.push(...notifications.map(({ title }) => title));
      }
      return titles;
    },
  };
}

describe('notificationReceived', () => {
  it('gives what comes after it was asked for, unless it is given a cursor', async () => {
    await tell(user, 'before');
    const live = await follow();
    await tell(user, 'after');
    expect(await live.next()).toEqual({
      lastSeq: 2,
      notifications: [{ seq: 2, title: 'after', readAt: null }],
    });
    expect(await (await follow({ after: 0 })).titles(2)).toEqual(['before', 'after']);
  });

  it('loses and repeats nothing over connections that break, while several write', async () => {
    const total = 300;
    const writing = (async () => {
      for (let at = 0; at < total; at += 10) {
        await Promise.all(Array.from({ length: 10 }, (_, i) => tell(user, `n${at + i}`)));
      }
    })();
    const seqs: number[] = [];
    let after = 0;
    while (seqs.length < total) {
      const live = await follow({ after });
      // A few batches on each connection, and the next goes on from there.
      for (let batches = 0; batches < 3 && seqs.length < total; batches += 1) {
        const { notifications, lastSeq } = await live.next();
        seqs.push(...notifications.map(({ seq }) => seq));
        after = lastSeq;
      }
      live.socket.terminate();
    }
    await writing;
    expect(seqs).toEqual(Array.from({ length: total }, (_, at) => at + 1));
  });

  it('goes on through the loss of the connections that it listens and reads over', {
    timeout: 30_000,
  }, async () => {
    const live = await follow({ after: 0 });
    const cut = () =>
      api.admin.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and usename = 'runcast_api'`,
      );
    for (let at = 0; at < 20; at += 1) {
      if (at % 5 === 0) await cut();
      await tell(user, `n${at}`);
    }
    expect(await live.titles(20)).toEqual(Array.from({ length: 20 }, (_, at) => `n${at}`));
  });

  it('gives nobody what is somebody else’s', async () => {
    const other = await api.makeUser();
    const [mine, theirs] = [await follow({ after: 0 }), await follow({ after: 0 }, other)];
    await tell(other, 'for the other');
    await tell(user, 'for me');
    expect(await mine.titles(1)).toEqual(['for me']);
    expect(await theirs.titles(1)).toEqual(['for the other']);
  });

  it('leaves out what is of a tenant that one has left, and goes on', async () => {
    const tenantId = await insertTenant(api.admin, { [user.id]: 'member' });
    const live = await follow({ after: 0 });
    await tell(user, 'as a member', tenantId);
    expect(await live.titles(1)).toEqual(['as a member']);
    await api.admin.query('delete from public.user_tenants where user_id = $1', [user.id]);
    await tell(user, 'as none any more', tenantId);
    await tell(user, 'of no tenant');
    expect(await live.next()).toMatchObject({ lastSeq: 3, notifications: [{ title: 'of no tenant' }] });
  });

  it('is shared by a user’s connections', async () => {
    const before = api.live.stats.frames;
    const all = await Promise.all(Array.from({ length: 10 }, () => follow({ after: 0 })));
    await tell(user, 'for all');
    for (const each of all) expect(await each.titles(1)).toEqual(['for all']);
    expect(api.live.stats.frames - before).toBeLessThan(10);
  });

  it('waits for the next where the cursor is beyond the newest', async () => {
    await tell(user, 'one');
    const live = await follow({ after: 2 });
    await tell(user, 'two');
    await tell(user, 'three');
    expect(await live.next()).toMatchObject({ notifications: [{ seq: 3, title: 'three' }] });
  });

  it.each([
    ['a negative cursor', { after: -1 }, 'BAD_USER_INPUT'],
    ['nobody', {}, 'UNAUTHENTICATED'],
  ])('refuses %s', async (name, variables, code) => {
    const socket = api.socket(name === 'nobody' ? undefined : user);
    sockets.push(socket);
    const refusal = await socket
      .follow(RECEIVED, variables)
      .next()
      .catch((errors) => ({ value: { errors } }));
    expect(JSON.stringify(refusal)).toContain(code);
  });
});
