import { createBatch } from '../../graphql/batch.ts';
import { builder } from '../../graphql/builder.ts';
import { type Context, perLease } from '../../graphql/context.ts';
import { encodeGlobalId } from '../../graphql/ids.ts';
import { valueOrUnknown } from '../../graphql/stored-enum.ts';
import { MemberStatusEnum, TenantRoleEnum } from './enums.ts';
import { emailsOf, memberKey } from './sql.ts';
import { MEMBER_STATUSES, TENANT_ROLES } from './vocabulary.ts';

const emails = ({ db }: Context) => createBatch((keys) => emailsOf(db.sql, keys));

export const TenantMemberRef = builder.prismaObject('Membership', {
  name: 'TenantMember',
  description: 'Somebody who belongs to a tenant, or is invited to it by user id, or no longer does.',
  select: {},
  fields: (t) => ({
    id: t.id({
      description: 'Tells members apart, in caches.',
      select: { tenantId: true, userId: true },
      resolve: ({ tenantId, userId }) => encodeGlobalId('TenantMember', memberKey(tenantId, userId)),
    }),
    userId: t.expose('userId', {
      type: 'UUID',
      description: 'Whose membership it is, as `changeMemberRole` takes it.',
    }),
    email: t.string({
      nullable: true,
      description: 'Their address; null for those who have not joined, or left, and where there is none.',
      select: { tenantId: true, userId: true },
      resolve: async ({ tenantId, userId }, _args, context) =>
        (await perLease(context, emails)(memberKey(tenantId, userId))) ?? null,
    }),
    role: t.field({
      type: TenantRoleEnum,
      description: 'What they may do in the tenant, once their status is ACTIVE.',
      select: { role: true },
      resolve: ({ role }) => valueOrUnknown(TENANT_ROLES, role),
    }),
    roleText: t.exposeString('role', { description: 'The role as it is stored.' }),
    status: t.field({
      type: MemberStatusEnum,
      description: 'Whether they belong to the tenant.',
      select: { status: true },
      resolve: ({ status }) => valueOrUnknown(MEMBER_STATUSES, status),
    }),
    statusText: t.exposeString('status', { description: 'The status as it is stored.' }),
    isViewer: t.boolean({
      description: 'Whether that is the caller.',
      select: { userId: true },
      resolve: ({ userId }, _args, { identity }) => userId === identity.claims.sub,
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When they joined or were invited.' }),
  }),
});

export const TenantInvitationRef = builder.prismaObject('Invitation', {
  name: 'TenantInvitation',
  description: 'An open invitation to a tenant by e-mail address. Only the tenant’s admins see it.',
  select: { id: true },
  fields: (t) => ({
    id: t.id({
      description: 'Tells invitations apart, in caches.',
      select: { id: true },
      resolve: ({ id }) => encodeGlobalId('TenantInvitation', id),
    }),
    email: t.exposeString('email', { description: 'Who is invited, in lower case.' }),
    role: t.field({
      type: TenantRoleEnum,
      description: 'What they become.',
      select: { role: true },
      resolve: ({ role }) => valueOrUnknown(TENANT_ROLES, role),
    }),
    roleText: t.exposeString('role', { description: 'The role as it is stored.' }),
    invitedBy: t.expose('invitedBy', {
      type: 'UUID',
      nullable: true,
      description: 'The user who invited them last; null for a service.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When they were invited last.' }),
  }),
});
