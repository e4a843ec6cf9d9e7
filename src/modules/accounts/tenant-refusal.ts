import { ForbiddenError, NotFoundError } from '../../graphql/errors.ts';
import type { Lease } from '../../platform/db/lease.ts';
import { codeOf } from '../../platform/errors.ts';

/** Refused by a policy, and no such row to refer to; Postgres's codes, and the one Prisma makes of the latter. */
const REFUSALS = ['42501', '23503', 'P2003'];

/**
 * A write into a tenant; where the database refuses it, in the catalogue's terms: a tenant that the caller does not see
 * is the same answer as none.
 *
 * @param path the argument that names the tenant
 */
export async function orTenantRefusal<T>(
  db: Lease,
  write: Promise<T>,
  tenantId: string | undefined,
  path: readonly string[],
): Promise<T> {
  try {
    return await write;
  } catch (error) {
    if (tenantId === undefined || !REFUSALS.includes(codeOf(error) ?? '')) throw error;
    const tenant = await db.prisma.tenant.findUnique({ where: { id: tenantId }, select: { id: true } });
    if (tenant === null) throw new NotFoundError('tenant', tenantId, { path });
    throw new ForbiddenError('Your role in that tenant does not allow this.', {
      path,
      remedy: 'Ask an admin of the tenant for the role member.',
    });
  }
}
