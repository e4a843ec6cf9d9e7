import { builder } from '../../graphql/builder.ts';
import { connectionOf } from '../../graphql/connection.ts';
import { assertSignedIn } from '../../graphql/context.ts';
import { rowId } from '../../graphql/ids.ts';
import { stored, valueOrUnknown } from '../../graphql/stored-enum.ts';
import type { Condition } from '../../graphql/table.ts';
import { TenantOrder, TenantRoleEnum, TenantStatusEnum } from './enums.ts';
import { ViewerRef } from './refs.ts';
import { type InvitationOfViewer, invitationsOfCaller, type TenantOfViewer, tenantsOf } from './sql.ts';
import { tenants } from './table.ts';
import { TenantRef } from './tenant-types.ts';
import { TENANT_ROLES, TENANT_STATUSES } from './vocabulary.ts';

const ViewerTenant = builder.objectRef<TenantOfViewer>('ViewerTenant').implement({
  description: 'A tenant together with what the caller may do in it.',
  fields: (t) => ({
    id: t.exposeID('tenantId', { description: 'The tenant’s row id, which arguments take.' }),
    name: t.exposeString('name', { description: 'The tenant’s name.' }),
    role: t.field({
      type: TenantRoleEnum,
      description: 'What the caller may do in it.',
      resolve: ({ role }) => valueOrUnknown(TENANT_ROLES, role),
    }),
    roleText: t.exposeString('role', { description: 'The role as it is stored.' }),
    tenant: t.field({
      type: TenantRef,
      nullable: true,
      description: 'The tenant itself; null where the caller was removed this very moment.',
      resolve: ({ tenantId }, _args, context, info) => tenants.one(context, info, tenantId),
    }),
  }),
});

const ViewerInvitation = builder.objectRef<InvitationOfViewer>('ViewerInvitation').implement({
  description: 'An invitation to a tenant that waits for the caller’s answer.',
  fields: (t) => ({
    tenantId: t.expose('tenantId', {
      type: 'UUID',
      description: 'The tenant, as `acceptInvitation` and `declineInvitation` take it.',
    }),
    tenantName: t.exposeString('tenantName', { description: 'What the tenant is called.' }),
    role: t.field({
      type: TenantRoleEnum,
      description: 'What the caller would be in it.',
      resolve: ({ role }) => valueOrUnknown(TENANT_ROLES, role),
    }),
    roleText: t.exposeString('role', { description: 'The role as it is stored.' }),
    invitedAt: t.expose('invitedAt', { type: 'DateTime', description: 'When the caller was invited.' }),
  }),
});

ViewerRef.implement({
  description: 'The account that the token speaks for.',
  fields: (t) => ({
    id: t.exposeID('id', { description: 'The account’s id: the token’s `sub`.' }),
    email: t.exposeString('email', {
      nullable: true,
      description: 'As the token says; null where it does not.',
    }),
    role: t.exposeString('role', {
      description: 'The database role the token grants: authenticated or service_role.',
    }),
    tenants: t.field({
      type: [ViewerTenant],
      description: 'The tenants the caller is an active member of, by name.',
      resolve: ({ id }, _args, { db }) => tenantsOf(db.sql, id),
    }),
    invitations: t.field({
      type: [ViewerInvitation],
      description: 'Invitations by user id, or by the account’s confirmed address; newest first.',
      resolve: (_viewer, _args, { db }) => invitationsOfCaller(db.sql),
    }),
  }),
});

const TenantFilter = builder.inputType('TenantFilter', {
  description: 'Which tenants; all of what is given must hold.',
  fields: (t) => ({
    status: t.field({ type: [TenantStatusEnum], description: 'One of these.' }),
    nameContains: t.string({ description: 'A part of the name, whatever its case.' }),
  }),
});

type Filter = typeof TenantFilter.$inferInput;

function whereTenant({ status, nameContains }: Filter): Condition[] {
  return [
    ...(status ? [stored('status', TENANT_STATUSES, status)] : []),
    ...(nameContains ? [{ field: 'name', contains: nameContains }] : []),
  ];
}

builder.queryFields((t) => ({
  viewer: t.field({
    type: ViewerRef,
    nullable: true,
    description: 'Who the caller is; null without a token, or with one that names no user.',
    resolve: (_root, _args, { identity }) => {
      const { sub, email, role } = identity.claims;
      return sub === undefined ? null : { id: sub, email: email ?? null, role };
    },
  }),
  tenant: t.field({
    type: TenantRef,
    nullable: true,
    description: 'A tenant of the caller’s by its id; null where there is none.',
    args: { id: t.arg.id({ required: true, description: 'Global id or row id.' }) },
    resolve: (_root, { id }, context, info) => {
      assertSignedIn(context);
      return tenants.one(context, info, rowId('Tenant', id));
    },
  }),
  tenants: t.connection(
    {
      type: TenantRef,
      description: 'The tenants the caller is an active member of. Pages of at most 100.',
      args: {
        filter: t.arg({ type: TenantFilter, description: 'Which ones; default: all.' }),
        orderBy: t.arg({ type: TenantOrder, description: 'In which order; default: newest first.' }),
      },
      resolve: (_root, args, context, info) => {
        assertSignedIn(context);
        return tenants.page(context, info, args, whereTenant(args.filter ?? {}));
      },
    },
    ...connectionOf('Tenant', 'tenants'),
  ),
}));
