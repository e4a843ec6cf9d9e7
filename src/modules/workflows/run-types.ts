import { builder } from '../../graphql/builder.ts';
import { connectionOf } from '../../graphql/connection.ts';
import { assertSignedIn } from '../../graphql/context.ts';
import { rowId, uuidOrNone } from '../../graphql/ids.ts';
import { objectIn, outputOf } from '../../graphql/json-shapes.ts';
import { orderInput } from '../../graphql/order.ts';
import { stored, storedEnum, valueOrUnknown } from '../../graphql/stored-enum.ts';
import type { Condition } from '../../graphql/table.ts';
import { executionError } from '../executions/shapes.ts';
import { STEP_TYPES } from '../steps/vocabulary.ts';
import { WorkflowStepType } from './enums.ts';
import { WorkflowExecutionRef } from './execution-types.ts';
import { approvals, workflowExecutions, workflowStepRuns } from './table.ts';
import { APPROVAL_DECISIONS, STEP_PLACES, STEP_RUN_STATES } from './vocabulary.ts';

const StepRunState = storedEnum('WorkflowStepRunState', 'How far a run of a step has come.', STEP_RUN_STATES);
const StepPlace = storedEnum('WorkflowStepPlace', 'Where a run of a step stands.', STEP_PLACES);
const ApprovalDecision = storedEnum('ApprovalDecision', 'What became of a question.', APPROVAL_DECISIONS);

export const WorkflowStepRunRef = builder.prismaNode('WorkflowStepRun', {
  nullable: true,
  findUnique: (id) => ({ id: uuidOrNone(id) }),
  id: { field: 'id', description: 'Its global id.', extensions: { globalIdOf: 'id' } },
  description: 'One run of a step: a step within a loop has one for each iteration.',
  select: { id: true },
  fields: (t) => ({
    databaseId: t.expose('id', {
      type: 'UUID',
      description: 'The row’s id. Receivers of requests know it as the idempotency key.',
    }),
    stepId: t.expose('stepId', { type: 'UUID', description: 'The step, by its id in the definition.' }),
    name: t.exposeString('name', { description: 'Its name, for people.' }),
    type: t.field({
      type: WorkflowStepType,
      description: 'What it does.',
      select: { type: true },
      resolve: ({ type }) => valueOrUnknown(STEP_TYPES, type),
    }),
    state: t.field({
      type: StepRunState,
      description: 'How far it has come.',
      select: { state: true },
      resolve: ({ state }) => valueOrUnknown(STEP_RUN_STATES, state),
    }),
    place: t.field({
      type: StepPlace,
      description: 'Where it stands.',
      select: { place: true },
      resolve: ({ place }) => valueOrUnknown(STEP_PLACES, place),
    }),
    parentId: t.expose('parentId', {
      type: 'UUID',
      description: 'The run of the step that holds it, by its row’s id; the execution’s on the main line.',
    }),
    iteration: t.exposeInt('iteration', { description: 'The iteration of the loop around it, from 0.' }),
    attempt: t.exposeInt('attempt', { description: 'How often a worker has taken it; 0 before the first.' }),
    tries: t.exposeInt('tries', { description: 'How often it has failed so far.' }),
    input: t.expose('input', {
      type: 'JSON',
      nullable: true,
      description:
        'What its config became once the `{{ … }}` in it were filled in; secrets stay references. Null where there were none.',
    }),
    output: t.expose('output', {
      type: 'JSON',
      nullable: true,
      description: 'What came out; null before it has completed.',
    }),
    error: t.field({
      type: outputOf(executionError),
      nullable: true,
      description: 'Why its last try failed, also where a later one went well; null where none has failed.',
      select: { error: true },
      resolve: ({ error }) => objectIn(error),
    }),
    runAt: t.expose('runAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it is due, where it was delayed; null before it was queued.',
    }),
    createdAt: t.expose('createdAt', {
      type: 'DateTime',
      description: 'When the place it stands in was reached.',
    }),
    queuedAt: t.expose('queuedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it was ready to run; null before.',
    }),
    startedAt: t.expose('startedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When a worker first took it; null before.',
    }),
    completedAt: t.expose('completedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it had ended, however it did; null before.',
    }),
  }),
});

const StepRunFilter = builder.inputType('WorkflowStepRunFilter', {
  description: 'Which runs of steps to list; conditions add up.',
  fields: (t) => ({
    state: t.field({ type: [StepRunState], description: 'In one of these states.' }),
    stepId: t.id({ description: 'Of this step, by its id in the definition.' }),
  }),
});
const StepRunOrder = orderInput('WorkflowStepRun', { createdAt: 'When its place was reached.' });
const OLDEST_FIRST = { field: 'createdAt', direction: 'asc' } as const;

function whereStepRun({ state, stepId }: typeof StepRunFilter.$inferInput): Condition[] {
  return [
    ...(state == null ? [] : [stored('state', STEP_RUN_STATES, state)]),
    ...(stepId == null ? [] : [{ field: 'stepId', is: uuidOrNone(stepId) }]),
  ];
}

const [stepPage, stepEdge] = connectionOf('WorkflowStepRun', 'runs of steps');
const StepRunConnection = builder.connectionObject({ type: WorkflowStepRunRef, ...stepPage }, stepEdge);

