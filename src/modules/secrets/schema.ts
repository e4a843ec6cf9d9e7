import { builder } from '../../graphql/builder.ts';
import { connectionOf } from '../../graphql/connection.ts';
import { assertSignedIn } from '../../graphql/context.ts';
import { rowId, uuidOrNone } from '../../graphql/ids.ts';
import { TenantRef } from '../accounts/refs.ts';
import { tenants } from '../accounts/table.ts';
import { secrets } from './table.ts';

export const SecretRef = builder.prismaNode('Secret', {
  nullable: true,
  findUnique: (id) => ({ id: uuidOrNone(id) }),
  id: { field: 'id', description: 'Its global id.', extensions: { globalIdOf: 'id' } },
  description:
    'A secret that definitions name as `{{secrets.NAME}}`. Its value can be set and never be read. Its tenant’s admins, ' +
    'members and viewers see that it is there.',
  select: { id: true },
  fields: (t) => ({
    databaseId: t.expose('id', {
      type: 'UUID',
      description: 'The row’s id, as SQL knows it; arguments take both.',
    }),
    name: t.exposeString('name', { description: 'Its name, unique for its owner.' }),
    tenant: t.field({
      type: TenantRef,
      nullable: true,
      description: 'Whose it is; null where it is a user’s own.',
      select: { tenantId: true },
      resolve: ({ tenantId }, _args, context, info) => tenants.one(context, info, tenantId),
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was first set.' }),
    createdBy: t.expose('createdBy', {
      type: 'UUID',
      nullable: true,
      description: 'The account that first set it; null for a service.',
    }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When it was last set.' }),
    updatedBy: t.expose('updatedBy', {
      type: 'UUID',
      nullable: true,
      description: 'The account that last set it; null for a service.',
    }),
  }),
});

const BY_NAME = { field: 'name', direction: 'asc' } as const;

builder.queryField('secrets', (t) =>
  t.connection(
    {
      type: SecretRef,
      description:
        'The names of a tenant’s secrets, or of the caller’s own, in their order. Pages of at most 100.',
      args: {
        tenantId: t.arg.id({ description: 'Global id or row id of a tenant. Default: the caller’s own.' }),
      },
      resolve: (_root, { tenantId, ...args }, context, info) => {
        assertSignedIn(context);
        const owner =
          tenantId == null
            ? { field: 'userId', is: uuidOrNone(context.identity.claims.sub ?? '') }
            : { field: 'tenantId', is: uuidOrNone(rowId('Tenant', tenantId)) };
        return secrets.page(context, info, { ...args, orderBy: BY_NAME }, [owner]);
      },
    },
    ...connectionOf('Secret', 'secrets'),
  ),
);
