import type { Sql } from '../../../platform/db/sql.ts';

/** @param by null for a service */
export async function writeWebhook(
  sql: Sql,
  { workflowId, ciphertext, by }: { workflowId: string; ciphertext: string; by: string | null },
): Promise<void> {
  // Not as `excluded`, which asks for the right to read the column.
  await sql.query(
    `insert into runcast.workflow_webhooks (workflow_id, ciphertext, rotated_at, rotated_by)
     values ($1, $2, now(), $3)
     on conflict (workflow_id) do update set ciphertext = $2, rotated_at = now(), rotated_by = $3`,
    [workflowId, ciphertext, by],
  );
}

/** As it is stored: for service_role alone. */
export async function ciphertextOf(sql: Sql, workflowId: string): Promise<string | undefined> {
  const [row] = await sql.query<{ ciphertext: string }>(
    'select ciphertext from runcast.workflow_webhooks where workflow_id = $1',
    [workflowId],
  );
  return row?.ciphertext;
}

/** Of those that have a secret and that the caller sees: when it was set. */
export async function loadRotations(sql: Sql, workflowIds: string[]): Promise<Map<string, Date>> {
  const rows = await sql.query<{ id: string; at: Date }>(
    `select workflow_id as id, rotated_at as at from runcast.workflow_webhooks where workflow_id = any ($1::uuid[])`,
    [workflowIds],
  );
  return new Map(rows.map(({ id, at }) => [id, at]));
}
