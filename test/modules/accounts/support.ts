import { randomUUID } from 'node:crypto';
import type { Client } from 'pg';
import type { Data, TestApi, User } from '../../support/api.ts';

/** Selects every expected failure whole. */
export const FAILURE = `... on Error { code message path remedy } ... on ValidationError { fields { path message } }`;

/** What a mutation answered: its only field. */
export async function told(api: TestApi, query: string, variables: object, user?: User): Promise<Data> {
  const { data, errors } = await api.ask(query, variables, user);
  if (errors) throw new Error(JSON.stringify(errors));
  return Object.values(data)[0];
}

export type TestTenant = { id: string; admin: User; member: User; viewer: User; billing: User };

/** A tenant with a user of each role, straight into the tables. */
export async function makeTenant(api: TestApi): Promise<TestTenant> {
  const id = randomUUID();
  await api.admin.query('insert into tenants (id, name, subdomain) values ($1, $2, $3)', [
    id,
    'A tenant',
    id,
  ]);
  const join = async (role: string) => {
    const user = await api.makeUser();
    await setMember(api, { tenantId: id, userId: user.id, role });
    return user;
  };
  return {
    id,
    admin: await join('admin'),
    member: await join('member'),
    viewer: await join('viewer'),
    billing: await join('billing'),
  };
}

export async function setMember(
  api: TestApi,
  {
    tenantId,
    userId,
    role,
    status = 'active',
  }: { tenantId: string; userId: string; role: string; status?: string },
): Promise<void> {
  await api.admin.query(
    `insert into user_tenants (tenant_id, user_id, role, status) values ($1, $2, $3, $4)
     on conflict (tenant_id, user_id) do update set role = excluded.role, status = excluded.status`,
    [tenantId, userId, role, status],
  );
}

/** `role status` of somebody in a tenant, as it is stored; undefined for none. */
export async function standing(api: TestApi, tenantId: string, { id }: User): Promise<string | undefined> {
  const { rows } = await api.admin.query<{ standing: string }>(
    `select role || ' ' || status as standing from user_tenants where tenant_id = $1 and user_id = $2`,
    [tenantId, id],
  );
  return rows[0]?.standing;
}

/** Until somebody waits for a lock that the connection's open transaction holds. */
export async function untilWaitedFor(client: Client): Promise<void> {
  for (;;) {
    const { rows } = await client.query(
      'select from pg_locks where not granted and pg_backend_pid() = any (pg_blocking_pids(pid))',
    );
    if (rows.length > 0) return;
  }
}
