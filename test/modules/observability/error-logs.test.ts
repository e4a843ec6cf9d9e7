import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Data, startApi, type TestApi, tokenOf, type User } from '../../support/api.ts';
import { insertTenant } from '../../support/tenants.ts';

let api: TestApi;
let user: User;
let other: User;
let viewer: User;
let admin: User;
let service: { token: string };
let tenantId: string;

beforeAll(async () => {
  api = await startApi();
  user = await api.makeUser();
  other = await api.makeUser();
  viewer = await api.makeUser();
  admin = await api.makeUser();
  service = { token: await tokenOf({ role: 'service_role' }) };
  tenantId = await insertTenant(api.admin, {
    [user.id]: 'member',
    [viewer.id]: 'viewer',
    [admin.id]: 'admin',
  });
});
afterAll(() => api.close());

const ABSENT = '00000000-0000-4000-8000-000000000000';

type Stored = {
  userId?: string | null;
  tenantId?: string | null;
  error?: unknown;
  severity?: string;
  resolved?: boolean;
  at?: string;
};

async function insertError({ error = { message: 'x', name: 'Error' }, ...row }: Stored): Promise<string> {
  const { rows } = await api.admin.query(
    `insert into error_logs (user_id, tenant_id, error, severity, resolved, "timestamp")
     values ($1, $2, $3::jsonb, $4, $5, coalesce($6::timestamptz, now())) returning id`,
    [
      row.userId === undefined ? user.id : row.userId,
      row.tenantId ?? null,
      JSON.stringify(error),
      row.severity ?? 'medium',
      row.resolved ?? false,
      row.at ?? null,
    ],
  );
  return rows[0].id;
}

const LIST = `query ($filter: ErrorLogFilter, $orderBy: ErrorLogOrder) {
  errorLogs(first: 100, filter: $filter, orderBy: $orderBy) {
    totalCount edges { node { id databaseId error { message name stack code } errorJson severity severityText } } } }`;

async function listed(filter: object | null, as: { token: string } = user): Promise<string[]> {
  const { data, errors } = await api.ask(LIST, { filter }, as);
  expect(errors).toBeUndefined();
  expect(data.errorLogs.totalCount).toBe(data.errorLogs.edges.length);
  return data.errorLogs.edges.map(({ node }: Data) => node.databaseId);
}

describe('errorLogs', () => {
  it('takes whatever is stored: an error that is no object, and a severity that nobody knows', async () => {
    const stored = [
      { message: 'm', name: 'N', stack: 's', code: 'C', more: [1] },
      { message: 7, code: null },
      'text',
      [1],
      null,
    ];
    const ids: string[] = [];
    for (const error of stored) ids.push(await insertError({ error, severity: 'apocalyptic' }));
    const { data } = await api.ask(
      LIST,
      { filter: { severity: ['UNKNOWN'] }, orderBy: { direction: 'ASC' } },
      user,
    );
    const nodes = data.errorLogs.edges.map(({ node: { id: _, ...node } }: Data) => node);
    const nothing = { message: null, name: null, stack: null, code: null };
    const errors = [{ message: 'm', name: 'N', stack: 's', code: 'C' }, nothing, null, null, null];
    expect(nodes).toEqual(
      ids.map((databaseId, n) => ({
        databaseId,
        error: errors[n],
        errorJson: stored[n],
        severity: 'UNKNOWN',
        severityText: 'apocalyptic',
      })),
    );
    await api.admin.query('delete from error_logs');
  });

  it('filters by severity, state, tenant and time', async () => {
    const low = await insertError({ severity: 'low', at: '2026-01-01T00:00:00Z' });
    const done = await insertError({ resolved: true, at: '2026-01-02T00:00:00Z' });
    const ours = await insertError({ tenantId, at: '2026-01-03T00:00:00Z' });
    expect(await listed(null)).toEqual([ours, done, low]);
    expect(await listed({ severity: ['LOW', 'HIGH'] })).toEqual([low]);
    expect(await listed({ severity: [] })).toEqual([]);
    expect(await listed({ resolved: true })).toEqual([done]);
    expect(await listed({ resolved: false })).toEqual([ours, low]);
    expect(await listed({ tenantId })).toEqual([ours]);
    expect(await listed({ tenantId: 'no id\u0000' })).toEqual([]);
    expect(await listed({ since: '2026-01-02T00:00:00Z', until: '2026-01-03T00:00:00Z' })).toEqual([done]);
    await api.admin.query('delete from error_logs');
  });

  it('shows each user their own alone, and nobody’s to services', async () => {
    const mine = await insertError({ tenantId });
    const others = await insertError({ userId: other.id });
    const nobodys = await insertError({ userId: null, tenantId });
    expect(await listed(null)).toEqual([mine]);
    for (const as of [viewer, admin]) expect(await listed({ tenantId }, as)).toEqual([]);
    expect((await listed(null, service)).sort()).toEqual([mine, others, nobodys].sort());
    const READ = `query ($id: ID!) { errorLog(id: $id) { databaseId } }`;
    const NODE = `query ($id: ID!) { node(id: $id) { id } }`;
    const read = async (id: string, as: { token: string }) => (await api.ask(READ, { id }, as)).data.errorLog;
    expect(await read(mine, user)).toEqual({ databaseId: mine });
    expect(await read(nobodys, service)).toEqual({ databaseId: nobodys });
    for (const id of [others, nobodys, ABSENT, 'no id\u0000']) {
      expect(await read(id, user)).toBeNull();
      const node = Buffer.from(`ErrorLog:${id}`).toString('base64');
      expect((await api.ask(NODE, { id: node }, user)).data.node).toBeNull();
    }
    for (const query of [LIST, READ]) {
      const { errors } = await api.ask(query, { id: mine });
      expect(errors?.[0]?.extensions?.code).toBe('UNAUTHENTICATED');
    }
    await api.admin.query('delete from error_logs');
  });

  it('belongs to its tenant, as telemetry does', async () => {
    const second = await insertTenant(api.admin, { [user.id]: 'admin' });
    const wanted = [tenantId, second].map((id) => ({ id, errors: [] as string[], events: [] as string[] }));
    for (const tenant of wanted) {
      tenant.errors.push(await insertError({ tenantId: tenant.id }));
      await insertError({ tenantId: tenant.id, userId: null });
      const { rows } = await api.admin.query(
        `insert into telemetry_events (type, user_id, tenant_id)
         values ('error', $1, $2), ('error', $3, $2), ('error', null, $2) returning id`,
        [user.id, tenant.id, other.id],
      );
      tenant.events.push(rows[0].id);
    }
    const { data, errors } = await api.ask(
      `{ errorLogs { edges { node { tenant {
           errorLogs(filter: {resolved: false}) { totalCount edges { node { databaseId tenantId } } }
           telemetryEvents(filter: {type: [ERROR]}) { totalCount edges { node {
             databaseId tenantId type typeText userId sessionId properties metadata tenant { name } } } } } } } } }`,
      {},
      user,
    );
    expect(errors).toBeUndefined();
    const found = data.errorLogs.edges.map(({ node }: Data) => node.tenant);
    const ids = (page: Data) => page.edges.map(({ node }: Data) => node.databaseId);
    expect(found.map((tenant: Data) => [ids(tenant.errorLogs), ids(tenant.telemetryEvents)])).toEqual(
      wanted.toReversed().map((tenant) => [tenant.errors, tenant.events]),
    );
    for (const tenant of found) expect(tenant.telemetryEvents.totalCount).toBe(1);
    await api.admin.query('delete from error_logs; delete from telemetry_events');
  });
});

