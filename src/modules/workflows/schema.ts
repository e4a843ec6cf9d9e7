import { builder } from '../../graphql/builder.ts';
import { connectionOf } from '../../graphql/connection.ts';
import { assertSignedIn } from '../../graphql/context.ts';
import { rowId, uuidOrNone } from '../../graphql/ids.ts';
import { objectIn, outputOf } from '../../graphql/json-shapes.ts';
import { valueOrUnknown } from '../../graphql/stored-enum.ts';
import { tenants } from '../accounts/table.ts';
import { retryPolicy } from '../executions/shapes.ts';
import { errorHandler } from './definition/error-handler.ts';
import { WorkflowCategory } from './enums.ts';
import { WorkflowFilter, WorkflowOrder, whereWorkflow } from './filter.ts';
import { flowOf } from './flow/flow.ts';
import { WorkflowGraphRef } from './graph-types.ts';
import { TenantRef } from './refs.ts';
import { stepsIn, WorkflowStepRef } from './step-types.ts';
import { workflows } from './table.ts';
import { WorkflowTriggerRef } from './trigger-types.ts';
import { CATEGORIES } from './vocabulary.ts';

const RAW = 'as it is stored, with whatever other programs have put there.';

export const WorkflowRef = builder.prismaNode('Workflow', {
  nullable: true,
  findUnique: (id) => ({ id: uuidOrNone(id) }),
  id: { field: 'id', description: 'Its global id.', extensions: { globalIdOf: 'id' } },
  description: 'A workflow’s definition. Its tenant’s admins, members and viewers see it.',
  select: { id: true },
  fields: (t) => ({
    databaseId: t.expose('id', {
      type: 'UUID',
      description: 'The row’s id, as SQL knows it; arguments take both.',
    }),
    name: t.exposeString('name', { description: 'Its name, for people.' }),
    description: t.exposeString('description', {
      nullable: true,
      description: 'What it does, for people; null where nobody said so.',
    }),
    version: t.exposeString('version', { description: 'Its semantic version, e.g. 1.4.0.' }),
    category: t.field({
      type: WorkflowCategory,
      description: 'What it is for.',
      select: { category: true },
      resolve: ({ category }) => valueOrUnknown(CATEGORIES, category),
    }),
    categoryText: t.exposeString('category', { description: 'The category as it is stored.' }),
    trigger: t.field({
      type: WorkflowTriggerRef,
      nullable: true,
      description: 'How its executions begin; null where what is stored is no object.',
      select: { trigger: true },
      resolve: ({ trigger }) => objectIn(trigger),
    }),
    triggerJson: t.expose('trigger', { type: 'JSON', nullable: true, description: `The trigger ${RAW}` }),
    steps: t.field({
      type: [WorkflowStepRef],
      nullable: true,
      description: 'Its steps, in the order of the definition; null where what is stored is no list.',
      select: { steps: true },
      resolve: ({ steps }) => stepsIn(steps),
    }),
    stepsJson: t.expose('steps', { type: 'JSON', nullable: true, description: `The steps ${RAW}` }),
    startStepId: t.exposeID('startStepId', {
      description: 'The step that executions begin with, by its `id`.',
    }),
    graph: t.field({
      type: WorkflowGraphRef,
      description: 'Its flow, for drawing.',
      select: { steps: true, startStepId: true },
      resolve: (workflow) => flowOf(workflow),
    }),
    stateSchema: t.expose('stateSchema', {
      type: 'JSON',
      nullable: true,
      description: 'A JSON schema of the state that steps share; null for none.',
    }),
    initialState: t.expose('initialState', {
      type: 'JSON',
      nullable: true,
      description: 'The state that executions begin with; null for an empty one.',
    }),
    globalRetry: t.field({
      type: outputOf(retryPolicy),
      nullable: true,
      description: 'How steps are tried again that do not say it themselves; null for not at all.',
      select: { globalRetry: true },
      resolve: ({ globalRetry }) => objectIn(globalRetry),
    }),
    globalRetryJson: t.expose('globalRetry', {
      type: 'JSON',
      nullable: true,
      description: `The retry policy ${RAW}`,
    }),
    errorHandler: t.field({
      type: outputOf(errorHandler),
      nullable: true,
      description: 'What happens when a step has failed for good; null where executions simply fail.',
      select: { errorHandler: true },
      resolve: (workflow) => objectIn(workflow.errorHandler),
    }),
    errorHandlerJson: t.expose('errorHandler', {
      type: 'JSON',
      nullable: true,
      description: `The error handler ${RAW}`,
    }),
    enabled: t.exposeBoolean('enabled', { description: 'Whether it can be run.' }),
    deprecated: t.exposeBoolean('deprecated', { description: 'Whether it should not be used any more.' }),
    introspectable: t.exposeBoolean('introspectable', {
      description: 'Whether its executions may read its definition.',
    }),
    auditLog: t.exposeBoolean('auditLog', {
      description: 'Whether its executions write a row for each state that they pass through.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was made.' }),
    updatedAt: t.expose('updatedAt', {
      type: 'DateTime',
      description: 'When it last changed; `ifUpdatedAt` of the mutations takes it.',
    }),
    createdBy: t.expose('createdBy', {
      type: 'UUID',
      nullable: true,
      description: 'The account that made it; null where that is not known.',
    }),
    isMine: t.boolean({
      description: 'Whether the caller has made it, and so may delete it as a member.',
      select: { createdBy: true },
      resolve: ({ createdBy }, _args, { identity }) =>
        createdBy !== null && createdBy === identity.claims.sub,
    }),
    tenant: t.field({
      type: TenantRef,
      nullable: true,
      description: 'Whose it is; null for none, which only the service role sees.',
      select: { tenantId: true },
      resolve: ({ tenantId }, _args, context, info) => tenants.one(context, info, tenantId),
    }),
  }),
});

const [page, edge] = connectionOf('Workflow', 'workflows');
export const WorkflowConnection = builder.connectionObject({ type: WorkflowRef, ...page }, edge);

builder.queryFields((t) => ({
  workflow: t.field({
    type: WorkflowRef,
    nullable: true,
    description: 'A workflow by its id; null where there is none that the caller may see.',
    args: { id: t.arg.id({ required: true, description: 'Global id or row id.' }) },
    resolve: (_root, { id }, context, info) => {
      assertSignedIn(context);
      return workflows.one(context, info, rowId('Workflow', id));
    },
  }),
  workflows: t.connection(
    {
      type: WorkflowRef,
      description:
        'The workflows of the caller’s tenants, newest first unless ordered otherwise. Pages of at most 100.',
      args: {
        filter: t.arg({ type: WorkflowFilter, description: 'Which ones; default: all.' }),
        orderBy: t.arg({ type: WorkflowOrder, description: 'In which order; default: newest first.' }),
      },
      resolve: (_root, args, context, info) => {
        assertSignedIn(context);
        const where = whereWorkflow(args.filter, context.identity.claims.sub);
        return workflows.page(context, info, args, where);
      },
    },
    WorkflowConnection,
  ),
}));
