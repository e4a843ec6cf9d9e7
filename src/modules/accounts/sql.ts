import type { Sql } from '../../platform/db/sql.ts';

export type TenantOfViewer = { tenantId: string; name: string; role: string };

/** The tenants a user is an active member of, by name. */
export function tenantsOf(sql: Sql, userId: string): Promise<TenantOfViewer[]> {
  return sql.query<TenantOfViewer>(
    `select ut.tenant_id as "tenantId", t.name, ut.role
     from public.user_tenants ut join public.tenants t on t.id = ut.tenant_id
     where ut.user_id = $1 and ut.status = 'active'
     order by t.name, ut.tenant_id`,
    [userId],
  );
}

export type InvitationOfViewer = { tenantId: string; tenantName: string; role: string; invitedAt: Date };

/** What the caller may accept or decline, newest first. */
export function invitationsOfCaller(sql: Sql): Promise<InvitationOfViewer[]> {
  return sql.query<InvitationOfViewer>(
    `select tenant_id as "tenantId", tenant_name as "tenantName", role, invited_at as "invitedAt"
     from runcast.invitations_of_caller() order by invited_at desc, tenant_id`,
  );
}

/** The user's role in each of the tenants in which they are active. */
export async function rolesIn(
  sql: Sql,
  userId: string,
  tenantIds: readonly string[],
): Promise<Map<string, string>> {
  const rows = await sql.query<{ tenantId: string; role: string }>(
    `select tenant_id as "tenantId", role from public.user_tenants
     where user_id = $1 and status = 'active' and tenant_id = any($2::uuid[])`,
    [userId, tenantIds],
  );
  return new Map(rows.map(({ tenantId, role }) => [tenantId, role]));
}

/** A member as a key of maps. */
export function memberKey(tenantId: string, userId: string): string {
  return `${tenantId}/${userId}`;
}

/** Addresses of members, by memberKey. */
export async function emailsOf(sql: Sql, keys: readonly string[]): Promise<Map<string, string>> {
  const pairs = keys.map((key) => key.split('/'));
  const rows = await sql.query<{ tenantId: string; userId: string; email: string }>(
    `select tenant_id as "tenantId", user_id as "userId", email
     from runcast.member_emails($1::uuid[], $2::uuid[]) where email is not null`,
    [pairs.map(([tenantId]) => tenantId), pairs.map(([, userId]) => userId)],
  );
  return new Map(rows.map(({ tenantId, userId, email }) => [memberKey(tenantId, userId), email]));
}
