import type { GraphQLResolveInfo } from 'graphql';
import { builder } from '../../graphql/builder.ts';
import { assertSignedIn, type Context, requireUser } from '../../graphql/context.ts';
import { ConflictError } from '../../graphql/errors.ts';
import { encodeGlobalId, isUuid, rowId } from '../../graphql/ids.ts';
import type { ExecutionKind, ExecutionRef } from '../../platform/feed/events.ts';
import { ExecutionKindEnum } from '../executions/kinds.ts';
import {
  CANCEL_REASON,
  ENDING,
  IDEMPOTENCY_KEY,
  RETRYING,
  RUN_ID,
  STARTING,
} from '../executions/mutation-parts.ts';
import { ExecutionPriorityEnum } from '../executions/priority.ts';
import { WorkflowExecutionRef } from './execution-types.ts';
import type { WorkflowRunService } from './run-service.ts';
import { ApprovalRef } from './run-types.ts';
import { approvals, workflowExecutions } from './table.ts';

declare module '../../graphql/context.ts' {
  interface Services {
    workflowRuns: WorkflowRunService;
  }
}

const Decision = builder.enumType('Decision', {
  description: 'An answer to a question.',
  values: {
    APPROVED: { value: 'approved', description: 'Yes: the flow goes on.' },
    REJECTED: {
      value: 'rejected',
      description: 'No: the step fails, unless a refusal does not matter to it.',
    },
  } as const,
});

const TYPENAMES: Record<ExecutionKind, string> = {
  training: 'TrainingExecution',
  agent: 'AgentExecution',
  workflow: 'WorkflowExecution',
};

const CancelledExecutionRef = builder.objectRef<ExecutionRef>('CancelledExecution').implement({
  description: 'An execution whose end was asked for.',
  fields: (t) => ({
    id: t.id({
      description: 'Its global id, for `node`.',
      resolve: ({ kind, id }) => encodeGlobalId(TYPENAMES[kind], id),
    }),
    databaseId: t.exposeString('id', { description: 'The row’s id.' }),
    kind: t.expose('kind', { type: ExecutionKindEnum, description: 'What was executed.' }),
  }),
});

/** As rows have it: the feed knows executions by text, in which capitals are others. */
function runNamed(id: string): string {
  return rowId('WorkflowExecution', id).toLowerCase();
}

/** A global id says of what kind it is; of rows' ids only those of training runs are no uuids. */
async function executionNamed(context: Context, id: string): Promise<ExecutionRef> {
  const kinds = Object.entries(TYPENAMES) as [ExecutionKind, string][];
  for (const [kind, typename] of kinds) {
    const row = rowId(typename, id);
    if (row !== id) return { kind, id: kind === 'training' ? row : row.toLowerCase() };
  }
  if (!isUuid(id)) return { kind: 'training', id };
  const [found] = await context.db.sql.query<{ kind: ExecutionKind }>(
    'select kind from runcast.execution_streams where execution_id = $1 limit 1',
    [id.toLowerCase()],
  );
  return { kind: found?.kind ?? 'workflow', id: id.toLowerCase() };
}

function execution(context: Context, info: GraphQLResolveInfo, id: string) {
  return workflowExecutions.oneOrThrow(context, info, id);
}

const steering = [...ENDING, ConflictError];

