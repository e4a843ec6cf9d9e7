import type { GraphQLResolveInfo } from 'graphql';
import { builder } from '../../graphql/builder.ts';
import { assertSignedIn, type Context } from '../../graphql/context.ts';
import { DeletedRef } from '../../graphql/deleted.ts';
import {
  ConflictError,
  ForbiddenError,
  NotFoundError,
  UnauthenticatedError,
  ValidationError,
} from '../../graphql/errors.ts';
import { rowId } from '../../graphql/ids.ts';
import { fromInput, inputOf } from '../../graphql/json-shapes.ts';
import { cloneWorkflow, createInput, updateInput } from './inputs.ts';
import { WorkflowRef } from './schema.ts';
import * as service from './service.ts';
import { workflows } from './table.ts';

const ID = 'Global id or row id of a workflow.';
const IF_UPDATED_AT =
  'The workflow’s `updatedAt` as the caller knows it: with a later change the answer is a ConflictError, and nothing is done.';

/** The workflow after the change; where somebody has deleted it since, there is none. */
async function written(context: Context, info: GraphQLResolveInfo, id: string) {
  const workflow = await workflows.one(context, info, id);
  if (workflow === null) throw new NotFoundError('workflow', id);
  return workflow;
}

const refusals = [UnauthenticatedError, ForbiddenError, NotFoundError];

builder.mutationFields((t) => ({
  createWorkflow: t.field({
    type: WorkflowRef,
    description:
      'Makes a workflow in a tenant that the caller is an admin or a member of. All faults of its definition are reported ' +
      'at once; `validateWorkflow` reports the same without writing.',
    args: { input: t.arg({ type: inputOf(createInput), required: true, description: 'The workflow.' }) },
    errors: { types: [...refusals, ValidationError, ConflictError] },
    resolve: async (_root, { input }, context, info) => {
      assertSignedIn(context);
      const id = await service.create(context.db, context.identity.claims, input);
      return await written(context, info, id);
    },
  }),
  updateWorkflow: t.field({
    type: WorkflowRef,
    description:
      'Changes a workflow; runs that have begun are not affected. Where its trigger, steps, start, retry policy or error ' +
      'handler change, the whole definition is validated. Its version never falls.',
    args: {
      id: t.arg.id({ required: true, description: ID }),
      input: t.arg({ type: inputOf(updateInput), required: true, description: 'What changes.' }),
      ifUpdatedAt: t.arg({ type: 'DateTime', description: IF_UPDATED_AT }),
    },
    errors: { types: [...refusals, ValidationError, ConflictError] },
    resolve: async (_root, args, context, info) => {
      assertSignedIn(context);
      const id = rowId('Workflow', args.id);
      await service.update(context.db, id, args.input, args.ifUpdatedAt ?? undefined);
      return await written(context, info, id);
    },
  }),
  enableWorkflow: t.field({
    type: WorkflowRef,
    description: 'Lets a workflow be run, or no longer.',
    args: {
      id: t.arg.id({ required: true, description: ID }),
      enabled: t.arg.boolean({ required: true, defaultValue: true, description: 'false takes it back.' }),
      ifUpdatedAt: t.arg({ type: 'DateTime', description: IF_UPDATED_AT }),
    },
    errors: { types: [...refusals, ConflictError] },
    resolve: async (_root, { enabled, ifUpdatedAt, ...args }, context, info) => {
      assertSignedIn(context);
      const id = rowId('Workflow', args.id);
      await service.setFlag(context.db, id, { enabled }, ifUpdatedAt ?? undefined);
      return await written(context, info, id);
    },
  }),
  deprecateWorkflow: t.field({
    type: WorkflowRef,
    description: 'Marks a workflow as one that should not be used any more. It can still be run.',
    args: {
      id: t.arg.id({ required: true, description: ID }),
      deprecated: t.arg.boolean({ required: true, defaultValue: true, description: 'false takes it back.' }),
      ifUpdatedAt: t.arg({ type: 'DateTime', description: IF_UPDATED_AT }),
    },
    errors: { types: [...refusals, ConflictError] },
    resolve: async (_root, { deprecated, ifUpdatedAt, ...args }, context, info) => {
      assertSignedIn(context);
      const id = rowId('Workflow', args.id);
      await service.setFlag(context.db, id, { deprecated }, ifUpdatedAt ?? undefined);
      return await written(context, info, id);
    },
  }),
  cloneWorkflow: t.field({
    type: WorkflowRef,
    description:
      'Copies a workflow, within its tenant or into another one of the caller’s. The copy’s steps have ids of their own, ' +
      'with everything that names them rewritten. It is the caller’s, not deprecated, and disabled until `enableWorkflow`, ' +
      'so that no schedule or webhook starts both.',
    args: {
      id: t.arg.id({ required: true, description: ID }),
      input: t.arg({ type: inputOf(cloneWorkflow), required: true, description: 'How the copy differs.' }),
    },
    errors: { types: [...refusals, ValidationError, ConflictError] },
    resolve: async (_root, args, context, info) => {
      assertSignedIn(context);
      const original = rowId('Workflow', args.id);
      const wanted = fromInput(cloneWorkflow, args.input);
      const id = await service.clone(context.db, context.identity.claims, original, wanted);
      return await written(context, info, id);
    },
  }),
  deleteWorkflow: t.field({
    type: DeletedRef,
    description:
      'Deletes a workflow with all its executions, whosever they are. Members delete what they have made, admins any.',
    args: { id: t.arg.id({ required: true, description: ID }) },
    errors: { types: refusals },
    resolve: async (_root, args, context) => {
      assertSignedIn(context);
      const id = rowId('Workflow', args.id);
      await service.remove(context.db, id);
      return { typename: 'Workflow', id };
    },
  }),
}));
