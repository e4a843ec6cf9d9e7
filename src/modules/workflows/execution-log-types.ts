import { builder } from '../../graphql/builder.ts';
import { connectionOf } from '../../graphql/connection.ts';
import { assertSignedIn } from '../../graphql/context.ts';
import { uuidOrNone } from '../../graphql/ids.ts';
import { objectIn, outputOf } from '../../graphql/json-shapes.ts';
import { valueOrUnknown } from '../../graphql/stored-enum.ts';
import { tenants } from '../accounts/table.ts';
import { executionError } from '../executions/shapes.ts';
import { WorkflowExecutionLogStatus } from './enums.ts';
import { WorkflowExecutionRef } from './execution-types.ts';
import { WorkflowExecutionLogFilter, WorkflowExecutionLogOrder, whereLog } from './filter.ts';
import { TenantRef } from './refs.ts';
import { WorkflowRef } from './schema.ts';
import { workflowExecutionLogs, workflowExecutions, workflows } from './table.ts';
import { LOG_STATUSES } from './vocabulary.ts';

export const WorkflowExecutionLogRef = builder.prismaNode('WorkflowExecutionLog', {
  nullable: true,
  findUnique: (id) => ({ id: uuidOrNone(id) }),
  id: { field: 'id', description: 'Its global id.', extensions: { globalIdOf: 'id' } },
  description:
    'A state that a run of a workflow passed through, with the tallies until then. Log lines are in `logs` of the run.',
  select: { id: true },
  fields: (t) => ({
    databaseId: t.expose('id', { type: 'UUID', description: 'The row’s id, as SQL knows it.' }),
    execution: t.field({
      type: WorkflowExecutionRef,
      nullable: true,
      description: 'The run; null where the caller may not see it.',
      select: { executionId: true },
      resolve: ({ executionId }, _args, context, info) => workflowExecutions.one(context, info, executionId),
    }),
    workflow: t.field({
      type: WorkflowRef,
      nullable: true,
      description: 'What was run, as it is today; null where the caller may not see it any more.',
      select: { workflowId: true },
      resolve: ({ workflowId }, _args, context, info) => workflows.one(context, info, workflowId),
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
      type: WorkflowExecutionLogStatus,
      description: 'The state.',
      select: { status: true },
      resolve: ({ status }) => valueOrUnknown(LOG_STATUSES, status),
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
    stepsExecuted: t.exposeInt('stepsExecuted', { description: 'Steps that had ended until then.' }),
    stepsSucceeded: t.exposeInt('stepsSucceeded', { description: 'Those of them that had ended well.' }),
    stepsFailed: t.exposeInt('stepsFailed', { description: 'Those of them that had failed.' }),
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

const [page, edge] = connectionOf('WorkflowExecutionLog', 'states of workflows’ runs');
const WorkflowExecutionLogConnection = builder.connectionObject(
  { type: WorkflowExecutionLogRef, ...page },
  edge,
);

const OLDEST_FIRST = { field: 'startedAt', direction: 'asc' } as const;

builder.prismaObjectField(WorkflowExecutionRef, 'stateLogs', (t) =>
  t.connection(
    {
      type: WorkflowExecutionLogRef,
      description:
        'The states that it passed through, oldest first unless ordered otherwise. Pages of at most 100.',
      args: { orderBy: t.arg({ type: WorkflowExecutionLogOrder, description: 'In which order.' }) },
      resolve: ({ id }, args, context, info) => {
        const orderBy = args.orderBy ?? OLDEST_FIRST;
        return workflowExecutionLogs.pageOf({ executionId: id }, context, info, { ...args, orderBy });
      },
    },
    WorkflowExecutionLogConnection,
  ),
);

builder.queryField('workflowExecutionLogs', (t) =>
  t.connection(
    {
      type: WorkflowExecutionLogRef,
      description:
        'The states that the caller’s runs of workflows passed through, newest first unless ordered otherwise. ' +
        'Pages of at most 100.',
      args: {
        filter: t.arg({ type: WorkflowExecutionLogFilter, description: 'Which ones; default: all.' }),
        orderBy: t.arg({
          type: WorkflowExecutionLogOrder,
          description: 'In which order; default: newest first.',
        }),
      },
      resolve: (_root, args, context, info) => {
        assertSignedIn(context);
        return workflowExecutionLogs.page(context, info, args, whereLog(args.filter ?? {}));
      },
    },
    WorkflowExecutionLogConnection,
  ),
);
