import { randomUUID } from 'node:crypto';
import { PrismaPg } from '@prisma/adapter-pg';
import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { PrismaClient } from '../../../src/generated/prisma/client.ts';
import { Session } from '../../../src/platform/db/session.ts';
import { createViewerDatabase, type ViewerDatabase } from '../../../src/platform/db/viewer.ts';
import { createLogger } from '../../../src/platform/logger.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';

const user = randomUUID();
const service = { role: 'service_role' } as const;

let database: TestDatabase;
let ours: ViewerDatabase;
let peer: PrismaClient;

beforeAll(async () => {
  database = await createTestDatabase();
  const admin = new Client({ connectionString: database.admin });
  await admin.connect();
  await admin.query('insert into auth.users (id, email) values ($1, $2)', [user, 'ada@example.com']);
  await admin.query(
    `insert into public.training_executions (id, user_id, public_id, method, provider, created_at, config, completed_at)
     select 'exec_' || n, $1, 'tiny"''', 'sft', 'local', '2026-02-28 12:34:56.789123+00'::timestamptz + n * interval '1 s',
       '{"deep": [1, null, "ü"]}', case when n % 2 = 0 then now() end from generate_series(1, 9) n`,
    [user],
  );
  await admin.query(
    `insert into public.training_configs (user_id, name, public_id, is_public) values ($1, 'one', 'one', true)`,
    [user],
  );
  await admin.end();
  const inUtc = new URL(database.admin);
  inUtc.searchParams.set('options', '-c TimeZone=UTC');
  peer = new PrismaClient({ adapter: new PrismaPg(inUtc.href) });
  ours = createViewerDatabase({ url: database.api, poolSize: 1, log: createLogger('silent') });
});
afterEach(() => vi.restoreAllMocks());
afterAll(async () => {
  await peer.$disconnect();
  await ours.close();
  await database.drop();
});

const byUs = <T>(ask: (prisma: PrismaClient) => Promise<T>) =>
  ours.withViewer(service, ({ prisma }) => ask(prisma));

describe('a read that is one plain SELECT', () => {
  const run = { id: true, publicId: true, progress: true, createdAt: true, completedAt: true } as const;
  const newest = [{ createdAt: 'desc' as const }, { id: 'desc' as const }];
  const reads: [string, (prisma: PrismaClient) => Promise<unknown>][] = [
    ['a list', (p) => p.trainingExecution.findMany({ select: run, orderBy: newest, take: 5, skip: 0 })],
    ['an empty page', (p) => p.trainingExecution.findMany({ select: run, orderBy: newest, take: 0 })],
    ['one order', (p) => p.trainingExecution.findMany({ select: run, orderBy: { id: 'asc' } })],
    ['a filter', (p) => p.trainingExecution.findMany({ select: run, where: { userId: user, id: 'exec_2' } })],
    [
      'the first',
      (p) => p.trainingExecution.findFirst({ select: run, where: { method: 'sft' }, orderBy: newest }),
    ],
    ['json', (p) => p.trainingExecution.findUnique({ select: { config: true }, where: { id: 'exec_1' } })],
    ['a row that is not there', (p) => p.trainingExecution.findUnique({ select: run, where: { id: 'x' } })],
    ['flags', (p) => p.trainingConfig.findMany({ select: { isPublic: true, name: true, userId: true } })],
  ];

  it.each(reads)('answers as Prisma does, without it: %s', async (_name, ask) => {
    const sent = vi.spyOn(Session.prototype, 'run');
    expect(await byUs(ask)).toEqual(await ask(peer));
    expect(sent).toHaveBeenCalledOnce();
    expect(sent.mock.calls[0]?.[0].text).toMatch(/^select "/);
  });

  const others: [string, (prisma: PrismaClient) => Promise<unknown>][] = [
    ['lists', (p) => p.trainingExecution.findMany({ select: { id: true, logs: true }, orderBy: newest })],
    ['all columns', (p) => p.trainingExecution.findMany({ orderBy: newest })],
    ['a cursor', (p) => page(p, { skip: 1, take: 3 })],
    ['backwards', (p) => page(p, { skip: 1, take: -3 })],
    [
      'conditions',
      (p) =>
        p.trainingExecution.findMany({ select: run, where: { OR: [{ id: 'exec_1' }, { progress: 7 }] } }),
    ],
    ['nothing to equal', (p) => p.trainingExecution.findFirst({ select: run, where: { error: null } })],
    [
      'a join',
      (p) =>
        p.trainingConfig.findMany({ select: { id: true, datasetLinks: { select: { configId: true } } } }),
    ],
    [
      'another key',
      (p) => p.trainingConfig.findUnique({ select: { name: true }, where: { publicId: 'one' } }),
    ],
  ];
  const page = (p: PrismaClient, range: { skip: number; take: number }) =>
    p.trainingExecution.findMany({ select: run, orderBy: newest, cursor: { id: 'exec_5' }, ...range });

  it.each(others)('leaves everything else to Prisma: %s', async (_name, ask) => {
    expect(await byUs(ask)).toEqual(await ask(peer));
  });

  it('fails in the words of Prisma where a value does not fit its column', async () => {
    const ask = (p: PrismaClient) =>
      p.trainingConfig.findFirst({ select: { id: true }, where: { id: 'no uuid' } }).catch((error) => error);
    const [us, prisma] = [await byUs(ask), await ask(peer)];
    expect([us.name, us.code]).toEqual([prisma.name, prisma.code]);
  });

  it('rides in a batch, which is one transaction', async () => {
    const [list, count] = await byUs((p) =>
      p.$transaction([
        p.trainingExecution.findMany({ select: { id: true }, take: 2 }),
        p.trainingExecution.count(),
      ]),
    );
    expect([list.length, count]).toEqual([2, 9]);
  });

  it('is one statement for all that are asked for by id in one tick', async () => {
    const sent = vi.spyOn(Session.prototype, 'run');
    const rows = await byUs((p) =>
      Promise.all(
        [1, 2, 3].map((n) =>
          p.trainingExecution.findUnique({ select: { id: true }, where: { id: `exec_${n}` } }),
        ),
      ),
    );
    expect(rows.map((row) => row?.id)).toEqual(['exec_1', 'exec_2', 'exec_3']);
    expect(sent).toHaveBeenCalledOnce();
  });

  it('sees the transaction that it is asked in', async () => {
    const seen = await ours.withViewer(service, (db) =>
      db.transaction(async ({ prisma, sql }) => {
        await sql.query(`update public.training_configs set name = 'two' where public_id = 'one'`);
        return prisma.trainingConfig.findMany({ select: { name: true } });
      }),
    );
    expect(seen).toEqual([{ name: 'two' }]);
  });

  it('is refused without a viewer and after its operation', async () => {
    const lease = await ours.lease(service);
    const list = () => lease.prisma.trainingExecution.findMany({ select: { id: true } });
    await expect(list()).rejects.toMatchObject({ code: 'NO_VIEWER' });
    const late = lease.run(() => ({ ask: async () => await list(), released: lease.release() }));
    await expect(lease.run(late.ask)).rejects.toMatchObject({ code: 'VIEWER_GONE' });
  });
});
