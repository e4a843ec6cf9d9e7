import { randomUUID } from 'node:crypto';
import {
  ForbiddenError,
  NotFoundError,
  UnauthenticatedError,
  ValidationError,
} from '../../graphql/errors.ts';
import { isUuid } from '../../graphql/ids.ts';
import { validated } from '../../graphql/validation.ts';
import type { Claims } from '../../platform/db/claims.ts';
import type { Lease } from '../../platform/db/lease.ts';
import type { Sql } from '../../platform/db/sql.ts';
import { codeOf } from '../../platform/errors.ts';
import { errorInput, performanceBatch, telemetryBatch } from './inputs.ts';

/**
 * The use cases around telemetry, errors and figures. Each acts as the lease's viewer. Whose a row is stands in the
 * caller's claims and is never given; rows that the service writes for itself are nobody's.
 */

/** @returns the rows' ids in the order of the batch, which is written as a whole or not at all */
export async function recordTelemetry(db: Lease, { sub }: Claims, raw: unknown): Promise<string[]> {
  const events = validated(telemetryBatch, raw, ['input']).map((event) => ({ id: randomUUID(), ...event }));
  await db.transaction(async ({ sql }) => {
    await assertTenants(sql, tenantsIn(events));
    await written(
      sql.query(
        `insert into public.telemetry_events
           (id, type, "timestamp", user_id, tenant_id, session_id, properties, metadata)
         select id, type, coalesce("timestamp", now()), $2::uuid, "tenantId", "sessionId", properties, metadata
         from jsonb_to_recordset($1::jsonb) as event (id uuid, type text, "timestamp" timestamptz, "tenantId" uuid,
           "sessionId" text, properties jsonb, metadata jsonb)`,
        [JSON.stringify(events), sub ?? null],
      ),
    );
  });
  return events.map(({ id }) => id);
}

/**
 * For the service alone: a figure is everybody's to see and says nothing of who measured it.
 *
 * @returns the rows' ids in the order of the batch
 */
export async function recordMetrics(db: Lease, { role }: Claims, raw: unknown): Promise<string[]> {
  if (role !== 'service_role') {
    throw new ForbiddenError('Performance metrics are recorded by services alone.', {
      remedy: 'Use a token of the role service_role.',
    });
  }
  const figures = validated(performanceBatch, raw, ['input']).map((figure) => ({
    id: randomUUID(),
    ...figure,
  }));
  await db.sql.query(
    `insert into public.performance_metrics (id, metric, value, unit, "timestamp", tags)
     select id, metric, value, unit, coalesce("timestamp", now()), tags
     from jsonb_to_recordset($1::jsonb) as figure (id uuid, metric text, value numeric, unit text,
       "timestamp" timestamptz, tags jsonb)`,
    [JSON.stringify(figures)],
  );
  return figures.map(({ id }) => id);
}

/** @returns the row's id */
export async function logError(db: Lease, { sub }: Claims, raw: unknown): Promise<string> {
  const { error, context, severity, tenantId } = validated(errorInput, raw, ['input']);
  const id = randomUUID();
  await db.transaction(async ({ sql }) => {
    await assertTenants(sql, tenantId === null ? [] : [{ tenantId, path: ['input', 'tenantId'] }]);
    await written(
      sql.query(
        `insert into public.error_logs (id, user_id, tenant_id, error, context, severity)
         values ($1, $2, $3, $4::jsonb, $5::jsonb, $6)`,
        [id, sub ?? null, tenantId, error, context, severity],
      ),
    );
  });
  return id;
}

/** Marks an error as done, or as not done after all; one that is so already stays so. */
export async function setResolved(db: Lease, id: string, isResolved: boolean): Promise<void> {
  const rows = isUuid(id)
    ? await db.sql.query('update public.error_logs set resolved = $2 where id = $1 returning id', [
        id,
        isResolved,
      ])
    : [];
  if (rows.length === 0) throw new NotFoundError('error log of yours', id, { path: ['id'] });
}

type Named = { tenantId: string; path: string[] };

function tenantsIn(events: readonly { tenantId: string | null }[]): Named[] {
  return events.flatMap(({ tenantId }, index) =>
    tenantId === null ? [] : [{ tenantId, path: ['input', String(index), 'tenantId'] }],
  );
}

/** Row-level security shows the caller's tenants alone: one that is somebody else's is one that is not there. */
async function assertTenants(sql: Sql, named: readonly Named[]): Promise<void> {
  if (named.length === 0) return;
  const wanted = [...new Set(named.map(({ tenantId }) => tenantId))];
  const rows = await sql.query<{ id: string }>('select id from public.tenants where id = any($1::uuid[])', [
    wanted,
  ]);
  const found = new Set(rows.map(({ id }) => id));
  const faults = named.filter(({ tenantId }) => !found.has(tenantId.toLowerCase()));
  if (faults.length > 0) {
    throw new ValidationError(faults.map(({ path }) => ({ path, message: 'must be a tenant of yours' })));
  }
}

const FOREIGN_KEY_VIOLATION = '23503';

/** The tenants were looked at in this transaction, so the row that is missing is the user's. */
async function written<T>(write: Promise<T>): Promise<T> {
  try {
    return await write;
  } catch (error) {
    if (codeOf(error) !== FOREIGN_KEY_VIOLATION) throw error;
    throw new UnauthenticatedError('The token names a user that is no longer there.');
  }
}
