import { builder } from '../../graphql/builder.ts';

export const TenantRef = builder.prismaObject('Tenant', {
  description: 'A workspace that people share.',
  select: { id: true },
  fields: (t) => ({
    id: t.exposeID('id', { description: 'Its id, as `startTraining(input: {tenantId})` takes it.' }),
    name: t.exposeString('name', { description: 'Its name, for people.' }),
    subdomain: t.exposeString('subdomain', { description: 'Its unique short name in URLs.' }),
  }),
});
