import type { Sql } from '../../platform/db/sql.ts';

/** A tenant's secrets, or a user's own: one of the two. */
export type SecretOwner = { tenantId: string } | { userId: string };

/** @param by who sets it; null for service_role. @returns its id */
export async function writeSecret(
  sql: Sql,
  owner: SecretOwner,
  secret: { name: string; ciphertext: string; by: string | null },
): Promise<string> {
  const [column, id] = columnOf(owner);
  // The new ciphertext stands there twice, and not as `excluded`: reading that asks for the right to read the column.
  const [row] = await sql.query<{ id: string }>(
    `insert into runcast.secrets (${column}, name, ciphertext, created_by, updated_by) values ($1, $2, $3, $4, $4)
     on conflict (${column}, name) do update set ciphertext = $3, updated_by = $4
     returning id`,
    [id, secret.name, secret.ciphertext, secret.by],
  );
  return row?.id ?? '';
}

/** Whether there was one that the caller may delete. */
export async function deleteSecret(sql: Sql, id: string): Promise<boolean> {
  return (await sql.query('delete from runcast.secrets where id = $1 returning id', [id])).length > 0;
}

export async function isVisible(sql: Sql, id: string): Promise<boolean> {
  return (await sql.query('select id from runcast.secrets where id = $1', [id])).length > 0;
}

/** As they are stored, by name: for service_role alone. */
export async function ciphertextsOf(
  sql: Sql,
  owner: SecretOwner,
  names: readonly string[],
): Promise<Map<string, string>> {
  const [column, id] = columnOf(owner);
  const rows = await sql.query<{ name: string; ciphertext: string }>(
    `select name, ciphertext from runcast.secrets where ${column} = $1 and name = any ($2::text[])`,
    [id, names],
  );
  return new Map(rows.map(({ name, ciphertext }) => [name, ciphertext]));
}

function columnOf(owner: SecretOwner): ['tenant_id' | 'user_id', string] {
  return 'tenantId' in owner ? ['tenant_id', owner.tenantId] : ['user_id', owner.userId];
}
