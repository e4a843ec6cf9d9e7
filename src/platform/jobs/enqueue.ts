import type { Sql } from '../db/sql.ts';
import type { Job } from './define.ts';

/**
 * Adds a job in the transaction that `sql` runs in: it exists if that commits, and not otherwise. For the service
 * role; a function in the database that may enqueue on behalf of a user calls `runcast.enqueue_job` itself.
 *
 * @param options.startAfter default: now
 * @returns the job's id
 * @throws {ZodError} where the payload is not the job's
 */
export async function enqueue<Payload extends object>(
  sql: Sql,
  job: Pick<Job<Payload, never>, 'name' | 'payload'>,
  payload: Payload,
  options: { startAfter?: Date } = {},
): Promise<string> {
  const [row] = await sql.query<{ id: string }>(
    'select runcast.enqueue_job($1, $2::jsonb, coalesce($3::timestamptz, now())) as id',
    [job.name, JSON.stringify(job.payload.parse(payload)), options.startAfter ?? null],
  );
  if (row === undefined) throw new Error('runcast.enqueue_job returned no row');
  return row.id;
}
