import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Claims } from '../../../src/platform/db/claims.ts';
import { createViewerDatabase, type ViewerDatabase } from '../../../src/platform/db/viewer.ts';
import { codeOf } from '../../../src/platform/errors.ts';
import { createLogger } from '../../../src/platform/logger.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';

const ada: Claims = { role: 'authenticated', sub: randomUUID(), email: 'ada@example.com' };
const bob: Claims = { role: 'authenticated', sub: randomUUID() };
const idOf = ({ sub }: Claims) => `run-of-${sub}`;

let database: TestDatabase;
let admin: Client;
/** One client, so that whoever comes next has the one that the last one had. */
let db: ViewerDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
  admin = new Client({ connectionString: database.admin });
  await admin.connect();
  for (const { sub } of [ada, bob]) {
    await admin.query('insert into auth.users (id) values ($1)', [sub]);
    await admin.query(
      `insert into training_executions (id, user_id, public_id, method, provider) values ($1, $2, 'p', 'sft', 'local')`,
      [`run-of-${sub}`, sub],
    );
  }
  db = viewers();
});

afterAll(async () => {
  await db.close();
  await admin.end();
  await database.drop();
});

function viewers(options: { poolSize?: number; statementTimeoutMs?: number } = {}): ViewerDatabase {
  return createViewerDatabase({ url: database.api, poolSize: 1, log: createLogger('silent'), ...options });
}

describe('a viewer', () => {
  it('is role and claims in the database, for one statement', async () => {
    const seen = await db.withViewer(ada, ({ sql }) =>
      sql.query(
        `select current_user::text as role, auth.uid()::text as sub, auth.jwt() ->> 'email' as email`,
      ),
    );
    expect(seen).toEqual([{ role: 'authenticated', sub: ada.sub, email: ada.email }]);
  });

  it('leaves nothing of itself on the connection, also after an error', async () => {
    const whom = `select current_user::text as role, current_setting('request.jwt.claims', true) as claims`;
    await db.withViewer(ada, async ({ sql }) => {
      await sql.query('select 1 / 0').catch(() => {});
    });
    const { rows } = await admin.query<{ query: string }>(
      `select count(*)::int as count from pg_stat_activity where usename = 'runcast_api' and datname = $1 and state = 'idle'`,
      [database.name],
    );
    expect(rows).toEqual([{ count: 1 }]);
    const anonymous = await db.withViewer({ role: 'anon' }, ({ sql }) => sql.query(whom));
    expect(anonymous).toEqual([{ role: 'anon', claims: '{"role":"anon"}' }]);
  });

  it('may only be one of the three roles', async () => {
    // A token could say so, whatever the types do.
    const claims = { role: 'runcast_api' } as unknown as Claims;
    await expect(db.lease(claims)).rejects.toThrow('one of the three known roles');
  });

  it('cannot be done without', async () => {
    const lease = await db.lease(ada);
    await expect(lease.prisma.trainingExecution.findMany()).rejects.toMatchObject({ code: 'NO_VIEWER' });
    await expect(lease.sql.query('select 1')).rejects.toMatchObject({ code: 'NO_VIEWER' });
    await expect(lease.prisma.$transaction(async () => 1)).rejects.toSatisfy(
      (e) => codeOf(e) === 'NO_VIEWER',
    );
    lease.release();
  });

  it('keeps SQLSTATEs through Prisma and SQL, also our own', async () => {
    const raise = `do $$ begin raise exception 'closed' using errcode = 'RC002'; end $$`;
    await db.withViewer(ada, async ({ prisma, sql }) => {
      expect(codeOf(await sql.query(raise).catch((error) => error))).toBe('RC002');
      expect(codeOf(await prisma.$executeRawUnsafe(raise).catch((error) => error))).toBe('RC002');
      expect(
        codeOf(await prisma.tenant.delete({ where: { id: randomUUID() } }).catch((error) => error)),
      ).toBe('42501');
    });
  });
});

