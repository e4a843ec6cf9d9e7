import { getRefFromModel } from '@pothos/plugin-prisma';
import { builder } from '../../graphql/builder.ts';
export const TenantRef = getRefFromModel('Tenant', builder);
