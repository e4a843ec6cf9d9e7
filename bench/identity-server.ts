import { AsyncLocalStorage } from 'node:async_hooks';
import { createServer } from 'node:http';
import { PrismaPg } from '@prisma/adapter-pg';
import { createYoga, type Plugin } from 'graphql-yoga';
import { PrismaClient } from '../src/generated/prisma/client.ts';
import { createViewerDatabase } from '../src/platform/db/viewer.ts';
import { createLogger } from '../src/platform/logger.ts';
import { type BenchContext, benchSchema } from './schema.ts';

/**
 * The process under load, with both ways behind the same Yoga and schema and with pools of the same size; the caller
 * says who asks in the header x-user, so that verifying tokens, equal for both, is left out.
 */
const [url = '', poolSize = '10'] = process.argv.slice(2);
const schema = benchSchema();
const handlers = { '/ours': ours(), '/usual': usual() };

const server = createServer((request, response) => {
  const handler = request.url === '/ours' ? handlers['/ours'] : handlers['/usual'];
  void handler(request, response);
});
server.listen(0, '127.0.0.1', () => process.send?.(server.address()));

function yogaWith(plugin: Plugin<BenchContext>, endpoint: string) {
  return createYoga({
    schema,
    graphqlEndpoint: endpoint,
    plugins: [plugin],
    logging: false,
    graphiql: false,
  });
}

/** One client leased to an operation, its role and claims in the same write as the query. */
function ours() {
  const database = createViewerDatabase({ url, poolSize: Number(poolSize), log: createLogger('warn') });
  return yogaWith(
    {
      onExecute({ executeFn, setExecuteFn }) {
        setExecuteFn(async (given) => {
          const sub = userOf(given.contextValue.request);
          const lease = await database.lease({ role: 'authenticated', sub });
          try {
            return await lease.run(() =>
              executeFn({
                ...given,
                contextValue: Object.assign(given.contextValue, { prisma: lease.prisma }),
              }),
            );
          } finally {
            lease.release();
          }
        });
      },
    },
    '/ours',
  );
}

/** What Prisma documents for row-level security: every query in a $transaction behind a set_config. */
function usual() {
  const claims = new AsyncLocalStorage<string>();
  const adapter = new PrismaPg(
    { connectionString: url, max: Number(poolSize) },
    { statementNameGenerator: statementNames() },
  );
  const client = new PrismaClient({ adapter });
  const prisma = client.$extends({
    query: {
      $allOperations: async ({ args, query }) => {
        const viewer = client.$executeRaw`select set_config('role', 'authenticated', true), set_config('request.jwt.claims', ${claims.getStore() ?? ''}, true)`;
        const [, result] = await client.$transaction([viewer, query(args)]);
        return result;
      },
    },
  });
  return yogaWith(
    {
      onExecute({ executeFn, setExecuteFn }) {
        setExecuteFn((given) => {
          const viewer = JSON.stringify({ role: 'authenticated', sub: userOf(given.contextValue.request) });
          return claims.run(viewer, () =>
            executeFn({ ...given, contextValue: Object.assign(given.contextValue, { prisma }) }),
          );
        });
      },
    },
    '/usual',
  );
}

function userOf(request: Request): string {
  return request.headers.get('x-user') ?? '';
}

function statementNames() {
  const names = new Map<string, string>();
  return ({ sql }: { sql: string }) => {
    const name = names.get(sql) ?? `s${names.size}`;
    names.set(sql, name);
    return name;
  };
}