describe('a lease', () => {
  it("refuses a forgotten resolver's call even where it comes in the same tick as the next viewer's", async () => {
    const first = await db.lease(ada);
    first.release();
    const second = await db.lease(bob);
    const find = (id: string) => ({ where: { id }, select: { id: true } });
    // Prisma sends the findUnique calls of one tick as one statement, in the context of the first.
    for (const order of [
      [first, second],
      [second, first],
    ]) {
      const results = await Promise.allSettled(
        order.map((lease) =>
          lease.run(() => lease.prisma.trainingExecution.findUnique(find(idOf(bob))).then((row) => row)),
        ),
      );
      const bySecond = results[order.indexOf(second)];
      const byFirst = results[order.indexOf(first)];
      expect(bySecond).toMatchObject({ status: 'fulfilled', value: { id: idOf(bob) } });
      expect(byFirst).toMatchObject({ status: 'rejected', reason: { code: 'VIEWER_GONE' } });
    }
    second.release();
  });

  it('goes to the next operation only once nothing of the last is in flight', async () => {
    const first = await db.lease(ada);
    const slow = first.run(() => first.sql.query('select pg_sleep(0.2), auth.uid()::text as sub'));
    const slowPrisma = first.run(() =>
      first.prisma.trainingExecution.findMany().catch((error) => codeOf(error)),
    );
    const order: string[] = [];
    const next = db.lease(bob).then((lease) => {
      order.push('next has it');
      return lease;
    });
    first.release();
    expect(await slow.finally(() => order.push('last is done'))).toMatchObject([{ sub: ada.sub }]);
    expect(await slowPrisma).toBe('VIEWER_GONE');
    (await next).release();
    expect(order).toEqual(['last is done', 'next has it']);
  });

  it('rolls a transaction back that its operation left open', async () => {
    const begun = Promise.withResolvers<void>();
    const goOn = Promise.withResolvers<void>();
    const lease = await db.lease(ada);
    const left = lease.run(() =>
      lease.transaction(async ({ prisma }) => {
        await prisma.trainingExecution.deleteMany();
        begun.resolve();
        await goOn.promise;
      }),
    );
    await begun.promise;
    lease.release();
    const count = await db.withViewer(ada, ({ prisma }) => prisma.trainingExecution.count());
    goOn.resolve();
    await expect(left).rejects.toThrow();
    expect(count).toBe(1);
  });

  it('cancels in Postgres what an aborted operation runs, and the client serves on', async () => {
    const abort = new AbortController();
    const lease = await db.lease(ada, { signal: abort.signal });
    const sleeping = lease.run(() => lease.sql.query('select pg_sleep(600)'));
    const waiting = lease.run(() => lease.sql.query('select 1'));
    const outcome = Promise.allSettled([sleeping, waiting]);
    await untilRunning('select pg_sleep(600)');
    abort.abort();
    const [slept, waited] = await outcome;
    expect(slept).toMatchObject({ status: 'rejected', reason: { code: '57014' } });
    expect(waited).toMatchObject({ status: 'rejected', reason: { code: 'CANCELLED' } });
    await expect(lease.run(() => lease.sql.query('select 1'))).rejects.toMatchObject({ code: 'CANCELLED' });
    lease.release();
    expect(await db.withViewer(bob, ({ prisma }) => prisma.trainingExecution.count())).toBe(1);
  });

  it('ends the wait for a client when the operation is aborted', async () => {
    const held = await db.lease(ada);
    const abort = new AbortController();
    const waiting = db.lease(bob, { signal: abort.signal });
    abort.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'CANCELLED' });
    held.release();
    expect(await db.withViewer(bob, ({ prisma }) => prisma.trainingExecution.count())).toBe(1);
  });

  it('opens another connection after the old one was killed', async () => {
    const lease = await db.lease(ada);
    const sleeping = lease.run(() => lease.sql.query('select pg_sleep(600)')).catch((error) => codeOf(error));
    const pid = await untilRunning('select pg_sleep(600)');
    await admin.query('select pg_terminate_backend($1)', [pid]);
    expect(await sleeping).toBe('57P01');
    expect(await lease.run(() => lease.prisma.trainingExecution.count())).toBe(1);
    lease.release();
  });

  it('throws a connection away that raw SQL left in a transaction', async () => {
    await db.withViewer(ada, ({ sql }) => sql.query('begin'));
    expect(await db.withViewer(bob, ({ sql }) => sql.query('select auth.uid()::text as sub'))).toEqual([
      { sub: bob.sub },
    ]);
  });

  it('ends a statement that takes longer than allowed', async () => {
    const impatient = viewers({ statementTimeoutMs: 50 });
    const late = impatient.withViewer(ada, ({ sql }) => sql.query('select pg_sleep(600)'));
    await expect(late).rejects.toMatchObject({ code: '57014' });
    await impatient.close();
  });
});

