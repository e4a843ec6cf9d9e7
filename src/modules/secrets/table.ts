import { createTable } from '../../graphql/table.ts';

export const secrets = createTable('Secret', { orders: { name: 'text' } });
