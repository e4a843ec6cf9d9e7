import { addExecutionSubscriptions } from '../executions/subscriptions.ts';
import { WorkflowExecutionRef } from './execution-types.ts';
import { workflowExecutions } from './table.ts';

addExecutionSubscriptions({
  kind: 'workflow',
  typename: 'WorkflowExecution',
  noun: 'run of a workflow',
  prefix: 'workflowExecution',
  parts: 'one of its steps',
  ref: WorkflowExecutionRef,
  table: workflowExecutions,
});
