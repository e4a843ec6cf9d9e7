import type { GraphQLResolveInfo } from 'graphql';
import { builder } from '../../graphql/builder.ts';
import { assertSignedIn, type Context, requireUser } from '../../graphql/context.ts';
import {
  ConflictError,
  ForbiddenError,
  NotFoundError,
  UnauthenticatedError,
  ValidationError,
} from '../../graphql/errors.ts';
import { rowId } from '../../graphql/ids.ts';
import { TenantRoleEnum } from './enums.ts';
import { TenantInvitationRef, TenantMemberRef } from './member-types.ts';
import * as accounts from './service.ts';
import { invitations, members, tenants } from './table.ts';
import { TenantRef } from './tenant-types.ts';

const TENANT_ID = 'Global id or row id of a tenant of the caller’s.';
const USER_ID = 'The member’s user id.';
const SUBDOMAIN = 'Unique across all tenants: 1 to 63 lower-case letters, digits and dashes.';

const CreateTenantInput = builder.inputType('CreateTenantInput', {
  description: 'A new tenant.',
  fields: (t) => ({
    name: t.string({ required: true, description: 'Its name, for people.' }),
    subdomain: t.string({ required: true, description: SUBDOMAIN }),
    settings: t.field({
      type: 'JSON',
      description: 'A JSON object that front ends keep with it. Default: empty.',
    }),
  }),
});

const UpdateTenantInput = builder.inputType('UpdateTenantInput', {
  description: 'What changes about a tenant; what is left out or null stays.',
  fields: (t) => ({
    name: t.string({ description: 'Its name, for people.' }),
    subdomain: t.string({ description: SUBDOMAIN }),
    settings: t.field({ type: 'JSON', description: 'A JSON object; replaces the old one as a whole.' }),
  }),
});

const InviteMemberInput = builder.inputType('InviteMemberInput', {
  description: 'Whom to invite: by user id or by address.',
  fields: (t) => ({
    tenantId: t.id({ required: true, description: TENANT_ID }),
    role: t.field({ type: TenantRoleEnum, required: true, description: 'What they become.' }),
    userId: t.id({ description: 'Their user id, where it is known; instead of `email`.' }),
    email: t.string({ description: 'Their address, with an account or without one; instead of `userId`.' }),
  }),
});

const MemberInvited = builder.objectRef<accounts.Invited>('MemberInvited').implement({
  description: 'Who was invited. Nothing in it tells whether an address has an account.',
  fields: (t) => ({
    member: t.field({
      type: TenantMemberRef,
      nullable: true,
      description: 'The member to be, of status PENDING; null where they were invited by address.',
      resolve: ({ tenantId, userId }, _args, context, info) =>
        userId === undefined ? null : memberOf(context, info, { tenantId, userId }),
    }),
    invitation: t.field({
      type: TenantInvitationRef,
      nullable: true,
      description: 'The invitation by address; null where they were invited by user id.',
      resolve: async ({ tenantId, email }, _args, context, info) => {
        if (email === undefined) return null;
        const where = [
          { field: 'tenantId', is: tenantId },
          { field: 'email', is: email },
        ];
        return (await invitations.page(context, info, { first: 1 }, where)).edges[0]?.node ?? null;
      },
    }),
    tenant: t.field({
      type: TenantRef,
      nullable: true,
      description: 'The tenant they are invited to; null where the caller has lost it meanwhile.',
      resolve: ({ tenantId }, _args, context, info) => tenants.one(context, info, tenantId),
    }),
  }),
});

const MemberRemoved = builder.objectRef<accounts.MemberId>('MemberRemoved').implement({
  description: 'Who was removed, or has left.',
  fields: (t) => ({
    tenantId: t.expose('tenantId', { type: 'UUID', description: 'The tenant’s row id.' }),
    userId: t.expose('userId', { type: 'UUID', description: 'Whose membership it was.' }),
    tenant: t.field({
      type: TenantRef,
      nullable: true,
      description: 'The tenant; null where the caller has left it.',
      resolve: ({ tenantId }, _args, context, info) => tenants.one(context, info, tenantId),
    }),
  }),
});

const InvitationDeclined = builder.objectRef<{ tenantId: string }>('InvitationDeclined').implement({
  description: 'An invitation that is gone.',
  fields: (t) => ({
    tenantId: t.expose('tenantId', { type: 'UUID', description: 'The tenant’s row id.' }),
  }),
});

async function memberOf(context: Context, info: GraphQLResolveInfo, { tenantId, userId }: accounts.MemberId) {
  const where = [
    { field: 'tenantId', is: tenantId },
    { field: 'userId', is: userId },
  ];
  const [found] = (await members.page(context, info, { first: 1 }, where)).edges;
  // Removed, by somebody else, since the mutation's transaction.
  if (!found) throw new NotFoundError('member', userId);
  return found.node;
}

