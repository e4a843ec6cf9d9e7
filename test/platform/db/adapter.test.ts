import { randomUUID } from 'node:crypto';
import { PrismaPg } from '@prisma/adapter-pg';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Prisma, PrismaClient } from '../../../src/generated/prisma/client.ts';
import { createViewerDatabase, type ViewerDatabase } from '../../../src/platform/db/viewer.ts';
import { createLogger } from '../../../src/platform/logger.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';

const user = randomUUID();
const service = { role: 'service_role' } as const;

let database: TestDatabase;
let ours: ViewerDatabase;
/** Prisma's own adapter over the same database, as its owner: what it returns is what Prisma's models promise. */
let peer: PrismaClient;

beforeAll(async () => {
  database = await createTestDatabase();
  const admin = new Client({ connectionString: database.admin });
  await admin.connect();
  await admin.query(`set timezone = 'UTC'; create type public.mood as enum ('glad', 'so "so"')`);
  await admin.query('insert into auth.users (id, email) values ($1, $2)', [user, 'ada@example.com']);
  await admin.end();
  // The peer reads every timestamp as UTC, so its session must be in UTC; ours sees to that itself.
  const inUtc = new URL(database.admin);
  inUtc.searchParams.set('options', '-c TimeZone=UTC');
  peer = new PrismaClient({ adapter: new PrismaPg(inUtc.href) });
  ours = createViewerDatabase({ url: database.api, poolSize: 1, log: createLogger('silent') });
});

afterAll(async () => {
  await peer.$disconnect();
  await ours.close();
  await database.drop();
});

async function expectSame(
  ask: (prisma: Pick<PrismaClient, '$queryRawUnsafe'>) => Promise<unknown>,
): Promise<void> {
  expect(await ours.withViewer(service, ({ prisma }) => ask(prisma))).toEqual(await ask(peer));
}

describe("the adapter's results are those of @prisma/adapter-pg", () => {
  const literals = [
    `true, false, null::boolean, array[true, null]`,
    `1::int2, '-2147483648'::int4, 9223372036854775807::int8, array[1, 2]::int4[], array[9007199254740993]::int8[]`,
    `1.5::float4, 'NaN'::float8, array[0.1]::float8[], 12.3400::numeric(10,4), array[1.10, null]::numeric[]`,
    `'text'::text, 'varying'::varchar(20), 'fixed'::char(8), array['a"b', 'c,d', null, '']::text[]`,
    `'2026-02-28'::date, '12:34:56.789'::time, '12:34:56+02'::timetz, array['2026-02-28']::date[]`,
    `'2026-02-28 12:34:56.789123'::timestamp, array['2026-02-28 12:34:56']::timestamp[]`,
    `'2026-02-28 12:34:56.789+05:30'::timestamptz, array['2026-02-28 12:34:56-08']::timestamptz[]`,
    `'{"a": [1, null, "x"]}'::jsonb, '[1]'::json, array['{"b": "\\"q\\""}']::jsonb[], 'null'::jsonb`,
    `'\\x00ff10'::bytea, array['\\x01']::bytea[], ''::bytea`,
    `'2b1b9a3e-0c3f-4f5e-9a55-0d0f3d6b7a11'::uuid, array['2b1b9a3e-0c3f-4f5e-9a55-0d0f3d6b7a11']::uuid[]`,
    `'10.0.0.1'::inet, '10.0.0.0/8'::cidr, B'101'::bit(3), '<a/>'::xml, 'name'::name, 5::oid`,
    `'so "so"'::public.mood, array['glad']::public.mood[]`,
  ];
  it.each(literals)('select %s', async (list) => {
    const columns = list.split(/, (?![^[(]*[\])])/).map((literal, at) => `${literal} as c${at}`);
    await expectSame((prisma) => prisma.$queryRawUnsafe(`select ${columns.join(', ')}`));
  });

  it('for parameters of every kind', async () => {
    const at = new Date('2026-02-28T12:34:56.789Z');
    await expectSame((prisma) =>
      prisma.$queryRawUnsafe(
        `select $1::int4 as i, $2::int8 as b, $3::text as t, $4::timestamptz as at, $5::jsonb as j, $6::bytea as y,
           $7::text[] as list, $8::numeric as n, $9::boolean as yes, $10::text as nothing`,
        ...[7, 2n ** 60n, 'ü "\\', at, { deep: [1, 'x'] }, Buffer.from([0, 255])],
        ...[['a"b', 'c\\d', ''], new Prisma.Decimal('12.340'), true, null],
      ),
    );
  });

  it('for models, relations loaded by a join, aggregates and counts', async () => {
    const data = { userId: user, name: 'config', publicId: `p-${user}`, configJson: { layers: [1, 2.5] } };
    const dataset = { userId: user, name: 'data', storagePath: 'a/b', format: 'chatml' };
    await ours.withViewer(service, ({ prisma }) =>
      prisma.trainingConfig.create({
        data: { ...data, datasetLinks: { create: { dataset: { create: dataset } } } },
      }),
    );
    const ask = async (prisma: PrismaClient) => [
      await prisma.trainingConfig.findMany({
        relationLoadStrategy: 'join',
        include: { datasetLinks: { include: { dataset: true } }, _count: { select: { datasetLinks: true } } },
      }),
      await prisma.trainingConfig.aggregate({ _count: true, _max: { createdAt: true } }),
      await prisma.trainingConfig.groupBy({ by: ['isPublic'], _count: { _all: true } }),
    ];
    expect(await ours.withViewer(service, ({ prisma }) => ask(prisma))).toEqual(await ask(peer));
  });

  it('for rows that were written through it', async () => {
    const startedAt = new Date('2026-02-28T23:59:59.999Z');
    const row = {
      method: 'sft',
      provider: 'local',
      publicId: 'p',
      userId: user,
      logs: ['one', 'tw"o', 'dre\\i'],
    };
    const { id } = await ours.withViewer(service, ({ prisma }) =>
      prisma.trainingExecution.create({ data: { ...row, startedAt, config: { x: null } } }),
    );
    const metric = await ours.withViewer(service, ({ prisma }) =>
      prisma.performanceMetric.create({ data: { metric: 'm', unit: 'ms', value: '12345678.1234' } }),
    );
    expect(await peer.trainingExecution.findUnique({ where: { id } })).toMatchObject({
      ...row,
      startedAt,
      config: { x: null },
    });
    expect((await peer.performanceMetric.findUnique({ where: { id: metric.id } }))?.value.toString()).toBe(
      '12345678.1234',
    );
  });
});

