import {
  DriverAdapterError,
  type SqlDriverAdapter,
  type SqlDriverAdapterFactory,
} from '@prisma/driver-adapter-utils';
import { asDriver, type Gate, queryable } from './adapter-queries.ts';
import { beginTransaction } from './adapter-transaction.ts';

/** A Prisma driver adapter whose every statement carries its viewer's role and claims in the same write. */
export function createAdapterFactory(gate: Gate): SqlDriverAdapterFactory {
  const adapter = createAdapter(gate);
  return { provider: adapter.provider, adapterName: adapter.adapterName, connect: async () => adapter };
}

function createAdapter(gate: Gate): SqlDriverAdapter {
  return {
    ...queryable(async (statement) => gate.session.run(statement, gate.admitAlone().viewer)),
    startTransaction: (level) => asDriver(() => beginTransaction(gate, level)),
    // Only Prisma's own migrate sends scripts; ours are applied by `migrate apply`, as the owner of the tables.
    executeScript: async () => {
      throw new DriverAdapterError(SCRIPT_REFUSED);
    },
    getConnectionInfo: () => ({ supportsRelationJoins: true }),
    // The session outlives the client's wish to disconnect; the pool that made it closes it.
    dispose: async () => {},
  };
}

const SCRIPT_REFUSED = {
  kind: 'postgres',
  code: '42501',
  severity: 'ERROR',
  message: 'Scripts have no viewer; apply them as migrations.',
  detail: undefined,
  column: undefined,
  hint: undefined,
} as const;