builder.mutationFields((t) => ({
  runWorkflow: t.field({
    type: WorkflowExecutionRef,
    description:
      'Starts a run of a workflow for its tenant. Its row, its plan and its first jobs are one transaction: there are all of ' +
      'them, or none. Where the tenant has as many runs as it may, it waits as PENDING.',
    args: {
      workflowId: t.arg.id({ required: true, description: 'Global id or row id of a workflow.' }),
      input: t.arg({ type: 'JSON', description: 'A JSON object: the `input` of expressions. Default: {}.' }),
      priority: t.arg({
        type: ExecutionPriorityEnum,
        required: true,
        defaultValue: 'normal',
        description: 'Who is next among the tenant’s runs that wait.',
      }),
      idempotencyKey: t.arg.string({ description: IDEMPOTENCY_KEY }),
    },
    errors: { types: STARTING },
    resolve: async (_root, args, context, info) => {
      const id = await context.services.workflowRuns.run(context.db, requireUser(context), args);
      return await execution(context, info, id);
    },
  }),
  rerun: t.field({
    type: WorkflowExecutionRef,
    description:
      'Runs the workflow of an ended run again, as it is defined now, with the same input, as a new run that names the old ' +
      'one in `retryOf`.',
    args: {
      executionId: t.arg.id({ required: true, description: RUN_ID }),
      idempotencyKey: t.arg.string({ description: IDEMPOTENCY_KEY }),
    },
    errors: { types: RETRYING },
    resolve: async (_root, args, context, info) => {
      const of = runNamed(args.executionId);
      const id = await context.services.workflowRuns.rerun(context.db, requireUser(context), of, args);
      return await execution(context, info, id);
    },
  }),
  retryFromStep: t.field({
    type: WorkflowExecutionRef,
    description:
      'Runs an ended run again from one of its steps on, as it was defined then, as a new run that names the old one in ' +
      '`retryOf`: steps of the main line that do not follow that step are taken over with their outputs, and the state.',
    args: {
      executionId: t.arg.id({ required: true, description: RUN_ID }),
      stepId: t.arg.id({
        required: true,
        description: 'The step, by its id in the definition. One within another step stands for that one.',
      }),
      idempotencyKey: t.arg.string({ description: IDEMPOTENCY_KEY }),
    },
    errors: { types: RETRYING },
    resolve: async (_root, args, context, info) => {
      const of = runNamed(args.executionId);
      const { workflowRuns } = context.services;
      const id = await workflowRuns.retryFromStep(context.db, requireUser(context), of, args);
      return await execution(context, info, id);
    },
  }),
  cancelExecution: t.field({
    type: CancelledExecutionRef,
    description:
      'Ends an execution of any kind, and with it those that it has started as a part of itself. What a worker is at, it stops ' +
      'within seconds: follow it.',
    args: {
      id: t.arg.id({
        required: true,
        description:
          'Global id or row id of a training run, a run of an agent or of a workflow of the caller’s.',
      }),
      reason: t.arg.string({ description: CANCEL_REASON }),
    },
    errors: { types: steering },
    resolve: async (_root, args, context) => {
      assertSignedIn(context);
      const ref = await executionNamed(context, args.id);
      await context.services.workflowRuns.cancel(context.db, ref, args);
      return ref;
    },
  }),
  pauseExecution: t.field({
    type: WorkflowExecutionRef,
    description:
      'Lets a run of a workflow begin no further step until it is resumed. Steps that run may end.',
    args: {
      executionId: t.arg.id({ required: true, description: RUN_ID }),
      reason: t.arg.string({ description: 'Shown with the status. Default: paused.' }),
    },
    errors: { types: steering },
    resolve: async (_root, args, context, info) => {
      assertSignedIn(context);
      const id = runNamed(args.executionId);
      await context.services.workflowRuns.pause(context.db, id, args);
      return await execution(context, info, id);
    },
  }),
  resumeExecution: t.field({
    type: WorkflowExecutionRef,
    description: 'Goes on with a run of a workflow that was paused, from where it was.',
    args: { executionId: t.arg.id({ required: true, description: RUN_ID }) },
    errors: { types: steering },
    resolve: async (_root, { executionId }, context, info) => {
      assertSignedIn(context);
      const id = runNamed(executionId);
      await context.services.workflowRuns.resume(context.db, id);
      return await execution(context, info, id);
    },
  }),
  decideApproval: t.field({
    type: ApprovalRef,
    description:
      'Answers the question of a step, once. Whom it is assigned to answers, or else the owner of the execution.',
    args: {
      executionId: t.arg.id({ required: true, description: 'Global id or row id of the execution.' }),
      stepId: t.arg.id({
        required: true,
        description:
          'The step that asks; where it asks in several iterations of a loop, the oldest open question, or the row’s id of one.',
      }),
      decision: t.arg({ type: Decision, required: true, description: 'The answer.' }),
      comment: t.arg.string({ description: 'What is to be said with it; at most 2,000 characters.' }),
    },
    errors: { types: steering },
    resolve: async (_root, args, context, info) => {
      assertSignedIn(context);
      const of = runNamed(args.executionId);
      const id = await context.services.workflowRuns.decide(context.db, of, args);
      return await approvals.oneOrThrow(context, info, id);
    },
  }),
}));
