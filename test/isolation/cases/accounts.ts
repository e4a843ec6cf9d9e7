import { type Cases, edges, type Seen } from '../case.ts';

const member: Seen = { as: 'the owner', because: 'whoever is a member of a tenant sees it among his' };

export const accounts: Cases = {
  'Query.viewer': { call: 'viewer' },
  ...edges(['Viewer.tenants'], { call: 'viewer', seen: { viewer: member } }),
};