/** @throws {NotFoundError} where the caller has lost the tenant since the mutation's transaction */
async function tenantOf(context: Context, info: GraphQLResolveInfo, id: string) {
  const tenant = await tenants.one(context, info, id);
  if (!tenant) throw new NotFoundError('tenant', id);
  return tenant;
}

const managing = [UnauthenticatedError, NotFoundError, ForbiddenError, ValidationError, ConflictError];
const answering = [UnauthenticatedError, NotFoundError, ValidationError];

builder.mutationFields((t) => ({
  createTenant: t.field({
    type: TenantRef,
    description: 'Makes a tenant with the caller as its first admin.',
    args: { input: t.arg({ type: CreateTenantInput, required: true, description: 'The tenant.' }) },
    errors: { types: [UnauthenticatedError, NotFoundError, ValidationError, ConflictError] },
    resolve: async (_root, { input }, context, info) => {
      requireUser(context);
      return tenantOf(context, info, await accounts.createTenant(context.db, input));
    },
  }),
  updateTenant: t.field({
    type: TenantRef,
    description: 'Changes a tenant. For its admins; its status and limits are for operators.',
    args: {
      id: t.arg.id({ required: true, description: TENANT_ID }),
      input: t.arg({ type: UpdateTenantInput, required: true, description: 'What changes.' }),
      ifUpdatedAt: t.arg({
        type: 'DateTime',
        description: 'Its `updatedAt` as it was read: a ConflictError where it has changed since.',
      }),
    },
    errors: { types: managing },
    resolve: async (_root, args, context, info) => {
      assertSignedIn(context);
      const id = rowId('Tenant', args.id);
      await accounts.updateTenant(context.db, { ...args, id });
      return tenantOf(context, info, id);
    },
  }),
  inviteMember: t.field({
    type: MemberInvited,
    description:
      'Invites somebody to a tenant, or again with another role. For its admins. The invited decide: they belong ' +
      'to it once they accept.',
    args: { input: t.arg({ type: InviteMemberInput, required: true, description: 'Whom, and as what.' }) },
    errors: { types: managing },
    resolve: (_root, { input }, context) => {
      assertSignedIn(context);
      return accounts.inviteMember(context.db, input);
    },
  }),
  revokeInvitation: t.field({
    type: TenantRef,
    description: 'Takes back an invitation by address; one by user id is taken back by `removeMember`.',
    args: {
      tenantId: t.arg.id({ required: true, description: TENANT_ID }),
      email: t.arg.string({ required: true, description: 'The address that was invited.' }),
    },
    errors: { types: [UnauthenticatedError, NotFoundError, ForbiddenError, ValidationError] },
    resolve: async (_root, args, context, info) => {
      assertSignedIn(context);
      return tenantOf(context, info, await accounts.revokeInvitation(context.db, args));
    },
  }),
  acceptInvitation: t.field({
    type: TenantRef,
    description: 'Makes the caller an active member of a tenant they were invited to.',
    args: { tenantId: t.arg.id({ required: true, description: 'As `viewer.invitations` lists it.' }) },
    errors: { types: answering },
    resolve: async (_root, args, context, info) => {
      requireUser(context);
      return tenantOf(context, info, await accounts.acceptInvitation(context.db, args));
    },
  }),
  declineInvitation: t.field({
    type: InvitationDeclined,
    description: 'Turns down what a tenant asked of the caller, by user id and by address.',
    args: { tenantId: t.arg.id({ required: true, description: 'As `viewer.invitations` lists it.' }) },
    errors: { types: answering },
    resolve: async (_root, args, context) => {
      requireUser(context);
      return { tenantId: await accounts.declineInvitation(context.db, args) };
    },
  }),
  changeMemberRole: t.field({
    type: TenantMemberRef,
    description: 'Gives a member, or somebody invited by user id, another role. For admins.',
    args: {
      tenantId: t.arg.id({ required: true, description: TENANT_ID }),
      userId: t.arg.id({ required: true, description: USER_ID }),
      role: t.arg({ type: TenantRoleEnum, required: true, description: 'The new role.' }),
      ifRole: t.arg({
        type: TenantRoleEnum,
        description: 'Their role as it was read: a ConflictError where it has changed since.',
      }),
    },
    errors: { types: managing },
    resolve: async (_root, args, context, info) => {
      assertSignedIn(context);
      return memberOf(context, info, await accounts.changeMemberRole(context.db, args));
    },
  }),
  removeMember: t.field({
    type: MemberRemoved,
    description:
      'Removes a member, or takes back an invitation by user id. For admins; everybody may remove themselves, ' +
      'which is leaving. The last admin can do neither to themselves.',
    args: {
      tenantId: t.arg.id({ required: true, description: TENANT_ID }),
      userId: t.arg.id({ required: true, description: USER_ID }),
    },
    errors: { types: managing },
    resolve: (_root, args, context) => {
      assertSignedIn(context);
      return accounts.removeMember(context.db, args);
    },
  }),
}));
