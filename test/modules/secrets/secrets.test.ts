import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createSecrets } from '../../../src/modules/secrets/service.ts';
import { createCipher } from '../../../src/platform/encryption.ts';
import { sqlOf } from '../../isolation/case.ts';
import { cipher, startApi, type TestApi, tokenOf, type User } from '../../support/api.ts';
import { FAILURE, makeTenant, type TestTenant, told } from '../accounts/support.ts';

let api: TestApi;
let tenant: TestTenant;
beforeAll(async () => {
  api = await startApi();
});
beforeEach(async () => {
  tenant = await makeTenant(api);
});
afterAll(() => api.close());

const SET = `mutation ($input: SetSecretInput!) {
  setSecret(input: $input) {
    ... on Secret { id databaseId name createdBy updatedBy tenant { name } } ${FAILURE}
    ... on NotConfiguredError { setting } } }`;
const DELETE = `mutation ($id: ID!) { deleteSecret(id: $id) { ... on Deleted { databaseId } ... on Error { code message path remedy } } }`;
const LIST = `query ($tenantId: ID) { secrets(tenantId: $tenantId) {
  totalCount edges { node { name createdBy updatedBy } } } }`;

const VALUE = 'a value of a secret';
const set = (user: User | undefined, input: object = {}) =>
  told(api, SET, { input: { tenantId: tenant.id, name: 'TOKEN', value: VALUE, ...input } }, user);
const remove = (user: User | undefined, id: string) => told(api, DELETE, { id }, user);
const listed = async (user: User, tenantId: string | null = tenant.id): Promise<string[]> =>
  (await api.ask(LIST, { tenantId }, user)).data.secrets.edges.map(
    ({ node }: { node: { name: string } }) => node.name,
  );
const secrets = () => createSecrets({ sql: sqlOf(api.admin), cipher });
const owner = () => ({ userId: tenant.member.id, tenantId: tenant.id });

describe('a secret of a tenant', () => {
  it('is set by admins and members, seen by viewers as a name, and by nobody else', async () => {
    const stranger = await api.makeUser();
    expect(await set(tenant.member)).toMatchObject({ name: 'TOKEN', createdBy: tenant.member.id });
    expect(await set(tenant.admin, { name: 'ANOTHER' })).toMatchObject({ tenant: { name: 'A tenant' } });
    expect(await set(tenant.viewer)).toMatchObject({ code: 'FORBIDDEN', path: ['input', 'tenantId'] });
    expect(await set(tenant.billing)).toMatchObject({ code: 'FORBIDDEN' });
    expect(await set(stranger)).toMatchObject({ code: 'NOT_FOUND' });
    expect(await set(undefined)).toMatchObject({ code: 'UNAUTHENTICATED' });
    for (const user of [tenant.admin, tenant.member, tenant.viewer]) {
      expect(await listed(user)).toEqual(['ANOTHER', 'TOKEN']);
    }
    for (const user of [tenant.billing, stranger]) expect(await listed(user)).toEqual([]);
  });

  it('is replaced by whoever may set it, and the row says by whom', async () => {
    const { databaseId } = await set(tenant.member);
    const again = await set(tenant.admin, { value: 'another value' });
    expect(again).toMatchObject({ databaseId, createdBy: tenant.member.id, updatedBy: tenant.admin.id });
    expect((await secrets().resolve(owner(), ['TOKEN'])).get('TOKEN')).toBe('another value');
  });

  it('is deleted by admins, and by the member who first set it', async () => {
    const ofMember = await set(tenant.member);
    const ofAdmin = await set(tenant.admin, { name: 'OTHER' });
    expect(await remove(tenant.viewer, ofMember.id)).toMatchObject({ code: 'FORBIDDEN' });
    expect(await remove(tenant.member, ofAdmin.id)).toMatchObject({ code: 'FORBIDDEN' });
    expect(await remove(await api.makeUser(), ofAdmin.id)).toMatchObject({ code: 'NOT_FOUND' });
    expect(await remove(tenant.member, ofMember.id)).toEqual({ databaseId: ofMember.databaseId });
    expect(await remove(tenant.admin, ofAdmin.databaseId)).toEqual({ databaseId: ofAdmin.databaseId });
    expect(await remove(tenant.admin, ofAdmin.id)).toMatchObject({ code: 'NOT_FOUND' });
    expect(await listed(tenant.admin)).toEqual([]);
  });

  it('is kept encrypted, and its ciphertext is no user’s to read, copy or move', async () => {
    const { databaseId } = await set(tenant.member);
    const { rows } = await api.admin.query('select * from runcast.secrets where id = $1', [databaseId]);
    expect(rows[0].ciphertext).toMatch(/^v1\.[0-9a-f]{8}\.[\w-]+$/);
    expect(JSON.stringify(rows)).not.toContain('value of');
    const claims = { role: 'authenticated', sub: tenant.admin.id } as const;
    for (const statement of [
      'select ciphertext from runcast.secrets',
      'select * from runcast.secrets',
      `insert into runcast.secrets (user_id, name, ciphertext, created_by, updated_by)
       select '${tenant.admin.id}', 'MINE', ciphertext, '${tenant.admin.id}', '${tenant.admin.id}' from runcast.secrets`,
      `update runcast.secrets set name = 'OTHER'`,
      `update runcast.secrets set tenant_id = null, user_id = '${tenant.admin.id}'`,
      `delete from runcast.secrets returning ciphertext`,
    ]) {
      const run = api.viewerDb.withViewer(claims, ({ sql }) => sql.query(statement));
      await expect(run).rejects.toMatchObject({ code: '42501' });
    }
  });

  it('is set by a service for a tenant, and for no one else', async () => {
    const token = await tokenOf({ role: 'service_role' });
    const service = { id: '', email: '', token };
    expect(await set(service)).toMatchObject({ name: 'TOKEN', createdBy: null });
    expect(await set(service, { tenantId: null })).toMatchObject({ code: 'FORBIDDEN' });
    expect(await set(service, { tenantId: randomUUID() })).toMatchObject({ code: 'NOT_FOUND' });
  });
});

