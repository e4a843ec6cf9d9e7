import { createTable } from '../../graphql/table.ts';

export const agents = createTable('Agent', {
  orders: { createdAt: 'moment', updatedAt: 'moment', name: 'text' },
});

export const agentExecutions = createTable('AgentExecution', { orders: { startedAt: 'moment' } });

export const agentExecutionLogs = createTable('AgentExecutionLog', { orders: { startedAt: 'moment' } });
