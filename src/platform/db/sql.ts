import { types } from 'pg';
import type { SendHint } from '../live/hint-source.ts';
import type { Statement } from './connection.ts';
import type { PipelineResult } from './pipelined-query.ts';
import { wireValue } from './wire-values.ts';

/** Hand-written SQL under the same role and claims as the Prisma client beside it. */
export type Sql = {
  /**
   * Runs one statement and resolves with its rows, as plain objects by column name. Types arrive as `pg` has them:
   * timestamps as Date, json parsed, int8 and numeric as text.
   *
   * @param values what $1, $2, … stand for; arrays become Postgres arrays, other objects json
   * @throws {DatabaseError} whose `code` is the SQLSTATE
   */
  query<Row extends object>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  /**
   * Sends a hint of what a statement that has succeeded wrote, once that is committed, and never where it is rolled
   * back. Undefined where the database sends the hints itself.
   */
  hint?: SendHint;
};

export function createSql(run: (statement: Statement) => Promise<PipelineResult>, hint?: SendHint): Sql {
  return {
    query: async <Row extends object>(text: string, values: readonly unknown[] = []) =>
      objects<Row>(await run({ text, values: values.map(wireValue) })),
    ...(hint && { hint }),
  };
}

function objects<Row extends object>({ columns, rows }: PipelineResult): Row[] {
  const readers = columns.map(({ name, oid }) => ({ name, read: types.getTypeParser(oid, 'text') }));
  return rows.map((texts) => {
    const row: Record<string, unknown> = {};
    for (const [index, { name, read }] of readers.entries()) {
      const text = texts[index] ?? null;
      row[name] = text === null ? null : read(text);
    }
    // The statement's author states its shape; nothing here can know it.
    return row as Row;
  });
}
