import { createTable } from '../../graphql/table.ts';

export const workflows = createTable('Workflow', {
  orders: { createdAt: 'moment', updatedAt: 'moment', name: 'text' },
});

export const workflowExecutions = createTable('WorkflowExecution', { orders: { startedAt: 'moment' } });

export const workflowExecutionLogs = createTable('WorkflowExecutionLog', { orders: { startedAt: 'moment' } });
