import type { Client } from 'pg';
import { trainingExecutions } from '../facts.ts';
import type { Check } from './check.ts';

type Row = Record<string, unknown>;
type GuideQuery = { what: string; sql: string; fault: (rows: Row[]) => string | undefined };

/** The five verification queries of guide 1, word for word, and what each should answer. */
const queries: GuideQuery[] = [
  {
    what: 'guide 1, query 1: table exists',
    sql: `SELECT tablename
FROM pg_tables
WHERE tablename = 'training_executions';`,
    fault: (rows) => (rows.length === 1 ? undefined : `${rows.length} tables of that name`),
  },
  {
    what: 'guide 1, query 2: columns',
    sql: `SELECT column_name, data_type, is_nullable
FROM information_schema.columns
WHERE table_name = 'training_executions'
ORDER BY ordinal_position;`,
    fault: (rows) =>
      missing(
        trainingExecutions.columns.map((column) => column.split(' ')[0] ?? ''),
        rows.map((row) => row.column_name),
      ),
  },
  {
    what: 'guide 1, query 3: indexes',
    sql: `SELECT indexname
FROM pg_indexes
WHERE tablename = 'training_executions';`,
    fault: (rows) =>
      missing(
        ['user_id', 'public_id', 'status', 'provider', 'openai_job'].map(
          (column) => `idx_training_executions_${column}`,
        ),
        rows.map((row) => row.indexname),
      ),
  },
  {
    what: 'guide 1, query 4: row-level security is enabled',
    sql: `SELECT tablename, rowsecurity
FROM pg_tables
WHERE tablename = 'training_executions';`,
    fault: (rows) => (rows[0]?.rowsecurity === true ? undefined : 'rowsecurity is not true'),
  },
  {
    what: 'guide 1, query 5: four policies',
    sql: `SELECT policyname, cmd
FROM pg_policies
WHERE tablename = 'training_executions';`,
    fault: (rows) => {
      const commands = rows.map((row) => String(row.cmd)).sort();
      return commands.join(', ') === 'DELETE, INSERT, SELECT, UPDATE'
        ? undefined
        : `policies for: ${commands.join(', ') || 'nothing'}`;
    },
  },
];

function missing(expected: string[], found: unknown[]): string | undefined {
  const absent = expected.filter((name) => !found.includes(name));
  return absent.length > 0 ? `missing: ${absent.join(', ')}` : undefined;
}

export async function checkGuideQueries(client: Client): Promise<Check[]> {
  const checks: Check[] = [];
  for (const { what, sql, fault } of queries) {
    const detail = fault((await client.query<Row>(sql)).rows);
    checks.push(detail ? { ok: false, what, detail } : { ok: true, what });
  }
  return checks;
}
