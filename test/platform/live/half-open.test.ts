import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { createServiceDatabase } from '../../../src/platform/db/service.ts';
import { createViewerDatabase } from '../../../src/platform/db/viewer.ts';
import { captureLog } from '../../support/log.ts';
import { openApiScene } from '../../support/outages/api-scene.ts';
import { createTestDatabase } from '../../support/postgres.ts';
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

it('throws a connection away whose statement is not answered, rather than to wait for it for good', async () => {
  await using database = await createTestDatabase();
  const { log, until } = captureLog();
  const service = createServiceDatabase({
    ...{ url: proxy.through(database.worker), poolSize: 1, log },
    statementTimeoutMs: 1_000,
  });
  await service.sql.query('select 1');
  proxy.swallow();
  const lost = service.sql.query('select 1').catch((error) => error);
  await until(({ msg }) => msg.startsWith('a statement was not answered in time'));
  proxy.restore();
  expect(await lost).toMatchObject({ name: 'ConnectionLostError' });
  expect(await service.sql.query('select 2 as two')).toEqual([{ two: 2 }]);
  await service.close();
});

it('throws away a connection that does not answer to being cancelled', async () => {
  await using database = await createTestDatabase();
  const { log, until } = captureLog();
  const viewers = createViewerDatabase({ url: proxy.through(database.api), poolSize: 1, log });
  const ask = (signal?: AbortSignal) =>
    viewers.withViewer({ role: 'anon' }, ({ sql }) => sql.query('select 1 as one'), signal && { signal });
  await ask();
  proxy.swallow();
  proxy.restore();
  const gone = ask(AbortSignal.timeout(100)).catch((error) => error);
  await until(({ msg }) => msg.startsWith('a statement was not answered in time'));
  expect(await gone).toMatchObject({ name: 'ConnectionLostError' });
  expect(await ask()).toEqual([{ one: 1 }]);
  await viewers.close();
});
