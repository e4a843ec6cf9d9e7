import { randomUUID } from 'node:crypto';
import type { Client } from 'pg';

/** A tenant with members, straight into the tables: user id → role. */
export async function insertTenant(admin: Client, roles: Readonly<Record<string, string>>): Promise<string> {
  const id = randomUUID();
  await admin.query(`insert into public.tenants (id, name, subdomain) values ($1, 'A tenant', $2)`, [id, id]);
  for (const [user, role] of Object.entries(roles)) {
    await admin.query('insert into public.user_tenants (tenant_id, user_id, role) values ($1, $2, $3)', [
      id,
      user,
      role,
    ]);
  }
  return id;
}
