import { randomUUID } from 'node:crypto';
import { type Cases, edges, globalOnly, type MakeTarget, type Seen } from '../case.ts';
import { tenant } from './accounts.ts';

const secret: MakeTarget = async (admin, person) => {
  const { rows } = await admin.query<{ id: string }>(
    `insert into runcast.secrets (tenant_id, name, ciphertext, created_by, updated_by)
     values ($1, $2, $3, $4, $4) returning id`,
    [person.tenantId, `NAME_${randomUUID().replaceAll('-', '')}`, person.mark, person.id],
  );
  return { id: { row: rows[0]?.id ?? '', typename: 'Secret' } };
};

const reads: Seen = { as: 'the owner', because: 'viewers of a tenant see which secrets there are' };
const changes: Seen = {
  as: 'forbidden',
  because: 'viewers of a tenant see which secrets there are, and set none',
};

export const secrets: Cases = {
  'Query.secrets': [{ call: 'secrets(first: 100, tenantId: $id)', target: tenant, seen: { viewer: reads } }],
  'Query.node(Secret)': { call: 'node(id: $id)', target: globalOnly(secret, 'id'), seen: { viewer: reads } },
  ...edges(['Secret.tenant'], {
    call: 'node(id: $id)',
    target: globalOnly(secret, 'id'),
    seen: { viewer: reads },
  }),
  'Mutation.setSecret': {
    call: 'setSecret(input: { tenantId: $id, name: "SHARED_NAME", value: $fresh })',
    target: tenant,
    seen: { viewer: changes },
  },
  'Mutation.deleteSecret': {
    call: 'deleteSecret(id: $id)',
    target: secret,
    seen: { viewer: changes },
  },
};
