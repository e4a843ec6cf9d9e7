import { getRefFromModel } from '@pothos/plugin-prisma';
import { builder } from '../../graphql/builder.ts';

/** Types of the modules to the left, by their model: importing their files would import their resolvers. */
export const TenantRef = getRefFromModel('Tenant', builder);
export const AgentRef = getRefFromModel('Agent', builder);
