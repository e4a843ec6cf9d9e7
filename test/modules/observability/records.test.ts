import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Data, startApi, type TestApi, tokenOf, type User } from '../../support/api.ts';
import { insertTenant } from '../../support/tenants.ts';

let api: TestApi;
let user: User;
let other: User;
let viewer: User;
let service: { token: string };
let tenantId: string;
let theirs: string;

beforeAll(async () => {
  api = await startApi();
  user = await api.makeUser();
  other = await api.makeUser();
  viewer = await api.makeUser();
  service = { token: await tokenOf({ role: 'service_role' }) };
  tenantId = await insertTenant(api.admin, { [user.id]: 'member', [viewer.id]: 'viewer' });
  theirs = await insertTenant(api.admin, { [other.id]: 'admin' });
});
afterAll(() => api.close());

const FAILED = '... on Error { code path } ... on ValidationError { fields { path message } }';
const RECORD = `mutation ($input: [TelemetryEventInput!]!) {
  result: recordTelemetry(input: $input) { __typename ... on Recorded { count databaseIds } ${FAILED} } }`;
const MEASURE = `mutation ($input: [PerformanceMetricInput!]!) {
  result: recordPerformanceMetrics(input: $input) { __typename ... on Recorded { count databaseIds } ${FAILED} } }`;
const LOG = `mutation ($input: LogErrorInput!) { result: logError(input: $input) { __typename ${FAILED}
  ... on ErrorLog { id databaseId timestamp userId tenantId tenant { id } error { message name stack code } errorJson
    context severity severityText resolved } } }`;

type Caller = { token: string } | undefined;

async function write(query: string, variables: object, as: Caller): Promise<Data> {
  const { data, errors } = await api.ask(query, variables, as);
  expect(errors).toBeUndefined();
  return data.result;
}
const rows = async (sql: string, values: unknown[] = []) => (await api.admin.query(sql, values)).rows;
const countOf = async (table: string) => (await rows(`select count(*)::int from ${table}`))[0].count;
const paths = ({ fields }: { fields: { path: string[] }[] }) =>
  fields.map(({ path }) => path.join('.')).sort();

