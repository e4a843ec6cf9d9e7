import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startApi, type TestApi, tokenOf, type User } from '../../support/api.ts';
import {
  FAILURE,
  makeTenant,
  setMember,
  standing,
  type TestTenant,
  told,
  untilWaitedFor,
} from './support.ts';

let api: TestApi;
let tenant: TestTenant;
let guest: User;
beforeAll(async () => {
  api = await startApi();
});
beforeEach(async () => {
  tenant = await makeTenant(api);
  guest = await api.makeUser();
});
afterAll(() => api.close());

const INVITE = `mutation ($input: InviteMemberInput!) {
  inviteMember(input: $input) {
    ... on MemberInvited {
      member { userId email role status }
      invitation { email role invitedBy }
      tenant { name }
    } ${FAILURE} } }`;
const ACCEPT = `mutation ($tenantId: ID!) {
  acceptInvitation(tenantId: $tenantId) { ... on Tenant { name viewerRole } ${FAILURE} } }`;
const DECLINE = `mutation ($tenantId: ID!) {
  declineInvitation(tenantId: $tenantId) { ... on InvitationDeclined { tenantId } ${FAILURE} } }`;
const REVOKE = `mutation ($tenantId: ID!, $email: String!) {
  revokeInvitation(tenantId: $tenantId, email: $email) { ... on Tenant { name } ${FAILURE} } }`;

const invite = (by: User | undefined, input: object) =>
  told(api, INVITE, { input: { tenantId: tenant.id, role: 'MEMBER', ...input } }, by);
const accept = (user: User | undefined) => told(api, ACCEPT, { tenantId: tenant.id }, user);
const decline = (user: User | undefined) => told(api, DECLINE, { tenantId: tenant.id }, user);
const revoke = (by: User | undefined, email: string) => told(api, REVOKE, { tenantId: tenant.id, email }, by);
const seenBy = async (user: User) =>
  (await api.ask('{ viewer { invitations { tenantId tenantName role } } }', {}, user)).data.viewer
    .invitations;
const openOf = async (user: User) => {
  const query =
    'query ($id: ID!) { tenant(id: $id) { invitations { totalCount edges { node { email } } } } }';
  return (await api.ask(query, { id: tenant.id }, user)).data.tenant.invitations;
};

describe('an invitation by user id', () => {
  it('is pending until the invited accept, and grants nothing before', async () => {
    const invited = await invite(tenant.admin, { userId: guest.id, role: 'VIEWER' });
    expect(invited).toEqual({
      member: { userId: guest.id, email: null, role: 'VIEWER', status: 'PENDING' },
      invitation: null,
      tenant: { name: 'A tenant' },
    });
    expect((await api.ask(`{ tenant(id: "${tenant.id}") { name } }`, {}, guest)).data.tenant).toBeNull();
    expect(await seenBy(guest)).toEqual([{ tenantId: tenant.id, tenantName: 'A tenant', role: 'VIEWER' }]);
    expect(await accept(guest)).toEqual({ name: 'A tenant', viewerRole: 'VIEWER' });
    expect(await standing(api, tenant.id, guest)).toBe('viewer active');
    expect(await seenBy(guest)).toEqual([]);
  });

  it('can be declined, taken back, and made again with another role', async () => {
    await invite(tenant.admin, { userId: guest.id });
    expect(await decline(guest)).toEqual({ tenantId: tenant.id });
    expect(await standing(api, tenant.id, guest)).toBeUndefined();
    await invite(tenant.admin, { userId: guest.id });
    await invite(tenant.admin, { userId: guest.id, role: 'BILLING' });
    expect(await standing(api, tenant.id, guest)).toBe('billing pending');
    const removal = 'mutation ($t: ID!, $u: ID!) { removeMember(tenantId: $t, userId: $u) { __typename } }';
    await api.ask(removal, { t: tenant.id, u: guest.id }, tenant.admin);
    expect(await accept(guest)).toMatchObject({ code: 'NOT_FOUND' });
  });

  it('neither changes a member nor lifts a suspension', async () => {
    expect(await invite(tenant.admin, { userId: tenant.viewer.id, role: 'ADMIN' })).toMatchObject({
      code: 'CONFLICT',
    });
    await setMember(api, { tenantId: tenant.id, userId: guest.id, role: 'member', status: 'suspended' });
    expect(await invite(tenant.admin, { userId: guest.id })).toMatchObject({ code: 'CONFLICT' });
    expect(await invite(tenant.admin, { email: guest.email })).toMatchObject({ code: 'CONFLICT' });
    expect(await accept(guest)).toMatchObject({ code: 'NOT_FOUND' });
    expect(await standing(api, tenant.id, guest)).toBe('member suspended');
    expect(await invite(tenant.admin, { userId: randomUUID() })).toMatchObject({ code: 'NOT_FOUND' });
  });
});

