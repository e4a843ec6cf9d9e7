import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startApi, type TestApi, type User } from '../../support/api.ts';
import { FAILURE, makeTenant, setMember, standing, type TestTenant, told } from './support.ts';

let api: TestApi;
let tenant: TestTenant;
let stranger: User;
beforeAll(async () => {
  api = await startApi();
  stranger = await api.makeUser();
});
beforeEach(async () => {
  tenant = await makeTenant(api);
});
afterAll(() => api.close());

const CREATE = `mutation ($input: CreateTenantInput!) {
  createTenant(input: $input) { ... on Tenant { databaseId name subdomain status settings viewerRole } ${FAILURE} } }`;
const UPDATE = `mutation ($id: ID!, $input: UpdateTenantInput!, $at: DateTime) {
  updateTenant(id: $id, input: $input, ifUpdatedAt: $at) { ... on Tenant { name subdomain settings updatedAt } ${FAILURE} } }`;
const READ = `query ($id: ID!) { tenant(id: $id) { id databaseId name subdomain statusText limits viewerRoleText updatedAt } }`;

const input = () => ({ name: 'Ours', subdomain: `s-${randomUUID()}`, settings: { theme: 'dark' } });

describe('createTenant', () => {
  it('makes the caller its admin', async () => {
    const wanted = input();
    const made = await told(api, CREATE, { input: wanted }, stranger);
    expect(made).toMatchObject({ ...wanted, status: 'ACTIVE', viewerRole: 'ADMIN' });
    expect(await standing(api, made.databaseId, stranger)).toBe('admin active');
    const { data } = await api.ask('{ viewer { tenants { id role tenant { name } } } }', {}, stranger);
    expect(data.viewer.tenants).toContainEqual({
      id: made.databaseId,
      role: 'ADMIN',
      tenant: { name: 'Ours' },
    });
  });

  it('names every fault at once and makes nothing', async () => {
    const faulty = { name: ' ', subdomain: 'Not A Label', settings: ['a', 'list'] };
    const { code, fields } = await told(api, CREATE, { input: faulty }, stranger);
    expect(code).toBe('VALIDATION_FAILED');
    expect(fields.map(({ path }: { path: string[] }) => path.join('.'))).toEqual([
      'input.name',
      'input.subdomain',
      'input.settings',
    ]);
  });

  it('says that a subdomain is taken, and leaves no membership behind', async () => {
    const before = await api.admin.query('select count(*) from user_tenants');
    const taken = await told(api, CREATE, { input: { ...input(), subdomain: tenant.id } }, stranger);
    expect(taken).toMatchObject({ code: 'CONFLICT', path: ['input', 'subdomain'] });
    expect((await api.admin.query('select count(*) from user_tenants')).rows).toEqual(before.rows);
  });

  it('needs a user', async () => {
    expect(await told(api, CREATE, { input: input() })).toMatchObject({ code: 'UNAUTHENTICATED' });
  });
});

