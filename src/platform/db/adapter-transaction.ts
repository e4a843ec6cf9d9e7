import { DriverAdapterError, type IsolationLevel, type Transaction } from '@prisma/driver-adapter-utils';
import { asDriver, type Gate, queryable } from './adapter-queries.ts';

/** Postgres knows no SNAPSHOT; REPEATABLE READ is what others call so. */
const BEGIN: Record<IsolationLevel, string | undefined> = {
  'READ UNCOMMITTED': 'begin isolation level read uncommitted',
  'READ COMMITTED': 'begin isolation level read committed',
  'REPEATABLE READ': 'begin isolation level repeatable read',
  SERIALIZABLE: 'begin isolation level serializable',
  SNAPSHOT: undefined,
};

/** Holds the session for a transaction of Prisma's; BEGIN goes out with the first statement. */
export async function beginTransaction(gate: Gate, level: IsolationLevel | undefined): Promise<Transaction> {
  const begin = level ? BEGIN[level] : 'begin';
  if (!begin) throw new DriverAdapterError({ kind: 'InvalidIsolationLevel', level: String(level) });
  const { session } = gate;
  const hold = await session.begin(begin, gate.admitAlone().viewer);
  const queries = queryable(async (statement) => {
    gate.admit();
    return await session.runIn(hold, statement);
  });
  const control = async (sql: string) => void (await queries.executeRaw({ sql, args: [], argTypes: [] }));
  return {
    ...queries,
    // Commit and rollback are ours to send: true keeps Prisma from sending them as statements.
    options: { usePhantomQuery: true },
    commit: () =>
      asDriver(async () => {
        gate.admit();
        await session.finish(hold, 'commit');
      }),
    rollback: () => asDriver(() => session.finish(hold, 'rollback')),
    createSavepoint: (name) => control(`savepoint ${name}`),
    rollbackToSavepoint: (name) => control(`rollback to savepoint ${name}`),
    releaseSavepoint: (name) => control(`release savepoint ${name}`),
  };
}
