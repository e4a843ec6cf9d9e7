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
let stranger: User;
beforeAll(async () => {
  api = await startApi({ poolSize: 8 });
});
beforeEach(async () => {
  tenant = await makeTenant(api);
  stranger = await api.makeUser();
});
afterAll(() => api.close());

const CHANGE = `mutation ($tenantId: ID!, $userId: ID!, $role: TenantRole!, $ifRole: TenantRole) {
  changeMemberRole(tenantId: $tenantId, userId: $userId, role: $role, ifRole: $ifRole) {
    ... on TenantMember { userId role status } ${FAILURE} } }`;
const REMOVE = `mutation ($tenantId: ID!, $userId: ID!) {
  removeMember(tenantId: $tenantId, userId: $userId) {
    ... on MemberRemoved { userId tenant { name } } ${FAILURE} } }`;
const MEMBERS = `query ($id: ID!, $statuses: [MemberStatus!]) {
  tenant(id: $id) { members(statuses: $statuses) { totalCount edges { node { id userId email roleText status } } } } }`;

const change = (by: User | undefined, whom: User, role: string, ifRole?: string) =>
  told(api, CHANGE, { tenantId: tenant.id, userId: whom.id, role, ifRole }, by);
const remove = (by: User | undefined, whom: Pick<User, 'id'>) =>
  told(api, REMOVE, { tenantId: tenant.id, userId: whom.id }, by);
const membersSeenBy = async (user: User, statuses?: string[]) =>
  (await api.ask(MEMBERS, { id: tenant.id, statuses }, user)).data.tenant?.members;

/** Those who may not manage members, and what they are told. */
const others = (): [User | undefined, string][] => [
  [tenant.member, 'FORBIDDEN'],
  [tenant.viewer, 'FORBIDDEN'],
  [tenant.billing, 'FORBIDDEN'],
  [stranger, 'NOT_FOUND'],
  [undefined, 'UNAUTHENTICATED'],
];

describe('members', () => {
  it('are seen by all of them, with their addresses, in one statement for a list', async () => {
    for (const user of [tenant.admin, tenant.member, tenant.viewer, tenant.billing]) {
      const { totalCount, edges } = await membersSeenBy(user);
      expect(totalCount).toBe(4);
      expect(edges.map(({ node }: { node: object }) => node)).toContainEqual(
        expect.objectContaining({
          userId: tenant.billing.id,
          email: tenant.billing.email,
          roleText: 'billing',
        }),
      );
    }
    expect(await membersSeenBy(stranger)).toBeUndefined();
  });

  it('whose membership is over are listed only where they are asked for', async () => {
    await remove(tenant.admin, tenant.viewer);
    expect((await membersSeenBy(tenant.admin)).totalCount).toBe(3);
    const { edges } = await membersSeenBy(tenant.admin, ['REMOVED']);
    expect(edges).toEqual([
      { node: expect.objectContaining({ userId: tenant.viewer.id, email: null, status: 'REMOVED' }) },
    ]);
  });

  it('of a role that this version does not know do not break the list', async () => {
    await setMember(api, { tenantId: tenant.id, userId: stranger.id, role: 'auditor', status: 'resting' });
    const { edges } = await membersSeenBy(tenant.admin, ['UNKNOWN']);
    expect(edges).toEqual([{ node: expect.objectContaining({ roleText: 'auditor', status: 'UNKNOWN' }) }]);
  });
});

describe('changeMemberRole', () => {
  it('changes what a member may do at once', async () => {
    expect(await change(tenant.admin, tenant.viewer, 'ADMIN')).toEqual({
      userId: tenant.viewer.id,
      role: 'ADMIN',
      status: 'ACTIVE',
    });
    expect(await change(tenant.viewer, tenant.admin, 'MEMBER')).toMatchObject({ role: 'MEMBER' });
    expect(await change(tenant.admin, tenant.viewer, 'MEMBER')).toMatchObject({ code: 'FORBIDDEN' });
  });

  it('refuses where the role is another than the caller has read', async () => {
    const refused = await change(tenant.admin, tenant.member, 'BILLING', 'VIEWER');
    expect(refused).toMatchObject({ code: 'CONFLICT', path: ['ifRole'] });
    expect(await standing(api, tenant.id, tenant.member)).toBe('member active');
    expect(await change(tenant.admin, tenant.member, 'BILLING', 'MEMBER')).toMatchObject({ role: 'BILLING' });
  });

  it('is for admins', async () => {
    for (const [user, code] of others()) {
      expect(await change(user, tenant.member, 'ADMIN')).toMatchObject({ code });
    }
    expect(await standing(api, tenant.id, tenant.member)).toBe('member active');
  });

  it('gives the same answer for whom it does not know and whom there is not', async () => {
    const known = await change(tenant.admin, stranger, 'ADMIN');
    const absent = await change(tenant.admin, { ...stranger, id: randomUUID() }, 'ADMIN');
    expect(known).toMatchObject({ code: 'NOT_FOUND', path: ['userId'] });
    expect({ ...known, message: '' }).toEqual({ ...absent, message: '' });
  });

  it('names every fault at once', async () => {
    const wrong = { tenantId: 'x', userId: 'y', role: 'UNKNOWN' };
    const { fields } = await told(api, CHANGE, wrong, tenant.admin);
    expect(fields).toEqual([
      { path: ['tenantId'], message: 'must be an id' },
      { path: ['userId'], message: 'must be an id' },
      { path: ['role'], message: 'must be one of admin, member, viewer, billing' },
    ]);
  });

  it('lets a service do it', async () => {
    const service = { ...stranger, token: await tokenOf({ role: 'service_role' }) };
    expect(await change(service, tenant.viewer, 'MEMBER')).toMatchObject({ role: 'MEMBER' });
    expect(await change(service, tenant.admin, 'MEMBER')).toMatchObject({ code: 'CONFLICT' });
  });
});

