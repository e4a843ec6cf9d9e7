import { getRefFromModel } from '@pothos/plugin-prisma';
import { builder } from '../../graphql/builder.ts';

/** For modules that add fields to it. */
export const ViewerRef = builder.objectRef<{ id: string; email: string | null; role: string }>('Viewer');

/** For modules whose rows belong to one. */
export const TenantRef = getRefFromModel('Tenant', builder);
