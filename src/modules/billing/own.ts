import type { Context } from '../../graphql/context.ts';
import type { Condition } from '../../graphql/table.ts';

/**
 * Of no tenant in particular a user lists their own. "Mine, or of the tenants whose bills I see", which is what the
 * policies say, is served by no index in the order of time: it would read everybody's rows until it had found enough.
 */
export function ownUnlessTenant(
  filter: { tenantId?: string | null | undefined } | null | undefined,
  { identity }: Context,
): Condition[] {
  const { role, sub } = identity.claims;
  if (role === 'service_role' || filter?.tenantId != null) return [];
  return [{ field: 'userId', in: sub === undefined ? [] : [sub] }];
}
