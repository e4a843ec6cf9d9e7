import { createTable } from '../../graphql/table.ts';

export const notifications = createTable('Notification', { orders: { createdAt: 'moment' } });
