import type { Prisma } from '../../generated/prisma/client.ts';
import { ConflictError, ForbiddenError, NotFoundError } from '../../graphql/errors.ts';
import { isUuid } from '../../graphql/ids.ts';
import { validated } from '../../graphql/validation.ts';
import type { Lease } from '../../platform/db/lease.ts';
import type { Sql } from '../../platform/db/sql.ts';
import { codeOf } from '../../platform/errors.ts';
import {
  invitationInput,
  memberRemoval,
  revocationInput,
  roleChange,
  tenantInput,
  tenantInvited,
  tenantPatch,
} from './inputs.ts';

/**
 * The use cases around tenants and their members. Each acts as the lease's viewer, and the functions in the database
 * decide, under the tenant's lock: a tenant that the caller does not belong to is the same answer as none.
 */

/** The caller becomes its first admin. @returns the tenant's id */
export async function createTenant(db: Lease, raw: unknown): Promise<string> {
  const { name, subdomain, settings } = validated(tenantInput, raw, ['input']);
  const call = db.sql.query<{ id: string }>('select runcast.create_tenant($1, $2, $3::jsonb) as id', [
    name,
    subdomain,
    JSON.stringify(settings),
  ]);
  const [row] = await uniquely(subdomain, call);
  return row?.id ?? '';
}

/** @param ifUpdatedAt refuses where the tenant has changed since */
export async function updateTenant(
  db: Lease,
  { id, input, ifUpdatedAt }: { id: string; input: unknown; ifUpdatedAt?: Date | null | undefined },
): Promise<void> {
  const { name, subdomain, settings } = validated(tenantPatch, input, ['input']);
  if (!isUuid(id)) throw new NotFoundError('tenant', id, { path: ['id'] });
  const data = {
    ...(name !== undefined && { name }),
    ...(subdomain !== undefined && { subdomain }),
    // Checked to be JSON by the input's schema.
    ...(settings !== undefined && { settings: settings as Prisma.InputJsonObject }),
  };
  const update = db.transaction(async ({ prisma, sql }) => {
    const outcome = await outcomeOf(sql, `runcast.lock_tenant($1, array['admin'])`, [id]);
    refuse(outcome ?? 'done', id, ['id']);
    const found = await prisma.tenant.findUnique({ where: { id }, select: { updatedAt: true } });
    if (ifUpdatedAt && found?.updatedAt.getTime() !== ifUpdatedAt.getTime()) {
      throw new ConflictError('The tenant has changed since it was read.', {
        path: ['ifUpdatedAt'],
        remedy: 'Read it again, and decide again.',
      });
    }
    if (Object.keys(data).length > 0)
      await prisma.tenant.update({ where: { id }, data, select: { id: true } });
  });
  await uniquely(subdomain ?? '', update);
}

export type Invited = { tenantId: string; userId: string | undefined; email: string | undefined };

/**
 * By user id, as a member whose status is pending; or by address, which says the same whether or not there is an
 * account of it.
 */
export async function inviteMember(db: Lease, raw: unknown): Promise<Invited> {
  const { tenantId, role, userId, email } = validated(invitationInput, raw, ['input']);
  const outcome = await (userId === undefined
    ? outcomeOf(db.sql, 'runcast.invite_email($1, $2, $3)', [tenantId, email, role])
    : outcomeOf(db.sql, 'runcast.invite_user($1, $2, $3)', [tenantId, userId, role]));
  if (outcome === 'no_user') throw new NotFoundError('user', userId ?? '', { path: ['input', 'userId'] });
  if (outcome === 'member') {
    throw new ConflictError(`${userId ?? email} is a member already, or a suspended one.`, {
      path: ['input', userId === undefined ? 'email' : 'userId'],
      remedy: 'Change the role with changeMemberRole; a suspension is lifted by an operator.',
    });
  }
  refuse(outcome, tenantId, ['input', 'tenantId']);
  return { tenantId, userId, email };
}

