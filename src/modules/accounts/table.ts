import { createTable } from '../../graphql/table.ts';

export const tenants = createTable('Tenant', {
  orders: { createdAt: 'moment', updatedAt: 'moment', name: 'text' },
});