describe('removeMember', () => {
  it('shuts them out at once, and whoever leaves no longer sees the tenant', async () => {
    expect(await remove(tenant.admin, tenant.member)).toEqual({
      userId: tenant.member.id,
      tenant: { name: 'A tenant' },
    });
    expect(await membersSeenBy(tenant.member)).toBeUndefined();
    expect(await remove(tenant.viewer, tenant.viewer)).toEqual({ userId: tenant.viewer.id, tenant: null });
    expect(await standing(api, tenant.id, tenant.viewer)).toBe('viewer removed');
    expect(await remove(tenant.viewer, tenant.viewer)).toMatchObject({ code: 'NOT_FOUND' });
  });

  it('is for admins', async () => {
    await setMember(api, { tenantId: tenant.id, userId: (await api.makeUser()).id, role: 'admin' });
    for (const [user, code] of others()) {
      expect(await remove(user, tenant.admin)).toMatchObject({ code });
    }
    expect(await standing(api, tenant.id, tenant.admin)).toBe('admin active');
  });
});

describe('the last active admin', () => {
  it('can neither leave nor step down, also beside admins who are suspended or have not accepted', async () => {
    for (const status of ['pending', 'suspended', 'removed']) {
      const { id: userId } = await api.makeUser();
      await setMember(api, { tenantId: tenant.id, userId, role: 'admin', status });
    }
    expect(await remove(tenant.admin, tenant.admin)).toMatchObject({ code: 'CONFLICT', path: ['userId'] });
    expect(await change(tenant.admin, tenant.admin, 'VIEWER')).toMatchObject({ code: 'CONFLICT' });
    expect(await change(tenant.admin, tenant.admin, 'ADMIN')).toMatchObject({ role: 'ADMIN' });
    expect(await standing(api, tenant.id, tenant.admin)).toBe('admin active');
  });

  const races: [string, (by: User, whom: User) => Promise<{ code?: string }>][] = [
    ['demote each other', (by, whom) => change(by, whom, 'MEMBER')],
    ['remove each other', (by, whom) => remove(by, whom)],
    ['step down', (by) => change(by, by, 'MEMBER')],
    ['leave', (by) => remove(by, by)],
  ];

  it.each(races)('stays where all of three admins %s at once', async (_what, act) => {
    for (let round = 0; round < 10; round += 1) {
      tenant = await makeTenant(api);
      const admins = [tenant.admin, await api.makeUser(), await api.makeUser()];
      for (const { id: userId } of admins)
        await setMember(api, { tenantId: tenant.id, userId, role: 'admin' });
      const answers = await Promise.all(
        admins.map((by, at) => act(by, admins[(at + 1) % admins.length] ?? by)),
      );
      const { rows } = await api.admin.query(
        `select count(*)::int as admins from user_tenants where tenant_id = $1 and role = 'admin' and status = 'active'`,
        [tenant.id],
      );
      const refused = answers.filter(({ code }) => code !== undefined);
      expect(rows[0].admins).toBeGreaterThanOrEqual(1);
      expect(rows[0].admins).toBe(refused.length);
    }
  });

  it('waits for the other one’s transaction and then sees what it did', async () => {
    const second = await api.makeUser();
    await setMember(api, { tenantId: tenant.id, userId: second.id, role: 'admin' });
    await api.admin.query('begin');
    try {
      await api.admin.query(`select set_config('request.jwt.claims', $1, true)`, [
        JSON.stringify({ role: 'authenticated', sub: second.id }),
      ]);
      const demoted = await api.admin.query(
        `select runcast.change_member_role($1, $2, 'member') as outcome`,
        [tenant.id, tenant.admin.id],
      );
      expect(demoted.rows).toEqual([{ outcome: 'done' }]);
      const late = change(tenant.admin, second, 'MEMBER');
      await untilWaitedFor(api.admin);
      await api.admin.query('commit');
      expect(await late).toMatchObject({ code: 'FORBIDDEN' });
    } finally {
      await api.admin.query('rollback');
    }
    expect(await standing(api, tenant.id, second)).toBe('admin active');
  });
});
