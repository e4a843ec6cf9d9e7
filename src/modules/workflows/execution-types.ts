import { builder } from '../../graphql/builder.ts';
import { connectionOf } from '../../graphql/connection.ts';
import { assertSignedIn } from '../../graphql/context.ts';
import { rowId, uuidOrNone } from '../../graphql/ids.ts';
import { objectIn, outputOf } from '../../graphql/json-shapes.ts';
import { valueOrUnknown } from '../../graphql/stored-enum.ts';
import { tenants } from '../accounts/table.ts';
import { addFeedFields } from '../executions/feed-fields.ts';
import { headOf } from '../executions/heads.ts';
import { executionError, executionMetrics } from '../executions/shapes.ts';
import { WorkflowExecutionStatus } from './enums.ts';
import { WorkflowExecutionFilter, WorkflowExecutionOrder, whereExecution } from './filter.ts';
import { TenantRef } from './refs.ts';
import { WorkflowRef } from './schema.ts';
import { workflowExecutions, workflows } from './table.ts';
import { EXECUTION_STATUSES } from './vocabulary.ts';

export const WorkflowExecutionRef = builder.prismaNode('WorkflowExecution', {
  nullable: true,
  findUnique: (id) => ({ id: uuidOrNone(id) }),
  id: { field: 'id', description: 'Its global id.', extensions: { globalIdOf: 'id' } },
  description: 'A run of a workflow. Only its owner sees it.',
  select: { id: true },
  fields: (t) => ({
    databaseId: t.expose('id', {
      type: 'UUID',
      description: 'The row’s id, as SQL knows it; arguments take both.',
    }),
    workflow: t.field({
      type: WorkflowRef,
      nullable: true,
      description: 'What was run, as it is today; null where the caller may not see it any more.',
      select: { workflowId: true },
      resolve: ({ workflowId }, _args, context, info) => workflows.one(context, info, workflowId),
    }),
    workflowId: t.expose('workflowId', { type: 'UUID', description: 'The row’s id of the workflow.' }),
    userId: t.expose('userId', { type: 'UUID', description: 'The account that owns it.' }),
    tenant: t.field({
      type: TenantRef,
      nullable: true,
      description: 'The tenant it was started for; null for none.',
      select: { tenantId: true },
      resolve: ({ tenantId }, _args, context, info) => tenants.one(context, info, tenantId),
    }),
    status: t.field({
      type: WorkflowExecutionStatus,
      description: 'How far it has come.',
      select: { status: true },
      resolve: ({ status }) => valueOrUnknown(EXECUTION_STATUSES, status),
    }),
    statusText: t.exposeString('status', { description: 'The status as it is stored.' }),
    input: t.expose('input', { type: 'JSON', nullable: true, description: 'What it was given.' }),
    output: t.expose('output', {
      type: 'JSON',
      nullable: true,
      description: 'What came out; null before it has completed.',
    }),
    state: t.expose('state', {
      type: 'JSON',
      nullable: true,
      description: 'The state that its steps share, as it was last written; null for none.',
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
    retryOf: t.field({
      type: 'UUID',
      nullable: true,
      description: 'The run that this one runs again, by its row’s id; null where it is the first.',
      resolve: async ({ id }, _args, context) =>
        (await headOf(context, { kind: 'workflow', id }))?.retryOf ?? null,
    }),
  }),
});

addFeedFields(WorkflowExecutionRef, 'workflow');

const [page, edge] = connectionOf('WorkflowExecution', 'runs of workflows');
export const WorkflowExecutionConnection = builder.connectionObject(
  { type: WorkflowExecutionRef, ...page },
  edge,
);

builder.prismaObjectField(WorkflowRef, 'executions', (t) =>
  t.connection(
    {
      type: WorkflowExecutionRef,
      description: 'The caller’s runs of it, newest first unless ordered otherwise. Pages of at most 100.',
      args: {
        filter: t.arg({ type: WorkflowExecutionFilter, description: 'Which ones; default: all.' }),
        orderBy: t.arg({
          type: WorkflowExecutionOrder,
          description: 'In which order; default: newest first.',
        }),
      },
      resolve: ({ id }, args, context, info) =>
        workflowExecutions.pageOf({ workflowId: id }, context, info, args, whereExecution(args.filter ?? {})),
    },
    WorkflowExecutionConnection,
  ),
);

builder.queryFields((t) => ({
  workflowExecution: t.field({
    type: WorkflowExecutionRef,
    nullable: true,
    description: 'A run of the caller’s by its id; null where there is none.',
    args: { id: t.arg.id({ required: true, description: 'Global id or row id.' }) },
    resolve: (_root, { id }, context, info) => {
      assertSignedIn(context);
      return workflowExecutions.one(context, info, rowId('WorkflowExecution', id));
    },
  }),
  workflowExecutions: t.connection(
    {
      type: WorkflowExecutionRef,
      description:
        'The caller’s runs of workflows, newest first unless ordered otherwise. Pages of at most 100.',
      args: {
        filter: t.arg({ type: WorkflowExecutionFilter, description: 'Which ones; default: all.' }),
        orderBy: t.arg({
          type: WorkflowExecutionOrder,
          description: 'In which order; default: newest first.',
        }),
      },
      resolve: (_root, args, context, info) => {
        assertSignedIn(context);
        return workflowExecutions.page(context, info, args, whereExecution(args.filter ?? {}));
      },
    },
    WorkflowExecutionConnection,
  ),
}));