it('of a user is that user’s alone, and beside a tenant’s of the same name', async () => {
  await set(tenant.member, { tenantId: null, value: 'my own value' });
  await set(tenant.member);
  expect(await listed(tenant.member, null)).toEqual(['TOKEN']);
  expect(await listed(tenant.admin, null)).toEqual([]);
  const resolve = async (tenantId: string | null) =>
    (await secrets().resolve({ userId: tenant.member.id, tenantId }, ['TOKEN'])).get('TOKEN');
  expect([await resolve(null), await resolve(tenant.id)]).toEqual(['my own value', VALUE]);
});

it.each([
  ['name', { name: '' }],
  ['name', { name: '1ST' }],
  ['name', { name: 'WITH-DASH' }],
  ['name', { name: 'a'.repeat(101) }],
  ['value', { value: 'shorter' }],
  ['value', { value: 'x'.repeat(16_385) }],
  ['value', { value: 'with a \u0000 in it' }],
])('is refused for its %s, as in %o, and not repeated', async (field, input) => {
  const answer = await set(tenant.member, input);
  expect(answer).toMatchObject({ code: 'VALIDATION_FAILED', fields: [{ path: ['input', field] }] });
  expect(JSON.stringify(answer)).not.toMatch(/shorter|with a/);
  expect(await listed(tenant.member)).toEqual([]);
});

it('cannot be set where no key is configured, and the answer names the setting', async () => {
  const without = await startApi({ cipher: undefined });
  const user = await without.makeUser();
  const answer = await told(without, SET, { input: { name: 'TOKEN', value: VALUE } }, user);
  expect(answer).toMatchObject({ code: 'NOT_CONFIGURED', setting: 'SECRETS_KEY' });
  expect(answer.remedy).toContain('SECRETS_KEY');
  await without.close();
});

describe('a worker', () => {
  it('is told by name which one is missing, or cannot be read', async () => {
    await set(tenant.member);
    await expect(secrets().resolve(owner(), ['TOKEN', 'NONE'])).rejects.toMatchObject({
      code: 'SECRET_UNKNOWN',
      message: expect.stringContaining('NONE'),
    });
    const others = createSecrets({ sql: sqlOf(api.admin), cipher: createCipher([randomBytes(32)]) });
    await expect(others.resolve(owner(), ['TOKEN'])).rejects.toMatchObject({ code: 'SECRET_UNREADABLE' });
    const keyless = createSecrets({ sql: sqlOf(api.admin), cipher: undefined });
    await expect(keyless.resolve(owner(), ['TOKEN'])).rejects.toMatchObject({
      code: 'SECRETS_NOT_CONFIGURED',
    });
    expect(await keyless.resolve(owner(), [])).toEqual(new Map());
  });

  it('opens no ciphertext that was moved to another name or owner in the table', async () => {
    await set(tenant.member);
    await api.admin.query(`update runcast.secrets set name = 'MOVED' where tenant_id = $1`, [tenant.id]);
    await expect(secrets().resolve(owner(), ['MOVED'])).rejects.toMatchObject({ code: 'SECRET_UNREADABLE' });
  });
});