describe("the adapter's errors are those of @prisma/adapter-pg", () => {
  const row = { userId: user, publicId: 'p', method: 'sft', provider: 'local' };
  const failing: [string, (prisma: PrismaClient) => Promise<unknown>][] = [
    ['unique', (p) => p.tenant.createMany({ data: [1, 2].map(() => ({ name: 'x', subdomain: 'same' })) })],
    [
      'foreign key',
      (p) => p.trainingConfig.create({ data: { userId: randomUUID(), name: 'x', publicId: randomUUID() } }),
    ],
    ['not null', (p) => p.$executeRaw`insert into training_executions (id) values (null)`],
    [
      'too long',
      (p) => p.performanceMetric.create({ data: { metric: 'm', unit: 'x'.repeat(21), value: 1 } }),
    ],
    [
      'out of range',
      (p) => p.performanceMetric.create({ data: { metric: 'm', unit: 'x', value: '123456789012' } }),
    ],
    ['invalid input', (p) => p.trainingExecution.findMany({ where: { userId: 'no uuid' } })],
    ['no such table', (p) => p.$queryRaw`select * from nowhere`],
    ['no such column', (p) => p.$queryRaw`select nothing from training_executions`],
    ['division by zero', (p) => p.$queryRaw`select 1 / 0`],
    ['syntax', (p) => p.$queryRawUnsafe('selekt 1')],
    ['not found', (p) => p.trainingExecution.update({ where: { id: 'none' }, data: row })],
  ];
  it.each(failing)('%s', async (_name, fail) => {
    const ourError = await errorOf(ours.withViewer(service, ({ prisma }) => fail(prisma)));
    const peerError = await errorOf(fail(peer));
    expect([ourError.code, sqlState(ourError)]).toEqual([peerError.code, sqlState(peerError)]);
  });
});

async function errorOf(failing: Promise<unknown>): Promise<Prisma.PrismaClientKnownRequestError> {
  const error = await failing.catch((thrown: unknown) => thrown);
  if (error instanceof Prisma.PrismaClientKnownRequestError) return error;
  throw new Error('expected an error that Prisma knows', { cause: error });
}

function sqlState(error: Prisma.PrismaClientKnownRequestError): unknown {
  const driverError = error.meta?.driverAdapterError;
  return driverError instanceof Error ? Reflect.get(Object(driverError.cause), 'originalCode') : undefined;
}
