import { builder } from '../../graphql/builder.ts';
import { AgentExecutionConnection, AgentExecutionRef } from './execution-types.ts';
import {
  AgentExecutionFilter,
  AgentExecutionOrder,
  AgentFilter,
  AgentOrder,
  whereAgent,
  whereExecution,
} from './filter.ts';
import { AgentConnection, AgentRef } from './schema.ts';
import { agentExecutions, agents } from './table.ts';

builder.prismaObjectFields('Tenant', (t) => ({
  agents: t.connection(
    {
      type: AgentRef,
      description: 'Its agents, newest first unless ordered otherwise. Pages of at most 100.',
      args: {
        filter: t.arg({ type: AgentFilter, description: 'Which ones; default: all.' }),
        orderBy: t.arg({ type: AgentOrder, description: 'In which order; default: newest first.' }),
      },
      resolve: ({ id }, args, context, info) =>
        agents.pageOf(
          { tenantId: id },
          context,
          info,
          args,
          whereAgent(args.filter, context.identity.claims.sub),
        ),
    },
    AgentConnection,
  ),
  agentExecutions: t.connection(
    {
      type: AgentExecutionRef,
      description:
        'The caller’s runs of agents for it, newest first unless ordered otherwise. Pages of at most 100.',
      args: {
        filter: t.arg({ type: AgentExecutionFilter, description: 'Which ones; default: all.' }),
        orderBy: t.arg({ type: AgentExecutionOrder, description: 'In which order; default: newest first.' }),
      },
      resolve: ({ id }, args, context, info) =>
        agentExecutions.pageOf({ tenantId: id }, context, info, args, whereExecution(args.filter)),
    },
    AgentExecutionConnection,
  ),
}));
