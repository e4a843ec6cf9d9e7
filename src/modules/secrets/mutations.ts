import { builder } from '../../graphql/builder.ts';
import { assertSignedIn } from '../../graphql/context.ts';
import { DeletedRef } from '../../graphql/deleted.ts';
import {
  ForbiddenError,
  NotConfiguredError,
  NotFoundError,
  UnauthenticatedError,
  ValidationError,
} from '../../graphql/errors.ts';
import { rowId } from '../../graphql/ids.ts';
import { SecretRef } from './schema.ts';
import type { SecretsService } from './service.ts';
import { secrets } from './table.ts';

declare module '../../graphql/context.ts' {
  interface Services {
    secrets: SecretsService;
  }
}

const SetSecretInput = builder.inputType('SetSecretInput', {
  description: 'A secret. Pass it as a variable: documents may be logged on the way.',
  fields: (t) => ({
    tenantId: t.id({
      description:
        'Whose it is, in which the caller must be a member or an admin: runs for the tenant may name it. ' +
        'Default: the caller’s own, for runs that are for no tenant.',
    }),
    name: t.string({
      required: true,
      description: '1 to 100 letters, digits and underscores, no digit first; upper and lower case differ.',
    }),
    value: t.string({
      required: true,
      description: '8 to 16,384 characters, kept as they are, line breaks and blanks included.',
    }),
  }),
});

builder.mutationFields((t) => ({
  setSecret: t.field({
    type: SecretRef,
    description:
      'Keeps a secret, encrypted, in place of the one that has this name. Runs that begin a step from now on get the new one.',
    args: { input: t.arg({ type: SetSecretInput, required: true, description: 'The secret.' }) },
    errors: {
      types: [UnauthenticatedError, ForbiddenError, NotFoundError, ValidationError, NotConfiguredError],
    },
    resolve: async (_root, { input }, context, info) => {
      assertSignedIn(context);
      const id = await context.services.secrets.set(context.db, context.identity.claims.sub, input);
      const secret = await secrets.one(context, info, id);
      if (secret === null) throw new NotFoundError('secret', input.name);
      return secret;
    },
  }),
  deleteSecret: t.field({
    type: DeletedRef,
    description:
      'Deletes a secret: steps that name it fail from now on. Members delete what they have first set, admins any.',
    args: { id: t.arg.id({ required: true, description: 'Global id or row id of a secret.' }) },
    errors: { types: [UnauthenticatedError, ForbiddenError, NotFoundError] },
    resolve: async (_root, args, context) => {
      assertSignedIn(context);
      const id = rowId('Secret', args.id);
      await context.services.secrets.remove(context.db, id);
      return { typename: 'Secret', id };
    },
  }),
}));
