import { builder } from '../../graphql/builder.ts';
import './tenant-types.ts';
import { storedEnum, valueOrUnknown } from '../../graphql/stored-enum.ts';

export const TENANT_ROLES = {
  admin: 'Manages the tenant and its members.',
  member: 'Works in the tenant: starts runs, agents and workflows for it.',
  viewer: 'Sees what the tenant shares and starts nothing.',
  billing: 'Sees and pays the tenant’s bills.',
} as const;

const TenantRole = storedEnum('TenantRole', 'What a member may do in a tenant.', TENANT_ROLES);

const ViewerTenant = builder.prismaObject('Membership', {
  name: 'ViewerTenant',
  description: 'A tenant together with what the caller may do in it.',
  select: { tenantId: true },
  fields: (t) => ({
    id: t.exposeID('tenantId', { description: 'The tenant’s id.' }),
    name: t.string({
      description: 'The tenant’s name.',
      select: { tenant: { select: { name: true } } },
      resolve: ({ tenant }) => tenant.name,
    }),
    role: t.field({
      type: TenantRole,
      description: 'What the caller may do in it.',
      select: { role: true },
      resolve: ({ role }) => valueOrUnknown(TENANT_ROLES, role),
    }),
    roleText: t.exposeString('role', { description: 'The role as it is stored.' }),
  }),
});

const Viewer = builder.objectRef<{ id: string; email: string | null; role: string }>('Viewer').implement({
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
    tenants: t.prismaField({
      type: [ViewerTenant],
      description: 'The tenants the caller is an active member of, by name.',
      resolve: (query, { id }, _args, { db }) =>
        db.prisma.membership.findMany({
          ...query,
          where: { userId: id, status: 'active' },
          orderBy: [{ tenant: { name: 'asc' } }, { tenantId: 'asc' }],
        }),
    }),
  }),
});

builder.queryField('viewer', (t) =>
  t.field({
    type: Viewer,
    nullable: true,
    description: 'Who the caller is; null without a token, or with one that names no user.',
    resolve: (_root, _args, { identity }) => {
      const { sub, email, role } = identity.claims;
      return sub === undefined ? null : { id: sub, email: email ?? null, role };
    },
  }),
);