describe('telemetryEvents', () => {
  it('shows each user their own alone, filtered, and nobody’s to services', async () => {
    await api.admin.query(
      `insert into telemetry_events (type, user_id, tenant_id, session_id, "timestamp")
       values ('api_call', $1, $3, 's1', '2026-01-01Z'), ('security', $1, null, 's2', '2026-01-02Z'),
         ('made_up', $1, null, null, '2026-01-03Z'), ('api_call', $2, null, 's1', '2026-01-01Z'),
         ('api_call', null, $3, 's1', '2026-01-01Z')`,
      [user.id, other.id, tenantId],
    );
    const types = async (filter: object | null, as: { token: string } = user) => {
      const { data } = await api.ask(
        `query ($filter: TelemetryEventFilter) { telemetryEvents(filter: $filter) {
           edges { node { type typeText } } } }`,
        { filter },
        as,
      );
      return data.telemetryEvents.edges.map(({ node }: Data) => `${node.type} ${node.typeText}`);
    };
    expect(await types(null)).toEqual(['UNKNOWN made_up', 'SECURITY security', 'API_CALL api_call']);
    expect(await types({ type: ['UNKNOWN', 'API_CALL'] })).toEqual(['UNKNOWN made_up', 'API_CALL api_call']);
    expect(await types({ sessionId: 's2' })).toEqual(['SECURITY security']);
    expect(await types({ tenantId })).toEqual(['API_CALL api_call']);
    expect(await types({ since: '2026-01-03T00:00:00Z' })).toEqual(['UNKNOWN made_up']);
    expect(await types({ until: '2026-01-02T00:00:00Z' })).toEqual(['API_CALL api_call']);
    for (const as of [viewer, admin]) expect(await types({ tenantId }, as)).toEqual([]);
    expect(await types(null, service)).toHaveLength(5);
    const { errors } = await api.ask('{ telemetryEvents { totalCount } }');
    expect(errors?.[0]?.extensions?.code).toBe('UNAUTHENTICATED');
  });
});

describe('resolveError and reopenError', () => {
  const change = async (field: string, id: string, as?: { token: string }): Promise<Data> => {
    const { data, errors } = await api.ask(
      `mutation ($id: ID!) { result: ${field}(id: $id) {
         ... on Error { code path } ... on ErrorLog { databaseId resolved } } }`,
      { id },
      as,
    );
    expect(errors).toBeUndefined();
    return data.result;
  };

  it('mark an error of the caller’s, as often as they are called', async () => {
    const databaseId = await insertError({});
    const id = Buffer.from(`ErrorLog:${databaseId}`).toString('base64');
    expect(await change('resolveError', databaseId, user)).toEqual({ databaseId, resolved: true });
    expect(await change('resolveError', id, user)).toEqual({ databaseId, resolved: true });
    expect(await change('reopenError', id, user)).toEqual({ databaseId, resolved: false });
    expect(await change('resolveError', id, service)).toEqual({ databaseId, resolved: true });
  });

  it('answer for somebody else’s as for none, and change nothing', async () => {
    const mine = await insertError({ tenantId });
    const nobodys = await insertError({ userId: null, tenantId });
    for (const field of ['resolveError', 'reopenError']) {
      for (const as of [other, viewer, admin]) {
        const none = await change(field, ABSENT, as);
        expect(none).toEqual({ code: 'NOT_FOUND', path: ['id'] });
        for (const id of [mine, nobodys, 'no id\u0000']) expect(await change(field, id, as)).toEqual(none);
      }
      expect(await change(field, mine)).toMatchObject({ code: 'UNAUTHENTICATED' });
    }
    const { rows } = await api.admin.query('select distinct resolved from error_logs where id = any($1)', [
      [mine, nobodys],
    ]);
    expect(rows).toEqual([{ resolved: false }]);
  });
});
