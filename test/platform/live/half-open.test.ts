import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { createViewerDatabase } from '../../../src/platform/db/viewer.ts';
import { captureLog, type LogEntry } from '../../support/log.ts';
import { openApiScene } from '../../support/outages/api-scene.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts';

let proxy: TcpProxy;
beforeAll(async () => {
  proxy = await startTcpProxy(inject('postgresUrl'));
});
afterAll(() => proxy.close());

it('misses nothing when all connections to Postgres die without a word, and listens again within 5 s', async () => {
  await using scene = await openApiScene({ writers: 2, through: proxy.through });
  await scene.caughtUp();
  const begun = performance.now();
  proxy.swallow();
  proxy.restore();
  await scene.log.until(({ msg }) => msg === 'connected again');
  expect(performance.now() - begun).toBeLessThan(5_000);
  await scene.caughtUp();
  const { lost, faults } = await scene.finish();
  expect({ lost, faults }).toEqual({ lost: [], faults: [] });
});

describe('a pool whose connections may be dead', () => {
  async function openPool(
    url: (database: TestDatabase) => string,
    options: { statementTimeoutMs?: number } = {},
  ) {
    const database = await createTestDatabase();
    const { log, until } = captureLog();
    const viewers = createViewerDatabase({ url: url(database), poolSize: 1, log, ...options });
    const ask = (text = 'select 1 as one', signal?: AbortSignal) =>
      viewers.withViewer({ role: 'anon' }, ({ sql }) => sql.query(text), signal && { signal });
    await ask();
    return {
      ...{ viewers, ask, until },
      async [Symbol.asyncDispose]() {
        await viewers.close();
        await database.drop();
      },
    };
  }
  const byProxy = ({ api }: TestDatabase) => proxy.through(api);
  const givenUp = ({ msg }: LogEntry) => msg.startsWith('a statement was not answered in time');

  it('throws one away whose statement is not answered, rather than to wait for it for good', async () => {
    await using pool = await openPool(byProxy, { statementTimeoutMs: 1_000 });
    proxy.swallow();
    const lost = pool.ask().catch((error) => error);
    await pool.until(givenUp);
    proxy.restore();
    expect(await lost).toMatchObject({ name: 'ConnectionLostError' });
    expect(await pool.ask()).toEqual([{ one: 1 }]);
  });

  it('throws one away that does not answer to being cancelled', async () => {
    await using pool = await openPool(byProxy);
    proxy.swallow();
    proxy.restore();
    const gone = pool.ask(undefined, AbortSignal.timeout(100)).catch((error) => error);
    await pool.until(givenUp);
    expect(await gone).toMatchObject({ name: 'ConnectionLostError' });
    expect(await pool.ask()).toEqual([{ one: 1 }]);
  });

  it('asks one that is suspect for a sign of life before it sends a statement', async () => {
    await using pool = await openPool(byProxy);
    proxy.swallow();
    proxy.restore();
    pool.viewers.suspect();
    const begun = performance.now();
    expect(await pool.ask()).toEqual([{ one: 1 }]);
    expect(performance.now() - begun).toBeLessThan(5_000);
  });

  it('gives up what runs on one that is suspect only where Postgres does not work on it', async () => {
    await using dead = await openPool(byProxy);
    await using busy = await openPool(({ api }) => api);
    proxy.swallow();
    proxy.restore();
    const lost = dead.ask().catch((error) => error);
    const slept = busy.ask('select 1 as one from pg_sleep(4)');
    // Both are sent in this turn of the event loop.
    await setImmediate();
    for (const { viewers } of [dead, busy]) viewers.suspect();
    expect(await lost).toMatchObject({ name: 'ConnectionLostError' });
    expect(await slept).toEqual([{ one: 1 }]);
  });
});
