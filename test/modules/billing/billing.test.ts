import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Data, startApi, type TestApi, tokenOf, type User } from '../../support/api.ts';
import { FAILURE, makeTenant, type TestTenant, told } from '../accounts/support.ts';

const SUBSCRIPTION = `id databaseId userId tenantId tenant { name } tier tierText status statusText stripeSubscriptionId
  stripeCustomerId currentPeriodStart currentPeriodEnd cancelAtPeriodEnd canceledAt trialStart trialEnd metadata
  createdAt updatedAt`;
const CANCEL = `mutation ($id: ID!, $cancel: Boolean!, $ifUpdatedAt: DateTime) {
  cancelBillingSubscriptionAtPeriodEnd(id: $id, cancel: $cancel, ifUpdatedAt: $ifUpdatedAt) {
    ... on BillingSubscription { id cancelAtPeriodEnd updatedAt } ${FAILURE} } }`;
const RECORD_EVENT = `mutation ($input: RecordBillingEventInput!) { recordBillingEvent(input: $input) {
  ... on BillingEvent { id databaseId userId type typeText data timestamp } ${FAILURE} } }`;
const PLAN = `{ viewer { plan { tier tierText status periodStart periodEnd limits { workflowRuns agentRuns }
  subscription { id } } } }`;

describe('billing', () => {
  let api: TestApi;
  let tenant: TestTenant;
  let service: Pick<User, 'token'>;
  beforeAll(async () => {
    api = await startApi();
    tenant = await makeTenant(api);
    service = { token: await tokenOf({ role: 'service_role' }) };
  });
  afterAll(() => api.close());

  async function subscribe(user: User, values: Record<string, unknown> = {}): Promise<string> {
    const row = {
      ...{ user_id: user.id, tier: 'pro', status: 'active' },
      ...{ current_period_start: '2026-11-01Z', current_period_end: '2026-12-01Z' },
      ...values,
    };
    const columns = Object.keys(row);
    const { rows } = await api.admin.query<{ id: string }>(
      `insert into subscriptions (${columns}) values (${columns.map((_, at) => `$${at + 1}`)}) returning id`,
      Object.values(row),
    );
    return rows[0]?.id ?? '';
  }
  async function ask(query: string, variables: object, user?: Pick<User, 'token'>): Promise<Data> {
    const { data, errors } = await api.ask(query, variables, user);
    if (errors) throw new Error(JSON.stringify(errors));
    return data;
  }

  describe('a subscription', () => {
    it('is seen whole by its owner and by the admins and billing role of its tenant, by nobody else', async () => {
      const id = await subscribe(tenant.member, {
        ...{ tenant_id: tenant.id, tier: 'platinum', status: 'trialing' },
        ...{ stripe_subscription_id: 'sub_1', stripe_customer_id: 'cus_1', trial_start: '2026-11-01Z' },
        metadata: { seats: 5 },
      });
      const one = `query ($id: ID!) { billingSubscription(id: $id) { ${SUBSCRIPTION} } }`;
      const found = (await ask(one, { id }, tenant.member)).billingSubscription;
      expect(found).toMatchObject({
        ...{ databaseId: id, userId: tenant.member.id, tenantId: tenant.id, tenant: { name: 'A tenant' } },
        ...{ tier: 'UNKNOWN', tierText: 'platinum', status: 'TRIALING', statusText: 'trialing' },
        ...{
          stripeSubscriptionId: 'sub_1',
          stripeCustomerId: 'cus_1',
          cancelAtPeriodEnd: false,
          canceledAt: null,
        },
        ...{
          currentPeriodEnd: '2026-12-01T00:00:00.000Z',
          trialStart: '2026-11-01T00:00:00.000Z',
          trialEnd: null,
        },
        metadata: { seats: 5 },
      });
      const node = `query ($id: ID!) { node(id: $id) { ... on BillingSubscription { databaseId } } }`;
      for (const user of [tenant.member, tenant.admin, tenant.billing]) {
        expect((await ask(one, { id: found.id }, user)).billingSubscription.databaseId).toBe(id);
        expect((await ask(node, { id: found.id }, user)).node).toEqual({ databaseId: id });
      }
      for (const user of [tenant.viewer, await api.makeUser()]) {
        expect((await ask(one, { id }, user)).billingSubscription).toBeNull();
        expect((await ask(node, { id: found.id }, user)).node).toBeNull();
      }
      const { errors } = await api.ask(one, { id });
      expect(errors?.[0]?.extensions?.code).toBe('UNAUTHENTICATED');
    });

    it('is listed by filter and below its tenant', async () => {
      const user = await api.makeUser();
      const first = await subscribe(user, { created_at: '2026-01-01Z', status: 'canceled' });
      const second = await subscribe(user, { created_at: '2026-02-01Z', tenant_id: tenant.id });
      const list = `query ($filter: BillingSubscriptionFilter, $orderBy: BillingSubscriptionOrder) {
        billingSubscriptions(filter: $filter, orderBy: $orderBy) { totalCount nodes: edges { node { databaseId } } } }`;
      const ids = async (filter: object, orderBy = {}) => {
        const { billingSubscriptions } = await ask(list, { filter, orderBy }, user);
        expect(billingSubscriptions.totalCount).toBe(billingSubscriptions.nodes.length);
        return billingSubscriptions.nodes.map(({ node }: Data) => node.databaseId);
      };
      expect(await ids({})).toEqual([second, first]);
      expect(await ids({}, { direction: 'ASC' })).toEqual([first, second]);
      expect(await ids({ status: ['CANCELED'] })).toEqual([first]);
      expect(await ids({ tenantId: tenant.id, tier: ['PRO'] })).toEqual([second]);
      expect(await ids({ cancelAtPeriodEnd: true })).toEqual([]);
      const below = `query ($id: ID!) { tenant(id: $id) { billingSubscriptions(filter: {tier: [PRO]}) {
        edges { node { databaseId } } } } }`;
      const { edges } = (await ask(below, { id: tenant.id }, tenant.billing)).tenant.billingSubscriptions;
      expect(edges).toEqual([{ node: { databaseId: second } }]);
      const seen = (await ask(below, { id: tenant.id }, tenant.viewer)).tenant.billingSubscriptions;
      expect(seen.edges).toEqual([]);
    });

    it('ends with its period where its owner wants it to, and nobody else', async () => {
      const owner = tenant.member;
      const id = await subscribe(owner, { tenant_id: tenant.id });
      expect(await told(api, CANCEL, { id, cancel: true }, owner)).toMatchObject({ cancelAtPeriodEnd: true });
      expect(await told(api, CANCEL, { id, cancel: false }, owner)).toMatchObject({
        cancelAtPeriodEnd: false,
      });
      expect(await told(api, CANCEL, { id, cancel: true }, tenant.admin)).toMatchObject({
        code: 'FORBIDDEN',
      });
      const stranger = await api.makeUser();
      expect(await told(api, CANCEL, { id, cancel: true }, stranger)).toMatchObject({
        code: 'NOT_FOUND',
        path: ['id'],
      });
      for (const none of [randomUUID(), 'none']) {
        expect(await told(api, CANCEL, { id: none, cancel: true }, owner)).toMatchObject({
          code: 'NOT_FOUND',
        });
      }
      expect(await told(api, CANCEL, { id, cancel: true })).toMatchObject({ code: 'UNAUTHENTICATED' });
      const { rows } = await api.admin.query('select cancel_at_period_end from subscriptions where id = $1', [
        id,
      ]);
      expect(rows).toEqual([{ cancel_at_period_end: false }]);
    });

    it('of a tenant stays as it is once its owner has left', async () => {
      const owner = await api.makeUser();
      const id = await subscribe(owner, { tenant_id: tenant.id });
      expect(await told(api, CANCEL, { id, cancel: true }, owner)).toMatchObject({
        code: 'FORBIDDEN',
        path: ['id'],
      });
    });

    it('is not changed over a change in between, nor after its end', async () => {
      const owner = await api.makeUser();
      const id = await subscribe(owner);
      const { updatedAt } = await told(api, CANCEL, { id, cancel: true }, owner);
      const again = await told(api, CANCEL, { id, cancel: false, ifUpdatedAt: updatedAt }, owner);
      expect(again).toMatchObject({ cancelAtPeriodEnd: false });
      expect(
        await told(api, CANCEL, { id, cancel: true, ifUpdatedAt: '2026-01-01T00:00:00Z' }, owner),
      ).toMatchObject({
        code: 'CONFLICT',
        path: ['ifUpdatedAt'],
      });
      await api.admin.query(`update subscriptions set status = 'canceled' where id = $1`, [id]);
      expect(await told(api, CANCEL, { id, cancel: true }, owner)).toMatchObject({
        code: 'CONFLICT',
        path: ['id'],
      });
    });
  });

  describe("the viewer's plan", () => {
    it('is free without a subscription that counts', async () => {
      const user = await api.makeUser();
      await subscribe(user, { status: 'canceled' });
      await subscribe(user, { status: 'unpaid' });
      expect((await ask(PLAN, {}, user)).viewer.plan).toEqual({
        ...{
          tier: 'FREE',
          tierText: 'free',
          status: null,
          periodStart: null,
          periodEnd: null,
          subscription: null,
        },
        limits: { workflowRuns: 100, agentRuns: 100 },
      });
    });

    it('is the newest that does, with what it includes', async () => {
      const user = await api.makeUser();
      await subscribe(user, { tier: 'starter', status: 'past_due', created_at: '2026-01-01Z' });
      const plan = async () => (await ask(PLAN, {}, user)).viewer.plan;
      expect(await plan()).toMatchObject({
        tier: 'STARTER',
        status: 'PAST_DUE',
        limits: { agentRuns: 10_000 },
      });
      await subscribe(user, { tier: 'enterprise', status: 'trialing', created_at: '2026-02-01Z' });
      expect(await plan()).toMatchObject({
        ...{ tier: 'ENTERPRISE', status: 'TRIALING', periodEnd: '2026-12-01T00:00:00.000Z' },
        limits: { workflowRuns: null, agentRuns: null },
      });
      await subscribe(user, { tier: 'pro', status: 'canceled', created_at: '2026-03-01Z' });
      expect(await plan()).toMatchObject({ tier: 'ENTERPRISE' });
      await subscribe(user, { tier: 'gold', created_at: '2026-04-01Z' });
      expect(await plan()).toMatchObject({
        tier: 'UNKNOWN',
        tierText: 'gold',
        limits: { workflowRuns: 100 },
      });
    });
  });

  describe('billing events', () => {
    it('are written by services alone', async () => {
      const user = await api.makeUser();
      const input = {
        userId: user.id,
        type: 'PAYMENT_FAILED',
        data: { cents: 1200 },
        timestamp: '2026-11-01T10:00:00Z',
      };
      const made = await told(api, RECORD_EVENT, { input }, service as User);
      expect(made).toMatchObject({
        ...input,
        typeText: 'payment_failed',
        timestamp: '2026-11-01T10:00:00.000Z',
      });
      expect(await told(api, RECORD_EVENT, { input }, user)).toMatchObject({ code: 'FORBIDDEN' });
      expect(await told(api, RECORD_EVENT, { input: { ...input, type: 'UNKNOWN' } }, user)).toMatchObject({
        code: 'FORBIDDEN',
      });
      expect(await told(api, RECORD_EVENT, { input })).toMatchObject({ code: 'UNAUTHENTICATED' });
      const { rows } = await api.admin.query('select 1 from billing_events where user_id = $1', [user.id]);
      expect(rows).toHaveLength(1);
    });

    it('are refused with all that is wrong with them', async () => {
      const input = { userId: 'none', type: 'UNKNOWN', data: 'text', timestamp: '2100-01-01T00:00:00Z' };
      const { code, fields } = await told(api, RECORD_EVENT, { input }, service as User);
      expect(code).toBe('VALIDATION_FAILED');
      expect(fields.map(({ path }: Data) => path.join('.'))).toEqual([
        'input.userId',
        'input.type',
        'input.data',
        'input.timestamp',
      ]);
      const nobody = { userId: randomUUID(), type: 'INVOICE_CREATED' };
      expect(await told(api, RECORD_EVENT, { input: nobody }, service as User)).toMatchObject({
        code: 'NOT_FOUND',
        path: ['input', 'userId'],
      });
    });

    it('are listed for whose they are, newest first', async () => {
      const user = await api.makeUser();
      for (const [type, at] of [
        ['invoice_created', '2026-01-01Z'],
        ['payment_failed', '2026-01-02Z'],
        ['something_new', '2026-01-03Z'],
      ]) {
        await api.admin.query(
          'insert into billing_events (user_id, event_type, timestamp) values ($1, $2, $3)',
          [user.id, type, at],
        );
      }
      const list = `query ($filter: BillingEventFilter) { billingEvents(filter: $filter) { totalCount
        edges { node { type typeText data } } } }`;
      const types = async (filter: object, who: Pick<User, 'token'> = user) =>
        (await ask(list, { filter }, who)).billingEvents.edges.map(({ node }: Data) => node.typeText);
      expect(await types({})).toEqual(['something_new', 'payment_failed', 'invoice_created']);
      expect(await types({ type: ['UNKNOWN'] })).toEqual(['something_new']);
      expect(await types({ from: '2026-01-02T00:00:00Z', to: '2026-01-03T00:00:00Z' })).toEqual([
        'payment_failed',
      ]);
      expect(await types({}, tenant.admin)).toEqual([]);
      expect(await types({ to: '2026-01-03T00:00:00Z' }, service)).toEqual([
        'payment_failed',
        'invoice_created',
      ]);
    });
  });
});
