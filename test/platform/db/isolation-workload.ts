import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { expect } from 'vitest';
import type { Lease } from '../../../src/platform/db/lease.ts';
import { createViewerDatabase, type ViewerDatabase } from '../../../src/platform/db/viewer.ts';
import { codeOf } from '../../../src/platform/errors.ts';
import { createLogger } from '../../../src/platform/logger.ts';
import { createTestDatabase } from '../../support/postgres.ts';
import { seededRandom } from '../../support/random.ts';

/** What a user's rows must be, kept beside the database. `counter` is in the row `<id>-counter`. */
type User = { id: string; counter: number; added: number; busy: Promise<unknown> };
type World = { db: ViewerDatabase; users: User[]; random: () => number; zombies: Promise<unknown>[] };
type Operation = (world: World, user: User, other: User) => Promise<void>;

const USERS = 100;
const AT_ONCE = 24;
const INCREMENT = `update training_executions
  set config = jsonb_build_object('n', (config ->> 'n')::int + 1) where id like '%-counter' returning id`;

/** Runs operations of 100 users over a pool of 2, checks each one's result, and at the end every row. */
export async function provesIsolation(operations: number, seed: number): Promise<Record<string, number>> {
  await using database = await createTestDatabase();
  const admin = new Client({ connectionString: database.admin });
  await admin.connect();
  const users = await seedUsers(admin);
  const db = createViewerDatabase({
    url: database.api,
    poolSize: 2,
    statementTimeoutMs: 300,
    log: createLogger('silent'),
  });
  const world: World = { db, users, random: seededRandom(seed), zombies: [] };
  const counts: Record<string, number> = {};
  let next = 0;
  const worker = async () => {
    while (next < operations) {
      next += 1;
      const [name, operation] = pick(world.random);
      counts[name] = (counts[name] ?? 0) + 1;
      const user = users[Math.floor(world.random() * USERS)] as User;
      const other = users[
        (users.indexOf(user) + 1 + Math.floor(world.random() * (USERS - 1))) % USERS
      ] as User;
      // One user's operations follow each other, so that what its rows must be is known at every moment.
      user.busy = user.busy.then(() => operation(world, user, other));
      await user.busy;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  await Promise.all(world.zombies);
  await checkEveryRow(admin, users);
  await db.close();
  await admin.end();
  return counts;
}

const as = (user: User) => ({ role: 'authenticated', sub: user.id }) as const;
const idsOf = (user: User) => `${user.id}-counter`;

async function expectOwnRows({ prisma }: Pick<Lease, 'prisma'>, user: User): Promise<void> {
  const rows = await prisma.trainingExecution.findMany({ select: { userId: true } });
  expect(rows.filter(({ userId }) => userId !== user.id)).toEqual([]);
  expect(rows.length).toBe(1 + user.added);
}

const operations: Record<string, { weight: number; run: Operation }> = {
  'reads its rows': {
    weight: 20,
    run: ({ db }, user) => db.withViewer(as(user), (viewer) => expectOwnRows(viewer, user)),
  },
  "finds its own row and not another's, in one tick": {
    weight: 20,
    run: ({ db }, user, other) =>
      db.withViewer(as(user), async ({ prisma }) => {
        const [own, foreign] = await Promise.all(
          [user, other].map((owner) => prisma.trainingExecution.findUnique({ where: { id: idsOf(owner) } })),
        );
        expect([own?.userId, foreign]).toEqual([user.id, null]);
      }),
  },
  'counts up whatever row it can reach': {
    weight: 15,
    run: ({ db }, user) =>
      db.withViewer(as(user), async ({ sql }) => {
        expect(await sql.query(INCREMENT)).toEqual([{ id: idsOf(user) }]);
        user.counter += 1;
      }),
  },
  "updates and deletes another's row in vain": {
    weight: 10,
    run: ({ db }, user, other) =>
      db.withViewer(as(user), async ({ prisma, sql }) => {
        const where = { id: idsOf(other) };
        expect(await prisma.trainingExecution.updateMany({ where, data: { publicId: 'taken' } })).toEqual({
          count: 0,
        });
        expect(await prisma.trainingExecution.deleteMany({ where })).toEqual({ count: 0 });
        const insert = `insert into training_executions (user_id, public_id, method, provider) values ($1, 'x', 'sft', 'local')`;
        expect(await failure(sql.query(insert, [other.id]))).toBe('42501');
      }),
  },
  'goes on after a failing statement': {
    weight: 10,
    run: ({ db }, user) =>
      db.withViewer(as(user), async (viewer) => {
        expect(await failure(viewer.prisma.$queryRaw`select 1 / 0`)).toBe('22012');
        const data = { id: idsOf(user), userId: user.id, publicId: 'x', method: 'sft', provider: 'local' };
        expect(await failure(viewer.prisma.trainingExecution.create({ data }))).toBe('23505');
        await expectOwnRows(viewer, user);
      }),
  },
  'runs into the statement timeout': {
    weight: 0.3,
    run: ({ db }, user) =>
      db.withViewer(as(user), async (viewer) => {
        expect(await failure(viewer.sql.query('select pg_sleep(60)'))).toBe('57014');
        await expectOwnRows(viewer, user);
      }),
  },
  'is aborted while it runs': {
    weight: 3,
    run: async ({ db, random }, user) => {
      const abort = new AbortController();
      const signal = abort.signal;
      const aborted = db.withViewer(
        as(user),
        (viewer) =>
          viewer.transaction(async ({ sql }) => {
            await sql.query(INCREMENT);
            await sql.query('select pg_sleep(0.2)');
          }),
        { signal },
      );
      const code = failure(aborted);
      await turns(random() * 40);
      abort.abort();
      expect(['CANCELLED', '57014', 'TRANSACTION_OVER']).toContain(await code);
    },
  },
  'commits a transaction of Prisma and SQL': {
    weight: 8,
    run: ({ db }, user) =>
      db.withViewer(as(user), async (viewer) => {
        await viewer.transaction(async ({ prisma, sql }) => {
          const data = { userId: user.id, publicId: 'added', method: 'sft', provider: 'local' };
          await prisma.trainingExecution.create({ data });
          expect(await sql.query(INCREMENT)).toEqual([{ id: idsOf(user) }]);
        });
        user.counter += 1;
        user.added += 1;
        await expectOwnRows(viewer, user);
      }),
  },
  'rolls a transaction back': {
    weight: 5,
    run: ({ db }, user) =>
      db.withViewer(as(user), async (viewer) => {
        const gone = viewer.prisma.$transaction(async (tx) => {
          await tx.trainingExecution.deleteMany();
          expect(await tx.trainingExecution.count()).toBe(0);
          throw new Error('changed my mind');
        });
        await expect(gone).rejects.toThrow('changed my mind');
        await expectOwnRows(viewer, user);
      }),
  },
  'fails within a transaction': {
    weight: 5,
    run: ({ db }, user) =>
      db.withViewer(as(user), async (viewer) => {
        const failing = viewer.transaction(async ({ sql }) => {
          await sql.query(INCREMENT);
          await sql.query('select 1 / 0');
        });
        expect(await failure(failing)).toBe('22012');
        await expectOwnRows(viewer, user);
      }),
  },
  'leaves a resolver behind that queries later': {
    weight: 5,
    run: async (world, user) => {
      const left = world.db.withViewer(as(user), async ({ prisma, sql }) => {
        const later = async () => {
          await turns(world.random() * 60);
          const where = { id: idsOf(user) };
          const calls = [
            prisma.trainingExecution.findUnique({ where }),
            prisma.trainingExecution.deleteMany(),
            prisma.$transaction((tx) => tx.trainingExecution.deleteMany()),
            sql.query('delete from training_executions'),
          ];
          expect(await Promise.all(calls.map(failure))).toEqual(calls.map(() => 'VIEWER_GONE'));
        };
        world.zombies.push(later());
        throw new Error('a sibling failed');
      });
      await expect(left).rejects.toThrow('a sibling failed');
    },
  },
  'leaves a transaction open': {
    weight: 2,
    run: async (world, user) => {
      await world.db.withViewer(as(user), async (viewer) => {
        const begun = Promise.withResolvers<void>();
        const open = viewer.transaction(async ({ sql }) => {
          await sql.query(INCREMENT);
          begun.resolve();
          await turns(world.random() * 60);
          await sql.query(INCREMENT);
        });
        world.zombies.push(
          failure(open).then((code) => expect(['VIEWER_GONE', 'TRANSACTION_OVER']).toContain(code)),
        );
        await begun.promise;
      });
    },
  },
  'asks without an account': {
    weight: 3,
    run: ({ db }) =>
      db.withViewer({ role: 'anon' }, async ({ prisma, sql }) => {
        expect(await failure(prisma.trainingExecution.findMany())).toBe('42501');
        expect(await sql.query('select auth.uid() as uid, current_user::text as role')).toEqual([
          { uid: null, role: 'anon' },
        ]);
      }),
  },
  'asks as the service': {
    weight: 3,
    run: ({ db }) =>
      db.withViewer({ role: 'service_role' }, async ({ prisma }) => {
        expect(await prisma.trainingExecution.count({ where: { id: { endsWith: '-counter' } } })).toBe(USERS);
      }),
  },
};

function pick(random: () => number): [string, Operation] {
  const entries = Object.entries(operations);
  let left = random() * entries.reduce((sum, [, { weight }]) => sum + weight, 0);
  for (const [name, { weight, run }] of entries) {
    left -= weight;
    if (left < 0) return [name, run];
  }
  throw new Error('The weights do not add up.');
}

/** The code of the error that a promise rejects with; `resolved` where it does not. */
async function failure(promise: Promise<unknown>): Promise<string | undefined> {
  return promise.then(
    () => 'resolved',
    (error) => codeOf(error) ?? String(error),
  );
}

/** Lets other operations go on for some turns of the event loop. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

async function seedUsers(admin: Client): Promise<User[]> {
  const users = Array.from({ length: USERS }, () => ({
    id: randomUUID(),
    counter: 0,
    added: 0,
    busy: Promise.resolve(),
  }));
  await admin.query('insert into auth.users (id) select unnest($1::uuid[])', [users.map(({ id }) => id)]);
  await admin.query(
    `insert into training_executions (id, user_id, public_id, method, provider, config)
     select id || '-counter', id, 'seed', 'sft', 'local', '{"n": 0}' from auth.users`,
  );
  return users;
}

async function checkEveryRow(admin: Client, users: User[]): Promise<void> {
  const { rows } = await admin.query(
    `select user_id as id, max((config ->> 'n')::int) as counter, count(*)::int - 1 as added
     from training_executions where public_id in ('seed', 'added') group by user_id order by user_id`,
  );
  const wanted = users.map(({ id, counter, added }) => ({ id, counter, added }));
  expect(rows).toEqual(wanted.sort((a, b) => (a.id < b.id ? -1 : 1)));
  const { rows: others } = await admin.query(
    `select id from training_executions where public_id not in ('seed', 'added')`,
  );
  expect(others).toEqual([]);
}
