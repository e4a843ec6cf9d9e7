import { orderInput } from '../../graphql/order.ts';
import { storedEnum } from '../../graphql/stored-enum.ts';
import { MEMBER_STATUSES, TENANT_ROLES, TENANT_STATUSES } from './vocabulary.ts';

export const TenantRoleEnum = storedEnum('TenantRole', 'What a member may do in a tenant.', TENANT_ROLES);
export const MemberStatusEnum = storedEnum(
  'MemberStatus',
  'Whether somebody belongs to a tenant.',
  MEMBER_STATUSES,
);
export const TenantStatusEnum = storedEnum('TenantStatus', 'Whether a tenant is in use.', TENANT_STATUSES);

export const TenantOrder = orderInput('Tenant', {
  createdAt: 'When it was made.',
  updatedAt: 'When it last changed.',
  name: 'Its name.',
});
