import { builder } from '../../graphql/builder.ts';
import { assertSignedIn, requireUser } from '../../graphql/context.ts';
import { ConflictError, ProviderUnavailableError } from '../../graphql/errors.ts';
import { rowId } from '../../graphql/ids.ts';
import {
  CANCEL_REASON,
  ENDING,
  IDEMPOTENCY_KEY,
  RETRYING,
  RUN_ID,
  STARTING,
} from '../executions/mutation-parts.ts';
import { ExecutionPriorityEnum } from '../executions/priority.ts';
import { AgentApprovalDecision } from './enums.ts';
import { AgentExecutionRef } from './execution-types.ts';
import type { AgentRuns } from './run-service.ts';
import { agentExecutions } from './table.ts';

declare module '../../graphql/context.ts' {
  interface Services {
    agents: AgentRuns;
  }
}

builder.mutationFields((t) => ({
  runAgent: t.field({
    type: AgentExecutionRef,
    description:
      'Runs an agent, as it is now. Whatever can be refused is refused before: a disabled agent, a model that is not set up, ' +
      'tools that nothing can call, an input that its validation schema does not allow.',
    args: {
      agentId: t.arg.id({ required: true, description: 'Global id or row id of the agent.' }),
      input: t.arg({
        type: 'JSON',
        description:
          'What it is given: text, or any JSON. Of an object with one text, that text is what the model is asked. Default: {}.',
      }),
      tenantId: t.arg.id({
        description:
          'The tenant it is for, in which the caller must be a member or an admin. Default: the agent’s.',
      }),
      priority: t.arg({
        type: ExecutionPriorityEnum,
        required: true,
        defaultValue: 'normal',
        description: 'Who is next among the tenant’s runs that wait.',
      }),
      stream: t.arg.boolean({
        required: true,
        defaultValue: false,
        description:
          'Whether the model’s tokens become output events as they come. An agent whose mode is STREAMING does so in any case.',
      }),
      idempotencyKey: t.arg.string({ description: IDEMPOTENCY_KEY }),
    },
    errors: { types: [...STARTING, ProviderUnavailableError] },
    resolve: async (_root, args, context, info) => {
      const id = await context.services.agents.start(context.db, requireUser(context), args);
      return agentExecutions.oneOrThrow(context, info, id);
    },
  }),
  retryAgentExecution: t.field({
    type: AgentExecutionRef,
    description:
      'Runs an ended run again, as a new execution that names it in `retryOf`: the same input, the agent as it is now.',
    args: {
      id: t.arg.id({ required: true, description: RUN_ID }),
      idempotencyKey: t.arg.string({ description: IDEMPOTENCY_KEY }),
    },
    errors: { types: [...RETRYING, ProviderUnavailableError] },
    resolve: async (_root, args, context, info) => {
      const of = rowId('AgentExecution', args.id);
      const id = await context.services.agents.retry(context.db, requireUser(context), of, args);
      return agentExecutions.oneOrThrow(context, info, id);
    },
  }),
  cancelAgentExecution: t.field({
    type: AgentExecutionRef,
    description:
      'Ends a run and what it has started. One that waits ends at once; one that a worker runs within seconds: follow it.',
    args: {
      id: t.arg.id({ required: true, description: RUN_ID }),
      reason: t.arg.string({ description: CANCEL_REASON }),
    },
    errors: { types: ENDING },
    resolve: async (_root, args, context, info) => {
      assertSignedIn(context);
      const id = rowId('AgentExecution', args.id);
      await context.services.agents.cancel(context.db, id, args);
      return agentExecutions.oneOrThrow(context, info, id);
    },
  }),
  decideAgentApproval: t.field({
    type: AgentExecutionRef,
    description:
      'Lets a run make the call of a tool that it waits for, or not. The run goes on once nothing is left to be decided. The ' +
      'same decision a second time changes nothing; another one is a ConflictError.',
    args: {
      executionId: t.arg.id({ required: true, description: RUN_ID }),
      approvalId: t.arg.id({ required: true, description: 'The id of one of its `approvals`.' }),
      decision: t.arg({ type: AgentApprovalDecision, required: true, description: 'What is decided.' }),
      comment: t.arg.string({ description: 'Why; the model is told it with a rejection.' }),
    },
    errors: {
      types: [...ENDING, ConflictError],
    },
    resolve: async (_root, { executionId, ...args }, context, info) => {
      assertSignedIn(context);
      const id = rowId('AgentExecution', executionId);
      await context.services.agents.decide(context.db, id, args);
      return agentExecutions.oneOrThrow(context, info, id);
    },
  }),
}));
