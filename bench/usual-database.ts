import { AsyncLocalStorage } from 'node:async_hooks';
import { PrismaPg } from '@prisma/adapter-pg';
import { PrismaClient } from '../src/generated/prisma/client.ts';
import { claimsSetting } from '../src/platform/db/claims.ts';
import type { Lease } from '../src/platform/db/lease.ts';
import type { Rows } from '../src/platform/db/rows.ts';
import type { Sql } from '../src/platform/db/sql.ts';
import type { ViewerDatabase } from '../src/platform/db/viewer.ts';

/**
 * What Prisma documents for row-level security, over its own driver adapter with a pool of the same size: every
 * query in a `$transaction` behind a set_config of role and claims. Spared what the documentation also does and what
 * costs more: extending the client anew for every request, unnamed statements, noting each call's place in the source.
 */
export function createUsualDatabase(url: string, poolSize: number): ViewerDatabase {
  const viewers = new AsyncLocalStorage<readonly [role: string, claims: string]>();
  const adapter = new PrismaPg(
    { connectionString: url, max: poolSize },
    { statementNameGenerator: statementNames() },
  );
  const client = new PrismaClient({ adapter, errorFormat: 'minimal' });
  const setViewer = () => {
    const [role, claims] = viewers.getStore() ?? ['', ''];
    return client.$executeRaw`select set_config('role', ${role}, true), set_config('request.jwt.claims', ${claims}, true)`;
  };
  const extended = client.$extends({
    query: {
      $allModels: {
        $allOperations: async ({ args, query }) => {
          const [, result] = await client.$transaction([setViewer(), query(args)]);
          return result;
        },
      },
    },
  });
  // As in the product: an extended client lacks nothing but $on.
  const prisma = extended as unknown as PrismaClient;
  const sql: Sql = {
    query: async <Row extends object>(text: string, values: readonly unknown[] = []) => {
      const query = client.$queryRawUnsafe<Row[]>(text, ...values);
      const [, rows] = await client.$transaction([setViewer(), query]);
      return rows;
    },
  };
  const lease: ViewerDatabase['lease'] = async (claims): Promise<Lease> => {
    const viewer = claimsSetting(claims);
    return {
      prisma,
      sql,
      rows: rowsBy(prisma),
      run: (work) => viewers.run(viewer, work),
      transaction: () => Promise.reject(new Error('The bench compares reads.')),
      release: () => {},
    };
  };
  return {
    lease,
    withViewer: async (claims, work) => {
      const held = await lease(claims);
      return held.run(async () => await work(held));
    },
    close: () => client.$disconnect(),
  };
}

/** What the bench's list asks for, in Prisma's words. */
function rowsBy(prisma: PrismaClient): Rows {
  return {
    async select({ model, fields, where, order, limit, per }) {
      if (where.length > 0 || per) throw new Error('The bench compares the first page of a list.');
      const delegate: { findMany(args: object): Promise<Record<string, unknown>[]> } = Reflect.get(
        prisma,
        `${model.charAt(0).toLowerCase()}${model.slice(1)}`,
      );
      const found = await delegate.findMany({
        select: Object.fromEntries(fields.map((name) => [name, true])),
        orderBy: order.fields.map((name) => ({ [name]: order.direction })),
        take: limit,
      });
      return found.map((row) => ({ row, place: [], of: '' }));
    },
    count: () => Promise.reject(new Error('The bench does not count.')),
  };
}

function statementNames() {
  const names = new Map<string, string>();
  return ({ sql }: { sql: string }) => {
    const name = names.get(sql) ?? `s${names.size}`;
    names.set(sql, name);
    return name;
  };
}
