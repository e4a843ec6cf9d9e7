import { createTable } from '../../graphql/table.ts';

export const workflows = createTable('Workflow', {
  orders: { createdAt: 'moment', updatedAt: 'moment', name: 'text' },
});

export const workflowExecutions = createTable('WorkflowExecution', { orders: { startedAt: 'moment' } });

export const workflowExecutionLogs = createTable('WorkflowExecutionLog', { orders: { startedAt: 'moment' } });

export const workflowStepRuns = createTable('WorkflowStepRun', { orders: { createdAt: 'moment' } });

export const approvals = createTable('Approval', { orders: { createdAt: 'moment' } });
