import type { SqlQuery, SqlQueryable, SqlResultSet } from '@prisma/driver-adapter-utils';
import type { ClaimsSetting } from './claims.ts';
import { columnKind } from './column-types.ts';
import type { Statement } from './connection.ts';
import { driverError } from './driver-errors.ts';
import type { PipelineResult } from './pipelined-query.ts';
import type { Session } from './session.ts';
import { prismaValue } from './wire-values.ts';

/** What the adapter asks before every statement: on whose behalf it is sent, or a refusal. */
export type Gate = {
  session: Session;
  /** @throws {ViewerError} */
  admit(): { viewer: ClaimsSetting };
  /** @throws {ViewerError} also where the calling code is the body of an open transaction */
  admitAlone(): { viewer: ClaimsSetting };
};

/** Prisma's two ways to query, over one way to run a statement. */
export function queryable(run: (statement: Statement) => Promise<PipelineResult>): SqlQueryable {
  const ask = (query: SqlQuery) => asDriver(() => run(statementOf(query)));
  return {
    provider: 'postgres',
    adapterName: 'runcast-viewer',
    queryRaw: async (query) => resultSet(await ask(query)),
    executeRaw: async (query) => (await ask(query)).rowCount,
  };
}

/** Turns every failure into the one kind of error that Prisma understands from an adapter. */
export async function asDriver<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw driverError(error);
  }
}

function statementOf({ sql, args, argTypes }: SqlQuery): Statement {
  return { text: sql, values: args.map((arg, index) => prismaValue(arg, argTypes[index])) };
}

/** Rows in the shape that Prisma reads, converted in place: they belong to nobody else. */
function resultSet({ columns, rows }: PipelineResult): SqlResultSet {
  const kinds = columns.map(({ oid }) => columnKind(oid));
  const converted: unknown[][] = rows;
  for (const [index, { parse }] of kinds.entries()) {
    if (!parse) continue;
    for (const row of converted) {
      const text = row[index];
      if (typeof text === 'string') row[index] = parse(text);
    }
  }
  return {
    columnNames: columns.map(({ name }) => name),
    columnTypes: kinds.map(({ type }) => type),
    rows: converted,
  };
}
