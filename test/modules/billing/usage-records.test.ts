import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Data, startApi, type TestApi, tokenOf, type User } from '../../support/api.ts';
import { FAILURE, makeTenant, setMember, type TestTenant, told } from '../accounts/support.ts';

const RECORD = `mutation ($input: RecordUsageInput!) { recordUsage(input: $input) {
  ... on UsageRecord { id databaseId userId tenantId metric metricText quantity timestamp metadata } ${FAILURE} } }`;
const BATCH = `mutation ($input: [RecordUsageInput!]!) { recordUsageBatch(input: $input) {
  ... on RecordedUsage { records { databaseId metric quantity } } ${FAILURE} } }`;
const LIST = `query ($filter: UsageRecordFilter, $first: Int, $after: String) {
  usageRecords(filter: $filter, first: $first, after: $after) { totalCount pageInfo { endCursor hasNextPage }
    edges { node { databaseId quantity } } } }`;

describe('usage', () => {
  let api: TestApi;
  let tenant: TestTenant;
  beforeAll(async () => {
    api = await startApi();
    tenant = await makeTenant(api);
  });
  afterAll(() => api.close());

  const usage = { metric: 'API_CALLS', quantity: 3 };
  const record = (input: object, user?: User) => told(api, RECORD, { input }, user);
  const rowsOf = async (user: User): Promise<number> => {
    const { rows } = await api.admin.query<{ count: number }>(
      'select count(*)::int as count from usage_metrics where user_id = $1',
      [user.id],
    );
    return rows[0]?.count ?? -1;
  };

  describe('is recorded', () => {
    it('with all that is said of it', async () => {
      const input = {
        ...usage,
        ...{ tenantId: tenant.id, timestamp: '2026-01-02T03:04:05.678Z', metadata: { path: '/graphql' } },
      };
      expect(await record(input, tenant.member)).toMatchObject({
        ...input,
        ...{ userId: tenant.member.id, metricText: 'api_calls' },
      });
    });

    it('as of now and for no tenant where nothing else is said', async () => {
      const before = Date.now();
      const user = await api.makeUser();
      const made = await record({ metric: 'STORAGE_MB', quantity: 0 }, user);
      expect(made).toMatchObject({ metric: 'STORAGE_MB', quantity: 0, tenantId: null, metadata: null });
      expect(Date.parse(made.timestamp)).toBeGreaterThanOrEqual(before - 1_000);
      const { rows } = await api.admin.query(
        'select metadata is null as none from usage_metrics where user_id = $1',
        [user.id],
      );
      expect(rows).toEqual([{ none: true }]);
    });

    it('in the name of a tenant by its members, admins and billing role alone', async () => {
      const input = { ...usage, tenantId: tenant.id };
      for (const user of [tenant.member, tenant.admin, tenant.billing]) {
        expect(await record(input, user)).toMatchObject({ tenantId: tenant.id });
      }
      const path = ['input', 'tenantId'];
      expect(await record(input, tenant.viewer)).toMatchObject({ code: 'FORBIDDEN', path });
      const stranger = await api.makeUser();
      const refused = { code: 'NOT_FOUND', path };
      expect(await record(input, stranger)).toMatchObject(refused);
      expect(await record({ ...usage, tenantId: randomUUID() }, stranger)).toMatchObject(refused);
      await setMember(api, { tenantId: tenant.id, userId: stranger.id, role: 'admin', status: 'suspended' });
      expect(await record(input, stranger)).toMatchObject(refused);
      expect(await rowsOf(stranger)).toBe(0);
      const token = await tokenOf({ role: 'service_role', sub: stranger.id });
      expect(await record(input, { ...stranger, token })).toMatchObject(refused);
      expect(await record(usage)).toMatchObject({ code: 'UNAUTHENTICATED' });
    });

    it('not at all where anything is wrong with it, all of which is said', async () => {
      const input = {
        ...{ metric: 'UNKNOWN', quantity: -1, tenantId: 'none', timestamp: '2100-01-01T00:00:00Z' },
        ...{ metadata: [1], idempotencyKey: ' ' },
      };
      const user = await api.makeUser();
      const { code, fields } = await record(input, user);
      expect(code).toBe('VALIDATION_FAILED');
      expect(fields.map(({ path }: Data) => path.join('.'))).toEqual(
        Object.keys(input).map((key) => `input.${key}`),
      );
      expect(await rowsOf(user)).toBe(0);
    });
  });

  describe('under an idempotency key', () => {
    const keyed = () => ({ ...usage, metadata: { a: 1, b: [2] }, idempotencyKey: randomUUID() });

    it('is one record, however often it is sent', async () => {
      const user = await api.makeUser();
      const input = keyed();
      const made = await record(input, user);
      expect(await record({ ...input, metadata: { b: [2], a: 1 } }, user)).toEqual(made);
      expect(await rowsOf(user)).toBe(1);
    });

    it('is one record, however many send it at once', async () => {
      const user = await api.makeUser();
      const input = keyed();
      const made = await Promise.all(Array.from({ length: 12 }, () => record(input, user)));
      expect(new Set(made.map(({ id }) => id)).size).toBe(1);
      expect(await rowsOf(user)).toBe(1);
    });

    it('is a conflict where anything else is sent', async () => {
      const user = await api.makeUser();
      const input = keyed();
      await record({ ...input, timestamp: '2026-01-01T00:00:00Z' }, user);
      for (const other of [
        { quantity: 4 },
        { metric: 'AGENT_CALLS' },
        { metadata: { a: 1 } },
        { metadata: null },
        { timestamp: '2026-01-01T00:00:00.001Z' },
        { timestamp: null },
      ]) {
        expect(await record({ ...input, timestamp: '2026-01-01T00:00:00Z', ...other }, user)).toMatchObject({
          code: 'CONFLICT',
          path: ['input', 'idempotencyKey'],
        });
      }
      expect(await rowsOf(user)).toBe(1);
    });

    it('is nothing to another user', async () => {
      const input = keyed();
      const [one, two] = [await api.makeUser(), await api.makeUser()];
      expect((await record(input, one)).id).not.toBe((await record({ ...input, quantity: 9 }, two)).id);
    });

    it('can be recorded anew once the record was deleted', async () => {
      const user = await api.makeUser();
      const input = keyed();
      const { id, databaseId } = await record(input, user);
      await api.admin.query('delete from usage_metrics where id = $1', [databaseId]);
      expect((await record(input, user)).id).not.toBe(id);
      expect(await rowsOf(user)).toBe(1);
    });
  });

  describe('in batches', () => {
    it('is recorded in order, known keys being what they were', async () => {
      const user = await api.makeUser();
      const idempotencyKey = randomUUID();
      const { databaseId } = await record({ ...usage, idempotencyKey }, user);
      const twice = { metric: 'TOKENS_INPUT', quantity: 7, idempotencyKey: randomUUID() };
      const input = [{ metric: 'AGENT_CALLS', quantity: 1 }, twice, { ...usage, idempotencyKey }, twice];
      const { records } = await told(api, BATCH, { input }, user);
      expect(records.map(({ quantity }: Data) => quantity)).toEqual([1, 7, 3, 7]);
      expect(records[2].databaseId).toBe(databaseId);
      expect(records[1]).toEqual(records[3]);
      expect(await rowsOf(user)).toBe(3);
    });

    it('holds a thousand, sent by two at once in two orders', async () => {
      const user = await api.makeUser();
      const input = Array.from({ length: 1_000 }, (_, i) => ({
        ...usage,
        quantity: i,
        idempotencyKey: `key ${i}`,
      }));
      const [one, two] = await Promise.all([
        told(api, BATCH, { input }, user),
        told(api, BATCH, { input: input.toReversed() }, user),
      ]);
      expect(two.records.toReversed()).toEqual(one.records);
      expect(one.records.map(({ quantity }: Data) => quantity)).toEqual(
        input.map(({ quantity }) => quantity),
      );
      expect(await rowsOf(user)).toBe(1_000);
      expect(await told(api, BATCH, { input: [...input, usage] }, user)).toMatchObject({
        code: 'VALIDATION_FAILED',
      });
      expect(await told(api, BATCH, { input: [] }, user)).toMatchObject({ code: 'VALIDATION_FAILED' });
    });

    it('is recorded as a whole or not at all', async () => {
      const user = await api.makeUser();
      const idempotencyKey = randomUUID();
      await record({ ...usage, idempotencyKey }, user);
      const known = { ...usage, quantity: 99, idempotencyKey };
      const fresh = { ...usage, idempotencyKey: randomUUID() };
      expect(await told(api, BATCH, { input: [fresh, usage, known] }, user)).toMatchObject({
        code: 'CONFLICT',
        path: ['input', '2', 'idempotencyKey'],
      });
      expect(await told(api, BATCH, { input: [fresh, { ...fresh, quantity: 4 }] }, user)).toMatchObject({
        code: 'VALIDATION_FAILED',
        path: ['input', '1', 'idempotencyKey'],
      });
      expect(
        await told(api, BATCH, { input: [fresh, { ...usage, tenantId: tenant.id }] }, user),
      ).toMatchObject({
        code: 'NOT_FOUND',
        path: ['input', '1', 'tenantId'],
      });
      expect(await rowsOf(user)).toBe(1);
      expect(await record(fresh, user)).toMatchObject({ quantity: 3 });
    });
  });

  describe('is listed', () => {
    it("as the caller's own, page by page, newest first", async () => {
      const user = await api.makeUser();
      for (let day = 1; day <= 5; day++) {
        const metric = day % 2 ? 'API_CALLS' : 'AGENT_CALLS';
        await record({ metric, quantity: day, timestamp: `2026-01-0${day}T00:00:00Z` }, user);
      }
      const page = async (variables: object) => (await api.ask(LIST, variables, user)).data.usageRecords;
      const quantities = ({ edges }: Data) => edges.map(({ node }: Data) => node.quantity);
      const first = await page({ first: 2 });
      expect([quantities(first), first.totalCount, first.pageInfo.hasNextPage]).toEqual([[5, 4], 5, true]);
      expect(quantities(await page({ after: first.pageInfo.endCursor }))).toEqual([3, 2, 1]);
      expect(quantities(await page({ filter: { metric: ['AGENT_CALLS'] } }))).toEqual([4, 2]);
      const filter = { from: '2026-01-02T00:00:00Z', to: '2026-01-04T00:00:00Z' };
      expect(quantities(await page({ filter }))).toEqual([3, 2]);
      const { errors } = await api.ask(LIST, {});
      expect(errors?.[0]?.extensions?.code).toBe('UNAUTHENTICATED');
    });

    it('for a tenant to its admins and billing role, to others their own of it', async () => {
      const { id, admin, member, viewer, billing } = await makeTenant(api);
      await record({ ...usage, tenantId: id }, member);
      await record({ ...usage, tenantId: id, quantity: 8 }, admin);
      await record({ ...usage, quantity: 100 }, member);
      const below = `query ($id: ID!) { tenant(id: $id) { usageRecords { totalCount edges { node { quantity } } } } }`;
      const seen = async (user: User) => {
        const { data } = await api.ask(LIST, { filter: { tenantId: id } }, user);
        const quantities = data.usageRecords.edges.map(({ node }: Data) => node.quantity);
        const nested = (await api.ask(below, { id }, user)).data.tenant.usageRecords;
        expect(nested.edges.map(({ node }: Data) => node.quantity)).toEqual(quantities);
        expect(nested.totalCount).toBe(quantities.length);
        return quantities;
      };
      expect(await seen(admin)).toEqual([8, 3]);
      expect(await seen(billing)).toEqual([8, 3]);
      expect(await seen(member)).toEqual([3]);
      expect(await seen(viewer)).toEqual([]);
      const others = await api.ask(LIST, { filter: { tenantId: id } }, await api.makeUser());
      expect(others.data.usageRecords).toMatchObject({ edges: [], totalCount: 0 });
      const own = await api.ask(LIST, {}, admin);
      expect(own.data.usageRecords.edges.map(({ node }: Data) => node.quantity)).toEqual([8]);
    });
  });
});