describe('recordTelemetry', () => {
  it('writes a batch of 1,000 in order, as the caller’s, and refuses 1,001', async () => {
    const input = Array.from({ length: 1000 }, (_, n) => ({
      type: n % 2 ? 'USER_ACTION' : 'API_CALL',
      timestamp: new Date(Date.UTC(2026, 0, 1, 0, 0, n)),
      tenantId: n % 3 ? tenantId : null,
      sessionId: n % 5 ? `session ${n}` : null,
      properties: { n, quote: `'"\\${n}` },
      metadata: n % 7 ? { of: 'test' } : null,
    }));
    const { count, databaseIds } = await write(RECORD, { input }, user);
    expect(count).toBe(1000);
    const stored = await rows(
      `select e.* from unnest($1::uuid[]) with ordinality as o (id, at) join telemetry_events e using (id) order by o.at`,
      [databaseIds],
    );
    expect(
      stored.map((row) => ({
        type: row.type.toUpperCase(),
        timestamp: row.timestamp,
        tenantId: row.tenant_id,
        sessionId: row.session_id,
        properties: row.properties,
        metadata: row.metadata,
      })),
    ).toEqual(input);
    expect(new Set(stored.map(({ user_id }) => user_id))).toEqual(new Set([user.id]));
    const before = await countOf('telemetry_events');
    const tooMany = await write(RECORD, { input: [...input, input[0]] }, user);
    expect(tooMany).toMatchObject({ code: 'VALIDATION_FAILED', path: ['input'] });
    expect((await write(RECORD, { input: [] }, user)).code).toBe('VALIDATION_FAILED');
    expect(await countOf('telemetry_events')).toBe(before);
  });

  it('is one INSERT, however large the batch', async () => {
    await api.admin.query(`create table statements (count int); insert into statements values (0);
      create function count_statement() returns trigger language plpgsql security definer as
        $$ begin update statements set count = count + 1; return null; end $$;
      create trigger count_statement after insert on telemetry_events
        for each statement execute function count_statement()`);
    await write(RECORD, { input: Array.from({ length: 300 }, () => ({ type: 'API_CALL' })) }, user);
    expect(await rows('select count from statements')).toEqual([{ count: 1 }]);
    await api.admin.query('drop trigger count_statement on telemetry_events');
  });

  it('names all faults of a batch at once and writes nothing of it', async () => {
    const before = await countOf('telemetry_events');
    const ok = { type: 'API_CALL' };
    const input = [
      ok,
      { ...ok, properties: [1] },
      { ...ok, sessionId: ' ' },
      { type: 'UNKNOWN' },
      { ...ok, timestamp: '1999-12-31T23:59:59Z', metadata: { text: 'a\u0000b' } },
      { ...ok, timestamp: '2999-01-01T00:00:00Z', tenantId: 'no id', sessionId: 'x'.repeat(256) },
    ];
    const result = await write(RECORD, { input }, user);
    expect(paths(result)).toEqual([
      'input.1.properties',
      'input.2.sessionId',
      'input.3.type',
      'input.4.metadata',
      'input.4.timestamp',
      'input.5.sessionId',
      'input.5.tenantId',
      'input.5.timestamp',
    ]);
    expect(await countOf('telemetry_events')).toBe(before);
  });

  it('answers for a tenant of somebody else as for one that is not there', async () => {
    const absent = '00000000-0000-4000-8000-000000000000';
    const before = await countOf('telemetry_events');
    const batch = (id: string) => [
      { type: 'API_CALL', tenantId },
      { type: 'API_CALL', tenantId: id },
      { type: 'ERROR', tenantId: id },
    ];
    const result = await write(RECORD, { input: batch(theirs) }, user);
    expect(paths(result)).toEqual(['input.1.tenantId', 'input.2.tenantId']);
    expect(await write(RECORD, { input: batch(absent) }, user)).toEqual(result);
    expect(await countOf('telemetry_events')).toBe(before);
  });

  it('takes a viewer’s, needs a user, and lets services record for nobody', async () => {
    const input = [{ type: 'SECURITY', tenantId }];
    expect(await write(RECORD, { input }, viewer)).toMatchObject({ count: 1 });
    expect(await write(RECORD, { input }, undefined)).toMatchObject({ code: 'UNAUTHENTICATED' });
    const { databaseIds } = await write(RECORD, { input }, service);
    expect(await rows('select user_id from telemetry_events where id = any($1)', [databaseIds])).toEqual([
      { user_id: null },
    ]);
  });
});

describe('recordPerformanceMetrics', () => {
  const figure = { metric: 'api.latency', value: '12.34567', unit: 'ms', tags: { region: 'eu' } };

  it('is for services alone', async () => {
    for (const as of [user, viewer]) {
      expect(await write(MEASURE, { input: [figure] }, as)).toMatchObject({ code: 'FORBIDDEN' });
    }
    expect(await write(MEASURE, { input: [figure] }, undefined)).toMatchObject({ code: 'UNAUTHENTICATED' });
    expect(await countOf('performance_metrics')).toBe(0);
  });

  it('writes up to 1,000 exactly, and 1,001 not at all', async () => {
    const values = ['12.34567', '-99999999.9999', '0', '.5', '7.', '+3', '0.00001'];
    const input = Array.from({ length: 1000 }, (_, n) => ({ ...figure, value: values[n % values.length] }));
    const { count, databaseIds } = await write(MEASURE, { input }, service);
    expect(count).toBe(1000);
    const stored = await rows(
      `select value from unnest($1::uuid[]) with ordinality as o (id, at)
       join performance_metrics using (id) order by o.at limit 7`,
      [databaseIds],
    );
    expect(stored.map(({ value }) => value)).toEqual([
      '12.3457',
      '-99999999.9999',
      '0.0000',
      '0.5000',
      '7.0000',
      '3.0000',
      '0.0000',
    ]);
    expect((await write(MEASURE, { input: [...input, figure] }, service)).code).toBe('VALIDATION_FAILED');
    expect(await countOf('performance_metrics')).toBe(1000);
  });

  it('names all faults at once', async () => {
    const input = [
      figure,
      { ...figure, metric: '' },
      { ...figure, value: '100000000' },
      { ...figure, value: '99999999.99995', unit: 'x'.repeat(21), tags: 'eu' },
    ];
    expect(paths(await write(MEASURE, { input }, service))).toEqual([
      'input.1.metric',
      'input.2.value',
      'input.3.tags',
      'input.3.unit',
      'input.3.value',
    ]);
    expect(await countOf('performance_metrics')).toBe(1000);
  });

  it('can be listed by everybody signed in, by metric, unit and tags', async () => {
    const LIST = `query ($filter: PerformanceMetricFilter) { performanceMetrics(first: 1, filter: $filter) {
      totalCount edges { node { databaseId metric value unit tags timestamp } } } }`;
    const found = async (filter: object, as: Caller = user) =>
      (await api.ask(LIST, { filter }, as)).data?.performanceMetrics.totalCount;
    await write(MEASURE, { input: [{ ...figure, metric: 'rare', unit: 's', tags: null }] }, service);
    expect(await found({})).toBe(1001);
    expect(await found({ metric: 'rare' }, viewer)).toBe(1);
    expect(await found({ unit: 's' }, service)).toBe(1);
    expect(await found({ tags: { region: 'eu' } })).toBe(1000);
    expect(await found({ tags: { region: 'us' } })).toBe(0);
    expect(await found({ since: '2999-01-01T00:00:00Z' })).toBe(0);
    const { data } = await api.ask(LIST, { filter: { metric: 'rare' } }, user);
    expect(data.performanceMetrics.edges[0].node).toMatchObject({ value: '12.3457', unit: 's', tags: null });
    expect((await api.ask(LIST, {})).errors?.[0]?.extensions?.code).toBe('UNAUTHENTICATED');
    expect((await api.ask(LIST, { filter: { tags: 'eu' } }, user)).errors?.[0]?.extensions?.code).toBe(
      'VALIDATION_FAILED',
    );
  });
});

