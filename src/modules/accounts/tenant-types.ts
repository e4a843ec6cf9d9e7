import { createBatch } from '../../graphql/batch.ts';
import { builder } from '../../graphql/builder.ts';
import { connectionOf } from '../../graphql/connection.ts';
import { type Context, perLease } from '../../graphql/context.ts';
import { uuidOrNone } from '../../graphql/ids.ts';
import { stored, valueOrUnknown } from '../../graphql/stored-enum.ts';
import { MemberStatusEnum, TenantRoleEnum, TenantStatusEnum } from './enums.ts';
import { TenantInvitationRef, TenantMemberRef } from './member-types.ts';
import { rolesIn } from './sql.ts';
import { invitations, members } from './table.ts';
import { MEMBER_STATUSES, TENANT_ROLES, TENANT_STATUSES } from './vocabulary.ts';

const roles = ({ db, identity }: Context) =>
  createBatch((tenantIds) => rolesIn(db.sql, identity.claims.sub ?? '', tenantIds));

/** The caller's role in a tenant; undefined where they have none, as services have. */
async function roleOfViewer(context: Context, tenantId: string): Promise<string | undefined> {
  return context.identity.claims.sub === undefined ? undefined : perLease(context, roles)(tenantId);
}

export const TenantRef = builder.prismaNode('Tenant', {
  nullable: true,
  findUnique: (id) => ({ id: uuidOrNone(id) }),
  id: { field: 'id', description: 'Its global id.', extensions: { globalIdOf: 'id' } },
  description: 'A workspace that people share. Its active members see it.',
  select: { id: true },
  fields: (t) => ({
    databaseId: t.expose('id', {
      type: 'UUID',
      description: 'The row’s id, as SQL knows it; arguments take both.',
    }),
    name: t.exposeString('name', { description: 'Its name, for people.' }),
    subdomain: t.exposeString('subdomain', { description: 'Its unique short name in URLs.' }),
    status: t.field({
      type: TenantStatusEnum,
      description: 'Whether it is in use.',
      select: { status: true },
      resolve: ({ status }) => valueOrUnknown(TENANT_STATUSES, status),
    }),
    statusText: t.exposeString('status', { description: 'The status as it is stored.' }),
    settings: t.expose('settings', {
      type: 'JSON',
      nullable: true,
      description: 'Whatever its front ends keep with it.',
    }),
    limits: t.expose('limits', {
      type: 'JSON',
      nullable: true,
      description: 'What it may use at most; set by operators.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was made.' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When it last changed.' }),
    viewerRole: t.field({
      type: TenantRoleEnum,
      nullable: true,
      description: 'What the caller may do in it; null for a service, which may do everything.',
      resolve: async ({ id }, _args, context) => {
        const role = await roleOfViewer(context, id);
        return role === undefined ? null : valueOrUnknown(TENANT_ROLES, role);
      },
    }),
    viewerRoleText: t.string({
      nullable: true,
      description: 'That role as it is stored.',
      resolve: async ({ id }, _args, context) => (await roleOfViewer(context, id)) ?? null,
    }),
    members: t.connection(
      {
        type: TenantMemberRef,
        description: 'Who belongs to it, the first to come first. Pages of at most 100.',
        args: {
          statuses: t.arg({
            type: [MemberStatusEnum],
            description: 'Only those; default: all but the removed.',
          }),
        },
        resolve: ({ id }, { statuses, ...args }, context, info) =>
          members.pageOf({ tenantId: id }, context, info, { ...args, orderBy: OLDEST_FIRST }, [
            statuses ? stored('status', MEMBER_STATUSES, statuses) : { field: 'status', notIn: ['removed'] },
          ]),
      },
      ...connectionOf('TenantMember', 'members'),
    ),
    invitations: t.connection(
      {
        type: TenantInvitationRef,
        description: 'Open invitations by address, newest first; empty for all but admins.',
        resolve: ({ id }, args, context, info) => invitations.pageOf({ tenantId: id }, context, info, args),
      },
      ...connectionOf('TenantInvitation', 'invitations'),
    ),
  }),
});

const OLDEST_FIRST = { field: 'createdAt', direction: 'asc' } as const;
