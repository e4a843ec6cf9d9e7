import { builder } from '../../graphql/builder.ts';
import { connectionOf } from '../../graphql/connection.ts';
import { assertSignedIn } from '../../graphql/context.ts';
import { uuidOrNone } from '../../graphql/ids.ts';
import { objectIn, outputOf } from '../../graphql/json-shapes.ts';
import { valueOrUnknown } from '../../graphql/stored-enum.ts';
import { TenantRef } from '../accounts/refs.ts';
import { tenants } from '../accounts/table.ts';
import { executionError } from '../executions/shapes.ts';
import { AgentExecutionStatus } from './enums.ts';
import { AgentExecutionRef } from './execution-types.ts';
import { AgentExecutionFilter, AgentExecutionLogOrder, whereExecution } from './filter.ts';
import { AgentRef } from './schema.ts';
import { agentExecutionLogs, agentExecutions, agents } from './table.ts';
import { STATUSES } from './vocabulary.ts';

export const AgentExecutionLogRef = builder.prismaNode('AgentExecutionLog', {
  nullable: true,
  findUnique: (id) => ({ id: uuidOrNone(id) }),
  id: { field: 'id', description: 'Its global id.', extensions: { globalIdOf: 'id' } },
  description:
    'A state that a run of an agent passed through, with the tallies until then. Log lines are in `logs` of the run.',
  select: { id: true },
  fields: (t) => ({
    databaseId: t.expose('id', { type: 'UUID', description: 'The row’s id, as SQL knows it.' }),
    execution: t.field({
      type: AgentExecutionRef,
      nullable: true,
      description: 'The run; null where the caller may not see it.',
      select: { executionId: true },
      resolve: ({ executionId }, _args, context, info) => agentExecutions.one(context, info, executionId),
    }),
    agent: t.field({
      type: AgentRef,
      nullable: true,
      description: 'What was run, as it is today; null where the caller may not see it any more.',
      select: { agentId: true },
      resolve: ({ agentId }, _args, context, info) => agents.one(context, info, agentId),
    }),
    userId: t.expose('userId', { type: 'UUID', description: 'The account that owns the run.' }),
    tenant: t.field({
      type: TenantRef,
      nullable: true,
      description: 'The tenant that the run was started for; null for none.',
      select: { tenantId: true },
      resolve: ({ tenantId }, _args, context, info) => tenants.one(context, info, tenantId),
    }),
    status: t.field({
      type: AgentExecutionStatus,
      description: 'The state.',
      select: { status: true },
      resolve: ({ status }) => valueOrUnknown(STATUSES, status),
    }),
    statusText: t.exposeString('status', { description: 'The state as it is stored.' }),
    startedAt: t.expose('startedAt', { type: 'DateTime', description: 'When the run was started.' }),
    completedAt: t.expose('completedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When the run had ended; null before.',
    }),
    duration: t.exposeInt('duration', {
      nullable: true,
      description: 'How long it had run, in milliseconds; null where nobody measured.',
    }),
    tokenUsage: t.exposeInt('tokenUsage', {
      nullable: true,
      description: 'Tokens used until then; null where nobody counted.',
    }),
    cost: t.expose('cost', {
      type: 'Decimal',
      nullable: true,
      description: 'US dollars it had cost until then; null where nobody counted.',
    }),
    input: t.expose('input', {
      type: 'JSON',
      nullable: true,
      description: 'What the run was given; null where it was not noted.',
    }),
    output: t.expose('output', {
      type: 'JSON',
      nullable: true,
      description: 'What had come out; null for nothing.',
    }),
    error: t.field({
      type: outputOf(executionError),
      nullable: true,
      description: 'Why the run failed; null where it had not.',
      select: { error: true },
      resolve: ({ error }) => objectIn(error),
    }),
    errorJson: t.expose('error', { type: 'JSON', nullable: true, description: 'The error as it is stored.' }),
  }),
});

const [page, edge] = connectionOf('AgentExecutionLog', 'states of agents’ runs');
const AgentExecutionLogConnection = builder.connectionObject({ type: AgentExecutionLogRef, ...page }, edge);

const OLDEST_FIRST = { field: 'startedAt', direction: 'asc' } as const;

builder.prismaObjectField(AgentExecutionRef, 'stateLogs', (t) =>
  t.connection(
    {
      type: AgentExecutionLogRef,
      description:
        'The states that it passed through, oldest first unless ordered otherwise. Pages of at most 100.',
      args: { orderBy: t.arg({ type: AgentExecutionLogOrder, description: 'In which order.' }) },
      resolve: ({ id }, args, context, info) => {
        const orderBy = args.orderBy ?? OLDEST_FIRST;
        return agentExecutionLogs.pageOf({ executionId: id }, context, info, { ...args, orderBy });
      },
    },
    AgentExecutionLogConnection,
  ),
);

builder.queryField('agentExecutionLogs', (t) =>
  t.connection(
    {
      type: AgentExecutionLogRef,
      description:
        'The states that the caller’s runs of agents passed through, newest first unless ordered otherwise. ' +
        'Pages of at most 100.',
      args: {
        filter: t.arg({ type: AgentExecutionFilter, description: 'Of which runs; default: all.' }),
        orderBy: t.arg({
          type: AgentExecutionLogOrder,
          description: 'In which order; default: newest first.',
        }),
      },
      resolve: (_root, args, context, info) => {
        assertSignedIn(context);
        return agentExecutionLogs.page(context, info, args, whereExecution(args.filter));
      },
    },
    AgentExecutionLogConnection,
  ),
);
