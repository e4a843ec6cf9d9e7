import { randomUUID } from 'node:crypto';
import { type Cases, edges, globalOnly, type MakeTarget, type Person, type Seen } from '../case.ts';

type Client = Parameters<MakeTarget>[0];

/** The person's own tenant, of which others are members. */
export const tenant: MakeTarget = async (_admin, { tenantId }) => ({
  id: { row: tenantId, typename: 'Tenant' },
});

/** A member of that tenant, whom nobody has met. */
const member: MakeTarget = async (admin, person) => {
  const userId = await insertUser(admin, person);
  await admin.query('insert into public.user_tenants (tenant_id, user_id, role) values ($1, $2, $3)', [
    person.tenantId,
    userId,
    'member',
  ]);
  return { id: { row: person.tenantId, typename: 'Tenant' }, userId: { row: userId } };
};

/** The person's own token. */
const token: MakeTarget = async (_admin, person) => ({ token: { row: person.token } });

/** Somebody who is not a member yet. */
const outsider: MakeTarget = async (admin, person) => ({
  id: { row: person.tenantId, typename: 'Tenant' },
  userId: { row: await insertUser(admin, person) },
});

/** An address that was invited to that tenant. */
const invitedAddress: MakeTarget = async (admin, person) => {
  const email = `${randomUUID()}@invited.example`;
  await admin.query(`insert into runcast.invitations (tenant_id, email, role) values ($1, $2, 'member')`, [
    person.tenantId,
    email,
  ]);
  return { id: { row: person.tenantId, typename: 'Tenant' }, email: { row: email } };
};

/** Another tenant, to which the person is invited. */
const invitingTenant: MakeTarget = async (admin, person) => {
  const { rows } = await admin.query<{ id: string }>(
    `with made as (insert into public.tenants (name, subdomain) values ($1, $2) returning id)
     insert into public.user_tenants (tenant_id, user_id, role, status)
     select id, $3, 'member', 'pending' from made returning tenant_id as id`,
    [person.mark, randomUUID(), person.id],
  );
  return { id: { row: rows[0]?.id ?? '', typename: 'Tenant' } };
};

const sees: Seen = { as: 'the owner', because: 'every active member sees his tenants and their members' };
const admins: Seen = { as: 'forbidden', because: 'a viewer sees the tenant, its admins manage it' };
const anotherSocket: Seen = {
  as: 'forbidden',
  because: 'whoever has a token may use it, but not to go on with a socket of somebody else',
};
const unseen: Seen = {
  as: 'parent only',
  because: 'a viewer sees the tenant, its admins see who is invited',
};

const invites: Seen = {
  as: 'the owner',
  because: 'whoever knows the id of an account may invite it to his own tenant; it decides',
};

export const accounts: Cases = {
  'Query.viewer': { call: 'viewer' },
  'Viewer.tenants': { call: 'viewer', seen: { viewer: sees } },
  'ViewerTenant.tenant': { call: 'viewer', under: ['tenants'], seen: { viewer: sees } },
  'Viewer.invitations': { call: 'viewer', target: invitingTenant },
  'Query.tenant': { call: 'tenant(id: $id)', target: tenant, seen: { viewer: sees } },
  'Query.node(Tenant)': { call: 'node(id: $id)', target: globalOnly(tenant, 'id'), seen: { viewer: sees } },
  'Query.tenants': { call: 'tenants(first: 100)', seen: { viewer: sees } },
  ...edges(['Tenant.members'], { call: 'tenant(id: $id)', target: tenant, seen: { viewer: sees } }),
  'Tenant.invitations': { call: 'tenant(id: $id)', target: invitedAddress, seen: { viewer: unseen } },

  'Mutation.createTenant': { call: 'createTenant(input: { name: "x", subdomain: $fresh })' },
  'Mutation.updateTenant': {
    call: 'updateTenant(id: $id, input: { settings: { theirs: true } })',
    target: tenant,
    seen: { viewer: admins },
  },
  'Mutation.inviteMember': [
    {
      call: 'inviteMember(input: { tenantId: $id, userId: $userId, role: MEMBER })',
      target: outsider,
      seen: { viewer: admins },
    },
    {
      call: 'inviteMember(input: { tenantId: $ownTenant, userId: $userId, role: MEMBER })',
      target: outsider,
      seen: { stranger: invites, viewer: invites, former: invites },
    },
    {
      call: 'inviteMember(input: { tenantId: $id, email: "somebody@invited.example", role: ADMIN })',
      target: tenant,
      seen: { viewer: admins },
    },
  ],
  ...edges(['MemberInvited.member', 'MemberInvited.tenant'], {
    call: 'inviteMember(input: { tenantId: $id, userId: $userId, role: MEMBER })',
    target: outsider,
    seen: { viewer: admins },
  }),
  'MemberInvited.invitation': {
    call: 'inviteMember(input: { tenantId: $id, email: "somebody@invited.example", role: ADMIN })',
    target: tenant,
    seen: { viewer: admins },
  },
  'Mutation.changeMemberRole': [
    {
      call: 'changeMemberRole(tenantId: $id, userId: $userId, role: ADMIN)',
      target: member,
      seen: { viewer: admins },
    },
    { call: 'changeMemberRole(tenantId: $ownTenant, userId: $userId, role: ADMIN)', target: member },
  ],
  'Mutation.removeMember': {
    call: 'removeMember(tenantId: $id, userId: $userId)',
    target: member,
    seen: { viewer: admins },
  },
  'MemberRemoved.tenant': {
    call: 'removeMember(tenantId: $id, userId: $userId)',
    target: member,
    seen: { viewer: admins },
  },
  'Mutation.revokeInvitation': {
    call: 'revokeInvitation(tenantId: $id, email: $email)',
    target: invitedAddress,
    seen: { viewer: admins },
  },
  'Mutation.acceptInvitation': { call: 'acceptInvitation(tenantId: $id)', target: invitingTenant },
  'Mutation.declineInvitation': { call: 'declineInvitation(tenantId: $id)', target: invitingTenant },

  'Mutation.renewToken': {
    call: 'renewToken(token: $token)',
    target: token,
    transports: ['WebSocket'],
    seen: {
      stranger: anotherSocket,
      anon: anotherSocket,
      viewer: anotherSocket,
      former: anotherSocket,
    },
  },
};

async function insertUser(admin: Client, { mark }: Person): Promise<string> {
  const id = randomUUID();
  await admin.query('insert into auth.users (id, email) values ($1, $2)', [id, `${id}@${mark}.example`]);
  return id;
}
