import { createTable } from '../../graphql/table.ts';

export const tenants = createTable('Tenant', {
  orders: { createdAt: 'moment', updatedAt: 'moment', name: 'text' },
});

/** Listed for a tenant only: within it a member is known by their user. */
export const members = createTable('Membership', {
  typename: 'TenantMember',
  key: 'userId',
  orders: { createdAt: 'moment' },
});

export const invitations = createTable('Invitation', {
  typename: 'TenantInvitation',
  orders: { createdAt: 'moment' },
});
