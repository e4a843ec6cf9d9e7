import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, JWT, makeUser, socketTo, type User } from '../support/api.ts';
import { type FeedFixture, insertTraining, notifiedDuring, openFeed } from '../support/feed.ts';
import { freePort } from '../support/free-port.ts';
import { byMutation } from '../support/outages/writer.ts';
import { hasRedis, type RedisServer, startRedis } from '../support/redis-server.ts';
import { type RuncastProcess, spawnRuncast } from '../support/runcast-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const PASSWORD = 'correct-horse-battery';
const FOLLOW = 'subscription ($id: ID!) { executionEvents(id: $id, after: 1) { lastSeq } }';

describe.runIf(hasRedis)('a process with a Redis', { timeout: 120_000 }, () => {
  let feed: FeedFixture;
  let user: User;
  let redis: RedisServer;
  let dataDir: string;
  beforeAll(async () => {
    feed = await openFeed();
    user = await makeUser(feed.db.client);
    redis = await startRedis({ password: PASSWORD });
    dataDir = await temporaryFolder('redis');
  });
  afterAll(async () => {
    await redis.kill();
    await feed.close();
    await rm(dataDir, { recursive: true, force: true });
  });

  async function start(redisUrl: string): Promise<{ runcast: RuncastProcess; url: string }> {
    const runcast = spawnRuncast(['start'], {
      ...{ PORT: '0', DATABASE_URL: feed.database.admin, RUNCAST_DATA_DIR: dataDir, REDIS_URL: redisUrl },
      ...{ JWT_SECRET: JWT.secret, GRAPHIQL: 'off', LOG_LEVEL: 'debug' },
    });
    const [, url = ''] = await runcast.printed(/Runcast is up at (\S+)\./);
    return { runcast, url };
  }

  const readiness = async (url: string) => (await fetch(`${url}/health/ready`)).status;

  it('tells what was written over Redis, what others wrote over Postgres, and nobody its password', async () => {
    const { runcast, url } = await start(redis.url);
    const id = await insertTraining(feed.db, user.id, { status: 'running' });
    const socket = socketTo(url, user);
    const follow = socket.follow(FOLLOW, { id });
    const first = follow.next();
    const write = byMutation((query, variables) => ask(url, query, variables, user), user, id);
    const notified = await notifiedDuring(feed.database.admin, ['runcast_feed'], () => write(['ours']));
    expect(notified).toEqual([]);
    expect((await first).value?.data.executionEvents.lastSeq).toBe(2);
    const foreign = await notifiedDuring(feed.database.admin, ['runcast_feed'], () =>
      feed.db.query("update public.training_executions set logs = logs || array['theirs'] where id = $1", [
        id,
      ]),
    );
    expect(foreign).toHaveLength(1);
    expect((await follow.next()).value?.data.executionEvents.lastSeq).toBe(3);
    await redis.kill();
    await write(['ours again']);
    expect((await follow.next()).value?.data.executionEvents.lastSeq).toBe(4);
    expect(await readiness(url)).toBe(200);
    await socket.dispose();
    expect(await runcast.interrupt()).toBe(0);
    expect(runcast.stderr()).toContain('a connection is lost');
    expect(runcast.stdout() + runcast.stderr()).not.toContain(PASSWORD);
  });

  it('starts although Redis is away', async () => {
    const { runcast, url } = await start(`redis://127.0.0.1:${await freePort()}`);
    expect(await readiness(url)).toBe(200);
    expect(await runcast.interrupt()).toBe(0);
  });
});
