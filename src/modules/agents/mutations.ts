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
import { inputOf } from '../../graphql/json-shapes.ts';
import { cloneAgent, createAgent, updateAgent } from './inputs.ts';
import { AgentRef } from './schema.ts';
import * as service from './service.ts';
import { agents } from './table.ts';

const ID = 'Global id or row id of an agent.';
const IF_UPDATED_AT =
  'The agent’s `updatedAt` as the caller knows it: with a later change the answer is a ConflictError, and nothing is done.';

/** The agent after the change; where somebody has deleted it since, there is none. */
async function written(context: Context, info: GraphQLResolveInfo, id: string) {
  const agent = await agents.one(context, info, id);
  if (agent === null) throw new NotFoundError('agent', id);
  return agent;
}

const refusals = [UnauthenticatedError, ForbiddenError, NotFoundError];

builder.mutationFields((t) => ({
  createAgent: t.field({
    type: AgentRef,
    description: 'Makes an agent in a tenant that the caller is an admin or a member of.',
    args: { input: t.arg({ type: inputOf(createAgent), required: true, description: 'The agent.' }) },
    errors: { types: [...refusals, ValidationError, ConflictError] },
    resolve: async (_root, { input }, context, info) => {
      assertSignedIn(context);
      const id = await service.create(context.db, context.identity.claims, input);
      return await written(context, info, id);
    },
  }),
  updateAgent: t.field({
    type: AgentRef,
    description: 'Changes an agent; runs that have begun are not affected. Its version never falls.',
    args: {
      id: t.arg.id({ required: true, description: ID }),
      input: t.arg({ type: inputOf(updateAgent), required: true, description: 'What changes.' }),
      ifUpdatedAt: t.arg({ type: 'DateTime', description: IF_UPDATED_AT }),
    },
    errors: { types: [...refusals, ValidationError, ConflictError] },
    resolve: async (_root, args, context, info) => {
      assertSignedIn(context);
      const id = rowId('Agent', args.id);
      await service.update(context.db, id, args.input, args.ifUpdatedAt ?? undefined);
      return await written(context, info, id);
    },
  }),
  enableAgent: t.field({
    type: AgentRef,
    description: 'Lets an agent be run, or no longer.',
    args: {
      id: t.arg.id({ required: true, description: ID }),
      enabled: t.arg.boolean({ required: true, defaultValue: true, description: 'false takes it back.' }),
      ifUpdatedAt: t.arg({ type: 'DateTime', description: IF_UPDATED_AT }),
    },
    errors: { types: [...refusals, ConflictError] },
    resolve: async (_root, args, context, info) => {
      assertSignedIn(context);
      const id = rowId('Agent', args.id);
      const { enabled } = args;
      await service.setFlag(context.db, id, { enabled }, args.ifUpdatedAt ?? undefined);
      return await written(context, info, id);
    },
  }),
  deprecateAgent: t.field({
    type: AgentRef,
    description: 'Marks an agent as one that should not be used any more. It can still be run.',
    args: {
      id: t.arg.id({ required: true, description: ID }),
      deprecated: t.arg.boolean({ required: true, defaultValue: true, description: 'false takes it back.' }),
      ifUpdatedAt: t.arg({ type: 'DateTime', description: IF_UPDATED_AT }),
    },
    errors: { types: [...refusals, ConflictError] },
    resolve: async (_root, args, context, info) => {
      assertSignedIn(context);
      const id = rowId('Agent', args.id);
      const { deprecated } = args;
      await service.setFlag(context.db, id, { deprecated }, args.ifUpdatedAt ?? undefined);
      return await written(context, info, id);
    },
  }),
  cloneAgent: t.field({
    type: AgentRef,
    description:
      'Copies an agent, within its tenant or into another one of the caller’s. The copy is the caller’s, enabled and ' +
      'not deprecated; where its tenant has agents of its name, its version is above all theirs.',
    args: {
      id: t.arg.id({ required: true, description: ID }),
      input: t.arg({ type: inputOf(cloneAgent), required: true, description: 'How the copy differs.' }),
    },
    errors: { types: [...refusals, ValidationError, ConflictError] },
    resolve: async (_root, args, context, info) => {
      assertSignedIn(context);
      const original = rowId('Agent', args.id);
      const id = await service.clone(context.db, context.identity.claims, original, args.input);
      return await written(context, info, id);
    },
  }),
  deleteAgent: t.field({
    type: DeletedRef,
    description:
      'Deletes an agent with all its executions, whosever they are. Members delete what they have made, admins any.',
    args: { id: t.arg.id({ required: true, description: ID }) },
    errors: { types: refusals },
    resolve: async (_root, args, context) => {
      assertSignedIn(context);
      const id = rowId('Agent', args.id);
      await service.remove(context.db, id);
      return { typename: 'Agent', id };
    },
  }),
}));
