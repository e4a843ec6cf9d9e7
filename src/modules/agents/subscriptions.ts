import { addExecutionSubscriptions } from '../executions/subscriptions.ts';
import { AgentExecutionRef } from './execution-types.ts';
import { agentExecutions } from './table.ts';

addExecutionSubscriptions({
  kind: 'agent',
  typename: 'AgentExecution',
  noun: 'run of an agent',
  prefix: 'agentExecution',
  ref: AgentExecutionRef,
  table: agentExecutions,
});
