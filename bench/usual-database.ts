import { AsyncLocalStorage } from 'node:async_hooks';
import { PrismaPg } from '@prisma/adapter-pg';
import { PrismaClient } from '../src/generated/prisma/client.ts';
import { claimsSetting } from '../src/platform/db/claims.ts';
import type { Lease } from '../src/platform/db/lease.ts';
import type { Rows } from '../src/platform/db/rows.ts';
import type { Select } from '../src/platform/db/select.ts';
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
    suspect: () => {},
    close: () => client.$disconnect(),
  };
}

type Delegate = {
  findMany(args: object): Promise<Record<string, unknown>[]>;
  findUnique(args: object): Promise<Record<string, unknown> | null>;
};

/** What the bench's queries ask for, a first page and a row by its id, in Prisma's words. */
function rowsBy(prisma: PrismaClient): Rows {
  async function read({
    model,
    fields,
    where,
    order,
    limit,
    per,
  }: Select): Promise<Record<string, unknown>[]> {
    const [condition, ...others] = where;
    const delegate: Delegate = Reflect.get(prisma, `${model.charAt(0).toLowerCase()}${model.slice(1)}`);
    const select = Object.fromEntries([...fields, 'id'].map((name) => [name, true]));
    if (others.length > 0 || per) throw new Error('The bench compares first pages and single rows.');
    if (condition && 'is' in condition && condition.field === 'id') {
      const row = await delegate.findUnique({ select, where: { id: condition.is } });
      return row ? [row] : [];
    }
    if (condition) throw new Error('The bench compares first pages and single rows.');
    const orderBy = order.fields.map((name) => ({ [name]: order.direction }));
    return await delegate.findMany({ select, orderBy, take: limit });
  }

  return {
    select: async (select) => (await read(select)).map((row) => ({ row, place: [String(row.id)], of: '' })),
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
