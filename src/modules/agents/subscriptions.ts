import { builder } from '../../graphql/builder.ts';
import { NotFoundError } from '../../graphql/errors.ts';
import {
  DEFAULT_RATE,
  ExecutionEventBatchRef,
  FOLLOWING,
  RATE,
  subscribeToEvents,
  subscribeToState,
} from '../executions/event-subscription.ts';
import { AgentExecutionRef } from './execution-types.ts';
import { agentExecutions } from './table.ts';

const ID = 'Global id or row id of a run of the caller’s.';
const OF = { kind: 'agent', typename: 'AgentExecution' } as const;

builder.subscriptionFields((t) => ({
  agentExecutionEvents: t.field({
    type: ExecutionEventBatchRef,
    description:
      'Every event of a run of an agent from a cursor on, then live, in order, each once; completes after the end. A ' +
      'client that lost its connection goes on with `after: <lastSeq>`.',
    extensions: { carriesData: true, cursor: 'after' },
    args: {
      id: t.arg.id({ required: true, description: ID }),
      after: t.arg.int(FOLLOWING.after),
      maxWaitMs: t.arg.int(FOLLOWING.maxWaitMs),
    },
    subscribe: (_root, args, context) => subscribeToEvents(context, OF, args),
    resolve: (batch) => batch,
  }),
  agentExecutionChanged: t.field({
    type: AgentExecutionRef,
    description:
      'The newest state of a run of an agent, at once and whenever it changes, the last change always among them; ' +
      'completes after the end.',
    args: {
      id: t.arg.id({ required: true, description: ID }),
      maxRate: t.arg.float({ required: true, defaultValue: DEFAULT_RATE, description: RATE }),
    },
    subscribe: (_root, args, context) => subscribeToState(context, OF, args),
    resolve: async ({ id }, _args, context, info) => {
      const run = await agentExecutions.one(context, info, id);
      if (!run) throw new NotFoundError('agent execution', id);
      return run;
    },
  }),
}));