describe('a transaction', () => {
  it('is one for Prisma and SQL', async () => {
    await db.withViewer(ada, async (viewer) => {
      const [before, after] = await viewer.transaction(async ({ prisma, sql }) => {
        await prisma.trainingExecution.updateMany({ data: { publicId: 'changed' } });
        const seen = await sql.query<{ public_id: string; txid: string }>(
          'select public_id, pg_current_xact_id_if_assigned()::text as txid from training_executions',
        );
        await sql.query(`update training_executions set public_id = 'p'`);
        return [seen, await prisma.trainingExecution.findMany({ select: { publicId: true } })];
      });
      expect(before).toMatchObject([{ public_id: 'changed', txid: expect.stringMatching(/^\d+$/) }]);
      expect(after).toEqual([{ publicId: 'p' }]);
    });
  });

  it('rolls back to its savepoints where it is nested', async () => {
    await db.withViewer(ada, async ({ prisma }) => {
      const count = await prisma.$transaction(async (outer) => {
        await outer.trainingExecution.updateMany({ data: { publicId: 'outer' } });
        const inner = outer.$transaction(async (tx) => {
          await tx.trainingExecution.updateMany({ data: { publicId: 'inner' } });
          throw new Error('inner failed');
        });
        await expect(inner).rejects.toThrow('inner failed');
        return outer.trainingExecution.count({ where: { publicId: 'outer' } });
      });
      expect(count).toBe(1);
    });
  });

  it('has the isolation level that was asked for', async () => {
    const level = await db.withViewer(ada, ({ prisma }) =>
      prisma.$transaction((tx) => tx.$queryRaw`select current_setting('transaction_isolation') as level`, {
        isolationLevel: 'Serializable',
      }),
    );
    expect(level).toEqual([{ level: 'serializable' }]);
  });

  it('does not pretend to have committed after a statement in it had failed', async () => {
    const lease = await db.lease(ada);
    const swallowed = lease.run(() =>
      lease.transaction(async ({ sql }) => {
        await sql.query(`update training_executions set public_id = 'lost'`);
        await sql.query('select 1 / 0').catch(() => {});
      }),
    );
    expect(await swallowed.catch((error) => codeOf(error))).toBe('TRANSACTION_OVER');
    lease.release();
  });

  it('refuses the outer client within it, which would wait for itself', async () => {
    const lease = await db.lease(ada);
    await lease.run(() =>
      lease.transaction(async ({ prisma }) => {
        expect(codeOf(await lease.prisma.trainingExecution.count().catch((error) => error))).toBe(
          'IN_TRANSACTION',
        );
        expect(codeOf(await lease.sql.query('select 1').catch((error) => error))).toBe('IN_TRANSACTION');
        expect(codeOf(await lease.transaction(async () => 1).catch((error) => error))).toBe('IN_TRANSACTION');
        expect(await prisma.trainingExecution.count()).toBe(1);
      }),
    );
    lease.release();
  });
});

describe('the pool', () => {
  it('refuses leases once it is closed, also those that were waiting', async () => {
    const closing = viewers();
    const held = await closing.lease(ada);
    const waiting = closing.lease(bob);
    const refused = expect(waiting).rejects.toMatchObject({ code: 'CLOSED' });
    await closing.close();
    await refused;
    await expect(closing.lease(ada)).rejects.toMatchObject({ code: 'CLOSED' });
    held.release();
  });

  it('reports a database that cannot be reached by its code, and works once it can', async () => {
    const nowhere = createViewerDatabase({
      url: 'postgresql://runcast_api:x@127.0.0.1:1/none',
      poolSize: 1,
      log: createLogger('silent'),
    });
    const codes = await nowhere.withViewer(ada, async ({ prisma, sql }) => [
      codeOf(await sql.query('select 1').catch((error) => error)),
      codeOf(await prisma.trainingExecution.count().catch((error) => error)),
    ]);
    expect(codes).toEqual(['ECONNREFUSED', 'ECONNREFUSED']);
    await nowhere.close();
  });

  it('prepares a statement anew whose columns changed their types meanwhile', async () => {
    await admin.query(
      'create table public.changing (n integer); grant select on public.changing to authenticated',
    );
    const ask = () => db.withViewer(ada, ({ sql }) => sql.query('select n from public.changing'));
    await admin.query('insert into public.changing values (7)');
    expect([await ask(), await ask()]).toEqual([[{ n: 7 }], [{ n: 7 }]]);
    await admin.query('alter table public.changing alter column n type text');
    expect(await ask()).toEqual([{ n: '7' }]);
  });

  it('keeps a bounded number of prepared statements however many there are', async () => {
    await db.withViewer(ada, async ({ sql }) => {
      for (let n = 0; n < 250; n += 1) await sql.query(`select ${n} as n`);
      const [kept] = await sql.query<{ count: number }>(
        'select count(*)::int as count from pg_prepared_statements',
      );
      expect(kept?.count).toBeLessThanOrEqual(101);
      expect(kept?.count).toBeGreaterThan(50);
    });
  });
});

/** Waits until a statement is seen to run, and returns its process id. */
async function untilRunning(query: string): Promise<number> {
  const listening = new Client({ connectionString: database.admin });
  await listening.connect();
  try {
    for (;;) {
      const { rows } = await listening.query<{ pid: number }>(
        `select pid from pg_stat_activity where state = 'active' and query = $1 and datname = $2`,
        [query, database.name],
      );
      if (rows[0]) return rows[0].pid;
    }
  } finally {
    const ended = once(listening, 'end');
    await listening.end();
    await ended;
  }
}