describe('logError', () => {
  it('logs an error of the caller’s with all that is said of it', async () => {
    const error = { message: 'It broke', name: 'TypeError', stack: 'at a\n  at b', code: 'E_BROKE' };
    const input = { error, context: { page: '/runs' }, severity: 'CRITICAL', tenantId };
    expect(await write(LOG, { input }, user)).toMatchObject({
      __typename: 'ErrorLog',
      userId: user.id,
      tenantId,
      tenant: { id: expect.any(String) },
      error,
      errorJson: error,
      context: { page: '/runs' },
      severity: 'CRITICAL',
      severityText: 'critical',
      resolved: false,
    });
    const least = await write(LOG, { input: { error: { message: 'x' } } }, viewer);
    expect(least).toMatchObject({
      error: { message: 'x', name: 'Error', stack: null, code: null },
      errorJson: { message: 'x', name: 'Error' },
      context: null,
      severity: 'MEDIUM',
      tenant: null,
    });
  });

  it('names all faults at once, and another’s tenant like one that is not there', async () => {
    const before = await countOf('error_logs');
    const input = {
      error: { message: ' ', stack: '\ud800', code: 'x'.repeat(201) },
      severity: 'UNKNOWN',
      context: [1],
    };
    expect(paths(await write(LOG, { input }, user))).toEqual([
      'input.context',
      'input.error.code',
      'input.error.message',
      'input.error.stack',
      'input.severity',
    ]);
    const at = (id: string) => write(LOG, { input: { error: { message: 'x' }, tenantId: id } }, user);
    const refused = await at(theirs);
    expect(paths(refused)).toEqual(['input.tenantId']);
    expect(await at('00000000-0000-4000-8000-000000000000')).toEqual(refused);
    expect(await write(LOG, { input: { error: { message: 'x' } } }, undefined)).toMatchObject({
      code: 'UNAUTHENTICATED',
    });
    expect(await countOf('error_logs')).toBe(before);
  });

  it('needs a user who is still there', async () => {
    const ghost = { token: await tokenOf({ role: 'authenticated', sub: crypto.randomUUID() }) };
    expect(await write(LOG, { input: { error: { message: 'x' } } }, ghost)).toMatchObject({
      code: 'UNAUTHENTICATED',
    });
    expect(await write(RECORD, { input: [{ type: 'ERROR' }] }, ghost)).toMatchObject({
      code: 'UNAUTHENTICATED',
    });
  });
});