export async function revokeInvitation(db: Lease, raw: unknown): Promise<string> {
  const { tenantId, email } = validated(revocationInput, raw, []);
  const outcome = await outcomeOf(db.sql, 'runcast.revoke_invitation($1, $2)', [tenantId, email]);
  if (outcome === 'no_invitation') throw new NotFoundError('invitation of', email, { path: ['email'] });
  refuse(outcome, tenantId, ['tenantId']);
  return tenantId;
}

export async function acceptInvitation(db: Lease, raw: unknown): Promise<string> {
  const { tenantId } = validated(tenantInvited, raw, []);
  const outcome = await outcomeOf(db.sql, 'runcast.accept_invitation($1)', [tenantId]);
  if (outcome !== 'done') throw new NotFoundError('invitation of yours to', tenantId, { path: ['tenantId'] });
  return tenantId;
}

export async function declineInvitation(db: Lease, raw: unknown): Promise<string> {
  const { tenantId } = validated(tenantInvited, raw, []);
  const outcome = await outcomeOf(db.sql, 'runcast.decline_invitation($1)', [tenantId]);
  if (outcome !== 'done') throw new NotFoundError('invitation of yours to', tenantId, { path: ['tenantId'] });
  return tenantId;
}

export type MemberId = { tenantId: string; userId: string };

/** `ifRole` is the guard against lost updates: a member has nothing else that changes, and no updated_at. */
export async function changeMemberRole(db: Lease, raw: unknown): Promise<MemberId> {
  const { tenantId, userId, role, ifRole } = validated(roleChange, raw, []);
  const outcome = await outcomeOf(db.sql, 'runcast.change_member_role($1, $2, $3, $4)', [
    tenantId,
    userId,
    role,
    ifRole ?? null,
  ]);
  if (outcome === 'changed') {
    throw new ConflictError(`The member is no longer ${ifRole}.`, { path: ['ifRole'] });
  }
  refuseMember(outcome, { tenantId, userId });
  return { tenantId, userId };
}

/** Oneself, too: that is leaving. */
export async function removeMember(db: Lease, raw: unknown): Promise<MemberId> {
  const { tenantId, userId } = validated(memberRemoval, raw, []);
  const outcome = await outcomeOf(db.sql, 'runcast.remove_member($1, $2)', [tenantId, userId]);
  refuseMember(outcome, { tenantId, userId });
  return { tenantId, userId };
}

/** Calls one of the functions, which answer with a word; what they change they change in one transaction. */
async function outcomeOf(sql: Sql, call: string, values: readonly unknown[]): Promise<string | null> {
  const [row] = await sql.query<{ outcome: string | null }>(`select ${call} as outcome`, values);
  return row?.outcome ?? null;
}

function refuseMember(outcome: string | null, { tenantId, userId }: MemberId): void {
  if (outcome === 'no_member') throw new NotFoundError('member', userId, { path: ['userId'] });
  if (outcome === 'last_admin') {
    throw new ConflictError('That is the tenant’s last admin, without whom nobody could manage it.', {
      path: ['userId'],
      remedy: 'Make somebody else an admin first.',
    });
  }
  refuse(outcome, tenantId, ['tenantId']);
}

function refuse(outcome: string | null, tenantId: string, path: string[]): void {
  if (outcome === 'done') return;
  if (outcome === 'not_found') throw new NotFoundError('tenant', tenantId, { path });
  if (outcome === 'forbidden') {
    throw new ForbiddenError('Only admins manage a tenant and its members.', {
      path,
      remedy: 'Ask an admin of the tenant.',
    });
  }
  throw new Error(`The database answered ${outcome}.`);
}

/** Postgres's code, and the one Prisma makes of it. */
const UNIQUE_VIOLATIONS = ['23505', 'P2002'];

async function uniquely<T>(subdomain: string, write: Promise<T>): Promise<T> {
  try {
    return await write;
  } catch (error) {
    if (!UNIQUE_VIOLATIONS.includes(codeOf(error) ?? '')) throw error;
    throw new ConflictError(`The subdomain ${JSON.stringify(subdomain)} is taken.`, {
      path: ['input', 'subdomain'],
      remedy: 'Choose another: subdomains are unique across all tenants.',
    });
  }
}
