import { builder } from '../../graphql/builder.ts';
import { connectionOf } from '../../graphql/connection.ts';
import { assertSignedIn } from '../../graphql/context.ts';
import { rowId, uuidOrNone } from '../../graphql/ids.ts';
import { objectIn, outputOf } from '../../graphql/json-shapes.ts';
import { valueOrUnknown } from '../../graphql/stored-enum.ts';
import { TenantRef } from '../accounts/refs.ts';
import { tenants } from '../accounts/table.ts';
import { addFeedFields } from '../executions/feed-fields.ts';
import { executionError, executionMetrics } from '../executions/shapes.ts';
import { AgentExecutionStatus } from './enums.ts';
import { AgentExecutionFilter, AgentExecutionOrder, whereExecution } from './filter.ts';
import { AgentRef } from './schema.ts';
import { agentExecutions, agents } from './table.ts';
import { STATUSES } from './vocabulary.ts';

const [executionPage, executionEdge] = connectionOf('AgentExecution', 'runs of agents');

export const AgentExecutionRef = builder.prismaNode('AgentExecution', {
  nullable: true,
  findUnique: (id) => ({ id: uuidOrNone(id) }),
  id: { field: 'id', description: 'Its global id.', extensions: { globalIdOf: 'id' } },
  description: 'A run of an agent. Only its owner sees it.',
  select: { id: true },
  fields: (t) => ({
    databaseId: t.expose('id', {
      type: 'UUID',
      description: 'The row’s id, as SQL knows it; arguments take both.',
    }),
    agent: t.field({
      type: AgentRef,
      nullable: true,
      description: 'What was run, as it is today; null where the caller may not see it any more.',
      select: { agentId: true },
      resolve: ({ agentId }, _args, context, info) => agents.one(context, info, agentId),
    }),
    agentId: t.expose('agentId', { type: 'UUID', description: 'The row’s id of the agent.' }),
    userId: t.expose('userId', { type: 'UUID', description: 'The account that owns it.' }),
    tenant: t.field({
      type: TenantRef,
      nullable: true,
      description: 'The tenant it was started for; null for none.',
      select: { tenantId: true },
      resolve: ({ tenantId }, _args, context, info) => tenants.one(context, info, tenantId),
    }),
    status: t.field({
      type: AgentExecutionStatus,
      description: 'How far it has come.',
      select: { status: true },
      resolve: ({ status }) => valueOrUnknown(STATUSES, status),
    }),
    statusText: t.exposeString('status', { description: 'The status as it is stored.' }),
    input: t.expose('input', { type: 'JSON', nullable: true, description: 'What it was given.' }),
    output: t.expose('output', {
      type: 'JSON',
      nullable: true,
      description: 'What came out; null before it has completed.',
    }),
    error: t.field({
      type: outputOf(executionError),
      nullable: true,
      description: 'Why it failed; null while it has not.',
      select: { error: true },
      resolve: ({ error }) => objectIn(error),
    }),
    errorJson: t.expose('error', { type: 'JSON', nullable: true, description: 'The error as it is stored.' }),
    metrics: t.field({
      type: outputOf(executionMetrics),
      nullable: true,
      description: 'What it has used; null where nobody counted.',
      select: { metrics: true },
      resolve: ({ metrics }) => objectIn(metrics),
    }),
    metricsJson: t.expose('metrics', {
      type: 'JSON',
      nullable: true,
      description: 'The metrics as they are stored.',
    }),
    metadata: t.expose('metadata', {
      type: 'JSON',
      nullable: true,
      description: 'What the program that started it noted about it; null for nothing.',
    }),
    startedAt: t.expose('startedAt', { type: 'DateTime', description: 'When it was started.' }),
    completedAt: t.expose('completedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it ended, however it did; null before.',
    }),
  }),
});

addFeedFields(AgentExecutionRef, 'agent');

export const AgentExecutionConnection = builder.connectionObject(
  { type: AgentExecutionRef, ...executionPage },
  executionEdge,
);

builder.prismaObjectField(AgentRef, 'executions', (t) =>
  t.connection(
    {
      type: AgentExecutionRef,
      description: 'The caller’s runs of it, newest first unless ordered otherwise. Pages of at most 100.',
      args: {
        filter: t.arg({ type: AgentExecutionFilter, description: 'Which ones; default: all.' }),
        orderBy: t.arg({ type: AgentExecutionOrder, description: 'In which order; default: newest first.' }),
      },
      resolve: ({ id }, args, context, info) =>
        agentExecutions.pageOf({ agentId: id }, context, info, args, whereExecution(args.filter)),
    },
    AgentExecutionConnection,
  ),
);

builder.queryField('agentExecution', (t) =>
  t.field({
    type: AgentExecutionRef,
    nullable: true,
    description: 'A run of the caller’s by its id; null where there is none.',
    args: { id: t.arg.id({ required: true, description: 'Global id or row id.' }) },
    resolve: (_root, { id }, context, info) => {
      assertSignedIn(context);
      return agentExecutions.one(context, info, rowId('AgentExecution', id));
    },
  }),
);

builder.queryField('agentExecutions', (t) =>
  t.connection(
    {
      type: AgentExecutionRef,
      description:
        'The caller’s runs of agents, newest first unless ordered otherwise. Pages of at most 100.',
      args: {
        filter: t.arg({ type: AgentExecutionFilter, description: 'Which ones; default: all.' }),
        orderBy: t.arg({ type: AgentExecutionOrder, description: 'In which order; default: newest first.' }),
      },
      resolve: (_root, args, context, info) => {
        assertSignedIn(context);
        return agentExecutions.page(context, info, args, whereExecution(args.filter));
      },
    },
    AgentExecutionConnection,
  ),
);