describe('updateTenant', () => {
  const update = (user: User | undefined, wanted: object, at?: string) =>
    told(api, UPDATE, { id: tenant.id, input: wanted, at }, user);

  it('changes what is given and nothing else', async () => {
    const { data } = await api.ask(READ, { id: tenant.id }, tenant.admin);
    const changed = await update(tenant.admin, { name: 'Renamed' });
    expect(changed).toMatchObject({ name: 'Renamed', subdomain: tenant.id, settings: {} });
    expect(Date.parse(changed.updatedAt)).toBeGreaterThan(Date.parse(data.tenant.updatedAt));
    expect(await update(tenant.admin, {})).toMatchObject({ name: 'Renamed' });
  });

  it('refuses where the tenant has changed since it was read', async () => {
    const { data } = await api.ask(READ, { id: tenant.id }, tenant.admin);
    const { updatedAt } = data.tenant;
    expect(await update(tenant.admin, { name: 'First' }, updatedAt)).toMatchObject({ name: 'First' });
    const late = await update(tenant.admin, { name: 'Second' }, updatedAt);
    expect(late).toMatchObject({ code: 'CONFLICT', path: ['ifUpdatedAt'] });
    const { rows } = await api.admin.query('select name from tenants where id = $1', [tenant.id]);
    expect(rows).toEqual([{ name: 'First' }]);
  });

  it('lets one of two that read the same pass', async () => {
    const { data } = await api.ask(READ, { id: tenant.id }, tenant.admin);
    const { updatedAt } = data.tenant;
    const answers = await Promise.all(['A', 'B'].map((name) => update(tenant.admin, { name }, updatedAt)));
    expect(answers.map(({ code }) => code ?? 'done').sort()).toEqual(['CONFLICT', 'done']);
  });

  it('is for admins; to whom the tenant is not theirs it is not there', async () => {
    for (const user of [tenant.member, tenant.viewer, tenant.billing]) {
      expect(await update(user, { name: 'x' })).toMatchObject({ code: 'FORBIDDEN' });
    }
    const hidden = await update(stranger, { name: 'x' });
    expect(hidden).toMatchObject({ code: 'NOT_FOUND' });
    const absent = await told(api, UPDATE, { id: randomUUID(), input: { name: 'x' } }, stranger);
    expect(absent.message.replace(/"[^"]+"/, '')).toBe(hidden.message.replace(/"[^"]+"/, ''));
    expect(await update(undefined, { name: 'x' })).toMatchObject({ code: 'UNAUTHENTICATED' });
    const { rows } = await api.admin.query('select name from tenants where id = $1', [tenant.id]);
    expect(rows).toEqual([{ name: 'A tenant' }]);
  });
});

describe('tenants', () => {
  it('are seen by their active members alone, by either id', async () => {
    const { data } = await api.ask(READ, { id: tenant.id }, tenant.viewer);
    expect(data.tenant).toMatchObject({
      databaseId: tenant.id,
      statusText: 'active',
      viewerRoleText: 'viewer',
    });
    expect((await api.ask(READ, { id: data.tenant.id }, tenant.billing)).data.tenant.databaseId).toBe(
      tenant.id,
    );
    const node = await api.ask(
      'query ($id: ID!) { node(id: $id) { ... on Tenant { name } } }',
      data.tenant,
      tenant.viewer,
    );
    expect(node.data.node).toEqual({ name: 'A tenant' });
    expect((await api.ask(READ, { id: tenant.id }, stranger)).data).toEqual({ tenant: null });
    await setMember(api, {
      tenantId: tenant.id,
      userId: tenant.viewer.id,
      role: 'viewer',
      status: 'suspended',
    });
    expect((await api.ask(READ, { id: tenant.id }, tenant.viewer)).data).toEqual({ tenant: null });
    expect((await api.ask(READ, { id: tenant.id })).errors?.[0]?.extensions).toMatchObject({
      code: 'UNAUTHENTICATED',
    });
  });

  it('are listed with their members, page by page', async () => {
    const user = await api.makeUser();
    const names = ['Ash', 'Birch', 'Cedar'];
    for (const name of names) await told(api, CREATE, { input: { ...input(), name } }, user);
    const list = `query ($after: String) {
      tenants(first: 2, after: $after, orderBy: {field: NAME, direction: ASC}, filter: {status: [ACTIVE]}) {
        totalCount pageInfo { hasNextPage endCursor }
        edges { node { name members { totalCount edges { node { email role isViewer } } } } } } }`;
    const first = (await api.ask(list, {}, user)).data.tenants;
    expect(first).toMatchObject({ totalCount: 3, pageInfo: { hasNextPage: true } });
    const second = (await api.ask(list, { after: first.pageInfo.endCursor }, user)).data.tenants;
    const found = [...first.edges, ...second.edges].map(({ node }) => node);
    const alone = { totalCount: 1, edges: [{ node: { email: user.email, role: 'ADMIN', isViewer: true } }] };
    expect(found).toEqual(names.map((name) => ({ name, members: alone })));
    expect((await api.ask(list)).errors?.[0]?.extensions).toMatchObject({ code: 'UNAUTHENTICATED' });
  });
});
