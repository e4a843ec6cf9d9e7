import { createHash } from 'node:crypto';
import type { z } from 'zod';
import type { ServiceDatabase } from '../../platform/db/service.ts';
import type { Sql } from '../../platform/db/sql.ts';
import { codeOf } from '../../platform/errors.ts';
import { refused } from './database/refused.ts';
import { type Request, type Row, requestOf } from './database/request.ts';
import {
  countStatement,
  deleteStatement,
  insertStatement,
  MAX_BYTES,
  type Statement,
  selectStatement,
  updateStatement,
} from './database/statements.ts';
import type { stepConfigs } from './definition/step-configs.ts';
import { type StepCall, StepError, type StepRunner } from './step.ts';
import type { FillTemplates } from './templates.ts';

export type DatabaseConfig = z.infer<typeof stepConfigs.database>;

/** What the step makes: rows as JSON, moments as RFC 3339 text; of `count` none. `count` is how many there were, or changed. */
export type DatabaseOutput = { rows: Row[]; count: number };

/**
 * The step `database`: reads and writes the platform's tables as the run's owner, whose policies decide. All of a write is
 * done or nothing. What a step may say is in database/tables.ts.
 */
export function createDatabaseStep({
  database,
  fill,
}: {
  database: Pick<ServiceDatabase, 'sql' | 'asUser'>;
  fill: FillTemplates;
}): StepRunner<DatabaseConfig> {
  return async (config, scope, call) => {
    const { query, data } = await filled(config, (value) => fill(value, scope, call));
    const request = requestOf({ ...config, query, data });
    const { userId } = call.owner;
    const claims = {
      role: 'authenticated' as const,
      sub: userId,
      ...(await emailOf(database.sql, userId)),
    };
    call.signal.throwIfAborted();
    return await database
      .asUser(claims, (sql) => run(sql, request, call), { signal: call.signal })
      .catch((error: unknown) => {
        if (call.signal.aborted) throw call.signal.reason;
        throw failureOf(error);
      });
  };
}

async function filled({ query, data }: DatabaseConfig, fill: (value: unknown) => Promise<unknown>) {
  return {
    query: query === undefined ? undefined : await fill(query),
    data: data === undefined ? undefined : await fill(data),
  };
}

async function emailOf(sql: Sql, userId: string): Promise<{ email?: string }> {
  const [row] = await sql.query<{ email: string | null }>('select runcast.email_of_user($1) as email', [
    userId,
  ]);
  return row?.email == null ? {} : { email: row.email };
}

async function run(sql: Sql, request: Request, call: StepCall): Promise<DatabaseOutput> {
  const { owner } = call;
  switch (request.operation) {
    case 'select':
      return await read(sql, selectStatement(request, owner));
    case 'count':
      return { rows: [], count: await countOf(sql, countStatement(request, owner)) };
    case 'insert':
      return await insert(sql, request, call);
    case 'update':
      return await change(sql, request, owner, updateStatement(request, request.values, owner));
    case 'delete':
      return await change(sql, request, owner, deleteStatement(request, owner));
  }
}

async function insert(
  sql: Sql,
  request: Request & { operation: 'insert' },
  call: StepCall,
): Promise<DatabaseOutput> {
  const { owner, execution, idempotencyKey } = call;
  const ids = request.rows.map((_, at) => idOf(`${idempotencyKey}/${at}`));
  const rows = request.rows.map((row) =>
    // Whoever starts workflows on events sees by it how they came about.
    'metadata' in request.table.columns
      ? {
          ...row,
          metadata: { ...Object(row.metadata), runcast: { kind: execution.kind, executionId: execution.id } },
        }
      : row,
  );
  const { text, values } = insertStatement(request.table, rows, owner, ids);
  await sql.query(text, values);
  const where = { id: { in: ids } };
  return await read(sql, selectStatement({ ...request, where, order: [], limit: ids.length }, owner));
}

async function change(
  sql: Sql,
  request: Request,
  owner: StepCall['owner'],
  statement: Statement,
): Promise<DatabaseOutput> {
  const { limit } = request;
  const matching = await countOf(sql, countStatement(request, owner, { limit: limit + 1 }));
  if (matching > limit) throw tooMany(limit);
  const [page] = await sql.query<Page & { ids: string[] }>(statement.text, statement.values);
  const changed = outputOf(page);
  // Others may have added some meanwhile, or taken some away.
  if (changed.count > limit) throw tooMany(limit);
  if (changed.count >= matching) return changed;
  const left = await countOf(sql, countStatement(request, owner, { limit: 1, except: page?.ids ?? [] }));
  if (left === 0) return changed;
  throw refused(
    'Some of the rows may be seen by the run’s owner and not changed; none was.',
    'DATABASE_FORBIDDEN',
  );
}

type Page = { count: number; bytes: number; rows: Row[] | null };

async function read(sql: Sql, { text, values }: Statement): Promise<DatabaseOutput> {
  const [page] = await sql.query<Page>(text, values);
  return outputOf(page);
}

function outputOf(page: Page | undefined): DatabaseOutput {
  if (!page) throw new Error('An aggregate without groups always has a row.');
  if (page.rows === null) {
    throw refused(
      `The ${page.count} rows have ${page.bytes} bytes, more than ${MAX_BYTES}: name fewer \`columns\`, or a lower \`limit\`.`,
      'DATABASE_TOO_LARGE',
    );
  }
  return { rows: page.rows, count: page.count };
}

async function countOf(sql: Sql, { text, values }: Statement): Promise<number> {
  const [row] = await sql.query<{ count: number }>(text, values);
  return row?.count ?? 0;
}

function tooMany(limit: number): StepError {
  return refused(
    `More than ${limit} rows match; nothing was changed. Narrow \`query.where\`, or raise \`query.limit\`.`,
    'DATABASE_TOO_MANY_ROWS',
  );
}

/** A uuid that says nothing but its key. */
function idOf(key: string): string {
  const hex = createHash('sha256').update(key).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

const NOT_ALLOWED = '42501';
const TIMED_OUT = '57014';

/** What Postgres says of data may be told; whatever else it says is the operator's to read. */
function failureOf(error: unknown): unknown {
  const code = codeOf(error);
  if (error instanceof StepError || code === undefined) return error;
  if (code === NOT_ALLOWED) {
    return refused('The run’s owner may not do this, in this tenant or at all.', 'DATABASE_FORBIDDEN');
  }
  if (code === TIMED_OUT) {
    return new StepError({ code: 'DATABASE_TIMEOUT', message: 'The statement took too long and was ended.' });
  }
  if (/^2[23]/.test(code)) return refused(`The database refuses a value (${code}).`);
  return error;
}