builder.prismaObjectField(WorkflowExecutionRef, 'steps', (t) =>
  t.connection(
    {
      type: WorkflowStepRunRef,
      description:
        'The runs of its steps, those that wait included, in the order in which they were reached. Pages of at most 100. ' +
        'Empty where whoever inserted the execution runs it.',
      args: {
        filter: t.arg({ type: StepRunFilter, description: 'Which ones; default: all.' }),
        orderBy: t.arg({ type: StepRunOrder, description: 'In which order; default: oldest first.' }),
      },
      resolve: ({ id }, args, context, info) => {
        const orderBy = args.orderBy ?? OLDEST_FIRST;
        const where = whereStepRun(args.filter ?? {});
        return workflowStepRuns.pageOf({ executionId: id }, context, info, { ...args, orderBy }, where);
      },
    },
    StepRunConnection,
  ),
);

export const ApprovalRef = builder.prismaNode('Approval', {
  nullable: true,
  findUnique: (id) => ({ id: uuidOrNone(id) }),
  id: { field: 'id', description: 'Its global id.', extensions: { globalIdOf: 'id' } },
  description:
    'A question that a step asks. The owner of the execution sees it, and whoever it is assigned to.',
  select: { id: true },
  fields: (t) => ({
    databaseId: t.expose('id', { type: 'UUID', description: 'The row’s id.' }),
    executionId: t.expose('executionId', { type: 'UUID', description: 'The execution, by its row’s id.' }),
    execution: t.field({
      type: WorkflowExecutionRef,
      nullable: true,
      description: 'The execution; null for whom it is assigned to, unless it is theirs.',
      select: { executionId: true },
      resolve: ({ executionId }, _args, context, info) => workflowExecutions.one(context, info, executionId),
    }),
    stepId: t.expose('stepId', { type: 'UUID', description: 'The step that asks.' }),
    prompt: t.exposeString('prompt', { description: 'What is asked.' }),
    isRequired: t.exposeBoolean('isRequired', { description: 'Whether a refusal fails the step.' }),
    assignedTo: t.expose('assignedTo', {
      type: 'UUID',
      nullable: true,
      description: 'The account that decides; null for the owner of the execution.',
    }),
    decision: t.field({
      type: ApprovalDecision,
      nullable: true,
      description: 'What became of it; null while it is open.',
      select: { decision: true },
      resolve: ({ decision }) => (decision === null ? null : valueOrUnknown(APPROVAL_DECISIONS, decision)),
    }),
    comment: t.exposeString('comment', {
      nullable: true,
      description: 'What was said with the decision; null for nothing.',
    }),
    decidedBy: t.expose('decidedBy', {
      type: 'UUID',
      nullable: true,
      description:
        'Who decided; null while nobody has, or where it was by a link to a question that is assigned to nobody.',
    }),
    decidedAt: t.expose('decidedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When that was; null while it is open.',
    }),
    expiresAt: t.expose('expiresAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When the step fails without a decision; null for never.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was asked.' }),
  }),
});

const ApprovalFilter = builder.inputType('ApprovalFilter', {
  description: 'Which questions to list; conditions add up.',
  fields: (t) => ({
    isOpen: t.boolean({ description: 'Only those that wait for a decision, or only the others.' }),
    executionId: t.id({ description: 'Of this execution: global id or row id.' }),
    assignedTo: t.id({ description: 'Assigned to this account, by the row’s id.' }),
  }),
});
const ApprovalOrder = orderInput('Approval', { createdAt: 'When it was asked.' });

function whereApproval({ isOpen, executionId, assignedTo }: typeof ApprovalFilter.$inferInput): Condition[] {
  const where: Condition[] = [];
  if (isOpen != null) where.push({ sql: () => `"row"."decision" is ${isOpen ? '' : 'not '}null` });
  if (executionId != null) {
    where.push({ field: 'executionId', is: uuidOrNone(rowId('WorkflowExecution', executionId)) });
  }
  if (assignedTo != null) where.push({ field: 'assignedTo', is: uuidOrNone(assignedTo) });
  return where;
}

const [approvalPage, approvalEdge] = connectionOf('Approval', 'questions');
const ApprovalConnection = builder.connectionObject({ type: ApprovalRef, ...approvalPage }, approvalEdge);

builder.queryFields((t) => ({
  approval: t.field({
    type: ApprovalRef,
    nullable: true,
    description: 'A question by its id; null where there is none that the caller may see.',
    args: { id: t.arg.id({ required: true, description: 'Global id or row id.' }) },
    resolve: (_root, { id }, context, info) => {
      assertSignedIn(context);
      return approvals.one(context, info, rowId('Approval', id));
    },
  }),
  approvals: t.connection(
    {
      type: ApprovalRef,
      description:
        'The questions of the caller’s executions, and those that are assigned to the caller, newest first unless ordered ' +
        'otherwise. Pages of at most 100.',
      args: {
        filter: t.arg({ type: ApprovalFilter, description: 'Which ones; default: all.' }),
        orderBy: t.arg({ type: ApprovalOrder, description: 'In which order; default: newest first.' }),
      },
      resolve: (_root, args, context, info) => {
        assertSignedIn(context);
        return approvals.page(context, info, args, whereApproval(args.filter ?? {}));
      },
    },
    ApprovalConnection,
  ),
}));