describe('an invitation by address', () => {
  it('says the same whether or not there is an account, to everybody who can ask', async () => {
    const unknown = `${randomUUID()}@example.com`;
    const [to, toNobody] = [
      await invite(tenant.admin, { email: guest.email }),
      await invite(tenant.admin, { email: unknown }),
    ];
    const expected = (email: string) => ({
      member: null,
      invitation: { email, role: 'MEMBER', invitedBy: tenant.admin.id },
      tenant: { name: 'A tenant' },
    });
    expect([to, toNobody]).toEqual([expected(guest.email), expected(unknown)]);
    expect((await openOf(tenant.admin)).totalCount).toBe(2);
    const { data } = await api.ask(
      `{ tenant(id: "${tenant.id}") { members { totalCount } } }`,
      {},
      tenant.admin,
    );
    expect(data.tenant.members.totalCount).toBe(4);
    expect(await openOf(tenant.member)).toEqual({ totalCount: 0, edges: [] });
  });

  it('is accepted by the account of that address alone, whatever its case', async () => {
    await invite(tenant.admin, { email: guest.email.toUpperCase(), role: 'BILLING' });
    expect(await accept(await api.makeUser())).toMatchObject({ code: 'NOT_FOUND' });
    expect(await seenBy(guest)).toEqual([{ tenantId: tenant.id, tenantName: 'A tenant', role: 'BILLING' }]);
    expect(await accept(guest)).toEqual({ name: 'A tenant', viewerRole: 'BILLING' });
    expect(await openOf(tenant.admin)).toEqual({ totalCount: 0, edges: [] });
    expect(await accept(guest)).toMatchObject({ code: 'NOT_FOUND' });
  });

  it('goes by the address of the account, not by what the token says', async () => {
    const impostor = await api.makeUser();
    const token = await tokenOf({ role: 'authenticated', sub: impostor.id, email: guest.email });
    await invite(tenant.admin, { email: guest.email });
    expect(await seenBy({ ...impostor, token })).toEqual([]);
    expect(await accept({ ...impostor, token })).toMatchObject({ code: 'NOT_FOUND' });
    expect(await decline({ ...impostor, token })).toMatchObject({ code: 'NOT_FOUND' });
  });

  it('needs an address that was confirmed, where the platform keeps note of that', async () => {
    await invite(tenant.admin, { email: guest.email });
    await api.admin.query('alter table auth.users add column email_confirmed_at timestamptz');
    try {
      expect(await seenBy(guest)).toEqual([]);
      expect(await accept(guest)).toMatchObject({ code: 'NOT_FOUND' });
      await api.admin.query('update auth.users set email_confirmed_at = now() where id = $1', [guest.id]);
      expect(await accept(guest)).toMatchObject({ viewerRole: 'MEMBER' });
    } finally {
      await api.admin.query('alter table auth.users drop column email_confirmed_at');
    }
  });

  it('can be declined and taken back', async () => {
    await invite(tenant.admin, { email: guest.email });
    expect(await decline(guest)).toEqual({ tenantId: tenant.id });
    expect(await decline(guest)).toMatchObject({ code: 'NOT_FOUND' });
    await invite(tenant.admin, { email: guest.email });
    expect(await revoke(tenant.admin, guest.email)).toEqual({ name: 'A tenant' });
    expect(await accept(guest)).toMatchObject({ code: 'NOT_FOUND' });
    expect(await revoke(tenant.admin, guest.email)).toMatchObject({ code: 'NOT_FOUND', path: ['email'] });
  });

  it('is taken back or accepted, never both', async () => {
    await invite(tenant.admin, { email: guest.email });
    await api.admin.query('begin');
    try {
      await api.admin.query(`select set_config('request.jwt.claims', '{"role": "service_role"}', true)`);
      const taken = await api.admin.query('select runcast.revoke_invitation($1, $2) as outcome', [
        tenant.id,
        guest.email,
      ]);
      expect(taken.rows).toEqual([{ outcome: 'done' }]);
      const late = accept(guest);
      await untilWaitedFor(api.admin);
      await api.admin.query('commit');
      expect(await late).toMatchObject({ code: 'NOT_FOUND' });
    } finally {
      await api.admin.query('rollback');
    }
    expect(await standing(api, tenant.id, guest)).toBeUndefined();
  });
});

describe('inviting', () => {
  it('is for admins', async () => {
    const others: [User | undefined, string][] = [
      [tenant.member, 'FORBIDDEN'],
      [tenant.viewer, 'FORBIDDEN'],
      [tenant.billing, 'FORBIDDEN'],
      [await api.makeUser(), 'NOT_FOUND'],
      [undefined, 'UNAUTHENTICATED'],
    ];
    for (const [user, code] of others) {
      expect(await invite(user, { userId: guest.id })).toMatchObject({ code });
      expect(await invite(user, { email: guest.email })).toMatchObject({ code });
      expect(await revoke(user, guest.email)).toMatchObject({ code });
    }
    expect(await accept(undefined)).toMatchObject({ code: 'UNAUTHENTICATED' });
    expect(await decline(undefined)).toMatchObject({ code: 'UNAUTHENTICATED' });
    expect(await seenBy(guest)).toEqual([]);
  });

  it('names every fault at once', async () => {
    const { fields } = await invite(tenant.admin, { tenantId: 'x', role: 'UNKNOWN', email: 'nobody' });
    expect(fields.map(({ path }: { path: string[] }) => path.join('.'))).toEqual([
      'input.tenantId',
      'input.role',
      'input.email',
    ]);
    const both = await invite(tenant.admin, { tenantId: 'x', userId: guest.id, email: guest.email });
    expect(both.fields.map(({ path }: { path: string[] }) => path.join('.'))).toEqual([
      'input.tenantId',
      'input.email',
    ]);
    expect(await invite(tenant.admin, {})).toMatchObject({ code: 'VALIDATION_FAILED' });
  });
});
