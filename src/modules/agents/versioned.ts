import { Prisma } from '../../generated/prisma/client.ts';
import { ConflictError, ForbiddenError, NotFoundError } from '../../graphql/errors.ts';
import { isUuid, rowId, searchable, uuidOrNone } from '../../graphql/ids.ts';
import type { Condition } from '../../graphql/table.ts';
import type { Sql } from '../../platform/db/sql.ts';
import { highest, isLower } from './version.ts';

/**
 * What holds for agents and workflows alike: rows of a tenant, or of none, with a name and a version. Name and version are
 * unique within a tenant, an update never lowers the version, and a clone is newer than all of its name where it goes.
 * What other programs wrote is held to none of this. Faults lie at `input.version`, `ifUpdatedAt` and `id`.
 */
const TABLES = { agent: 'public.agents', workflow: 'public.workflows' } as const;

export type Versioned = keyof typeof TABLES;

/** What a change is decided by. */
export type Head = { name: string; version: string; tenantId: string | null; updatedAt: Date };

type Named = { tenantId: string | null; name: string };

/**
 * Locks a row for the transaction.
 *
 * @param change `ifUpdatedAt`: the change that the caller knows of; `columns`: what to select beside a Head's, as SQL;
 *   `path`: the argument that names the row, default `id`
 * @throws {NotFoundError | ForbiddenError} where the caller may not see, or not change it
 * @throws {ConflictError} where there was a later change
 */
export async function lockForChange<Row extends Head = Head>(
  sql: Sql,
  what: Versioned,
  change: { id: string; ifUpdatedAt?: Date | undefined; columns?: string; path?: string[] },
): Promise<Row> {
  const { id, ifUpdatedAt, columns, path } = change;
  const selected = ['name, version, tenant_id as "tenantId", updated_at as "updatedAt"', columns];
  const text = `select ${selected.filter(Boolean).join(', ')} from ${TABLES[what]} where id = $1 for update`;
  const [row] = isUuid(id) ? await sql.query<Row>(text, [id]) : [];
  if (row === undefined) throw await refusal(sql, what, id, path);
  if (ifUpdatedAt !== undefined && row.updatedAt.getTime() !== ifUpdatedAt.getTime()) {
    throw new ConflictError(`The ${what} has changed at ${row.updatedAt.toISOString()}.`, {
      path: ['ifUpdatedAt'],
      remedy: 'Fetch it again, see what has changed, and decide anew.',
    });
  }
  return row;
}

/** Why a row could not be changed: the policies let nobody lock or delete what he may only see. */
export async function refusal(
  sql: Sql,
  what: Versioned,
  id: string,
  path?: readonly string[],
): Promise<Error> {
  const seen = await visible(sql, what, isUuid(id) ? [id] : []);
  if (seen.size === 0) return new NotFoundError(what, id, path && { path });
  return new ForbiddenError(`Your role in the ${what}’s tenant does not allow this.`, {
    path: path ?? ['id'],
    remedy: 'Ask an admin of the tenant.',
  });
}

/** Which of these the caller sees. */
export async function visible(sql: Sql, what: Versioned, ids: readonly string[]): Promise<Set<string>> {
  if (ids.length === 0) return new Set();
  const text = `select id from ${TABLES[what]} where id = any($1::uuid[])`;
  const rows = await sql.query<{ id: string }>(text, [ids]);
  return new Set(rows.map(({ id }) => id));
}

export function assertNeverFalls(current: string, version: string): void {
  if (!isLower(version, current)) return;
  throw new ConflictError(`The version is ${current} already, and never falls.`, {
    path: ['input', 'version'],
    remedy: 'Choose a version that is not lower.',
  });
}

/** @param except the row that is about to change */
export async function assertIsFree(
  sql: Sql,
  what: Versioned,
  of: Named & { version: string },
  except?: string,
): Promise<void> {
  if (!(await lockVersions(sql, what, of, except)).includes(of.version)) return;
  throw new ConflictError(`The tenant has ${of.name} ${of.version} already.`, {
    path: ['input', 'version'],
    remedy: 'Choose another version, or another name.',
  });
}

export async function assertIsNewest(
  sql: Sql,
  what: Versioned,
  of: Named & { version: string },
): Promise<void> {
  const newest = highest(await lockVersions(sql, what, of));
  if (newest === undefined || isLower(newest, of.version)) return;
  throw new ConflictError(`The tenant has ${of.name} ${newest} already.`, {
    path: ['input', 'version'],
    remedy: `Choose a version above ${newest}, or another name.`,
  });
}

/**
 * The versions of a name in a tenant. Whoever else asks for them waits until this transaction is over: between reading
 * and writing nobody adds one.
 */
async function lockVersions(sql: Sql, what: Versioned, of: Named, except?: string): Promise<string[]> {
  await sql.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [
    JSON.stringify([what, of.tenantId, of.name]),
  ]);
  const rows = await sql.query<{ version: string }>(
    `select version from ${TABLES[what]}
     where name = $2 and id is distinct from $3::uuid
       and ${of.tenantId === null ? 'tenant_id is null and $1::uuid is null' : 'tenant_id = $1'}`,
    [of.tenantId, of.name, except ?? null],
  );
  return rows.map(({ version }) => version);
}

/**
 * The fields of the inputs are the model's own; what is left out is no field of the result.
 *
 * @param optionalJson columns that hold no JSON at all, rather than JSON's null
 */
export function columnsOf<Columns extends object>(
  fields: object,
  optionalJson: ReadonlySet<string>,
): Columns {
  const given = Object.entries(fields).filter(([, value]) => value !== undefined);
  const columns = given.map(([name, value]) => [
    name,
    value === null && optionalJson.has(name) ? Prisma.DbNull : value,
  ]);
  return Object.fromEntries(columns) as Columns;
}

type Wanted = {
  tenantId?: string | number | null | undefined;
  enabled?: boolean | null | undefined;
  deprecated?: boolean | null | undefined;
  nameContains?: string | null | undefined;
  version?: string | null | undefined;
  isMine?: boolean | null | undefined;
};

/** @param sub the caller's account, whose `isMine` are */
export function whereVersioned(wanted: Wanted, sub: string | undefined): Condition[] {
  const { tenantId, enabled, deprecated, nameContains, version, isMine } = wanted;
  const where: Condition[] = [];
  if (tenantId != null) where.push({ field: 'tenantId', is: uuidOrNone(rowId('Tenant', String(tenantId))) });
  if (enabled != null) where.push({ field: 'enabled', is: enabled });
  if (deprecated != null) where.push({ field: 'deprecated', is: deprecated });
  if (nameContains != null) where.push({ field: 'name', contains: searchable(nameContains) });
  if (version != null) where.push({ field: 'version', is: searchable(version) });
  if (isMine != null) where.push(madeBy(sub, isMine));
  return where;
}

function madeBy(sub: string | undefined, isMine: boolean): Condition {
  const id = uuidOrNone(sub ?? '');
  if (isMine) return { field: 'createdBy', is: id };
  return { any: [[{ field: 'createdBy', notIn: [id] }], [{ field: 'createdBy', isNull: true }]] };
}
