import { type Cases, edges, globalOnly, type MakeTarget, type Person, type Seen } from '../case.ts';
import { tenant } from './accounts.ts';

type Client = Parameters<MakeTarget>[0];

const PERIOD = 'period: { from: "2026-01-01T00:00:00Z", to: "2026-02-01T00:00:00Z" }';

const event: MakeTarget = async (admin, person) => ({
  id: {
    row: await inserted(
      admin,
      `insert into public.telemetry_events (type, user_id, tenant_id, session_id, properties)
       values ('api_call', $1, $2, $3::text, jsonb_build_object('note', $3::text)) returning id`,
      person,
    ),
    typename: 'TelemetryEvent',
  },
});

const error: MakeTarget = async (admin, person) => ({
  id: {
    row: await inserted(
      admin,
      `insert into public.error_logs (user_id, tenant_id, error, context)
       values ($1, $2, jsonb_build_object('message', 'a ' || $3::text, 'name', 'Error'), '{}') returning id`,
      person,
    ),
    typename: 'ErrorLog',
  },
});

const resolvedError: MakeTarget = async (admin, person) => {
  const made = await error(admin, person);
  await admin.query('update public.error_logs set resolved = true where id = $1', [made.id?.row]);
  return made;
};

/** Nobody's in particular: figures of the installation. */
const metric: MakeTarget = async (admin) => {
  const { rows } = await admin.query<{ id: string }>(
    `insert into public.performance_metrics (metric, value, unit, "timestamp")
     values ('queue_ms', 4.5, 'ms', '2026-01-15T12:00:00Z') returning id`,
  );
  return { id: { row: rows[0]?.id ?? '', typename: 'PerformanceMetric', isShared: true } };
};

const everybody: Seen = {
  as: 'the owner',
  because: 'whoever is signed in sees the figures of the installation',
};
const figures = { stranger: everybody, viewer: everybody, former: everybody };

const records: Seen = {
  as: 'the owner',
  because: 'every active member records what happens to him in the tenant',
};
const inTenant: Seen = { as: 'parent only', because: 'a viewer sees the tenant, and of these rows his own' };

const error1 = 'error: { message: "not mine" }';

export const observability: Cases = {
  'Query.telemetryEvents': [
    { call: 'telemetryEvents(first: 100)' },
    { call: 'telemetryEvents(filter: { tenantId: $id })', target: tenant },
  ],
  'Query.node(TelemetryEvent)': { call: 'node(id: $id)', target: globalOnly(event, 'id') },
  'TelemetryEvent.tenant': { call: 'node(id: $id)', target: globalOnly(event, 'id') },
  'Tenant.telemetryEvents': { call: 'tenant(id: $id)', target: tenant, seen: { viewer: inTenant } },
  'Query.errorLog': { call: 'errorLog(id: $id)', target: error },
  'Query.errorLogs': [
    { call: 'errorLogs(first: 100)' },
    { call: 'errorLogs(filter: { search: "mark" })' },
    { call: 'errorLogs(filter: { tenantId: $id })', target: tenant },
  ],
  'Query.node(ErrorLog)': { call: 'node(id: $id)', target: globalOnly(error, 'id') },
  ...edges(['ErrorLog.error', 'ErrorLog.tenant'], { call: 'errorLog(id: $id)', target: error }),
  'Tenant.errorLogs': { call: 'tenant(id: $id)', target: tenant, seen: { viewer: inTenant } },
  'Query.performanceMetrics': { call: 'performanceMetrics(first: 5)', target: metric, seen: figures },
  'Query.node(PerformanceMetric)': { call: 'node(id: $id)', target: globalOnly(metric, 'id'), seen: figures },
  'Query.performanceReport': {
    call: `performanceReport(metric: "queue_ms", ${PERIOD})`,
    target: metric,
    seen: figures,
  },
  ...edges(['PerformanceReport.period', 'PerformanceReport.series'], {
    call: `performanceReport(metric: "queue_ms", ${PERIOD})`,
    target: metric,
    seen: figures,
  }),
  ...edges(['PerformanceSeries.buckets', 'PerformanceSeries.total'], {
    call: `performanceReport(metric: "queue_ms", ${PERIOD})`,
    under: ['series'],
    target: metric,
    seen: figures,
  }),
  'Query.liveStats': { call: 'liveStats', owner: 'service' },

  'Mutation.recordTelemetry': {
    call: 'recordTelemetry(input: [{ type: API_CALL, tenantId: $id }])',
    target: tenant,
    seen: { viewer: records },
  },
  'Mutation.recordPerformanceMetrics': {
    call: 'recordPerformanceMetrics(input: [{ metric: "queue_ms", value: "1.5", unit: "ms" }])',
    owner: 'service',
  },
  'Mutation.logError': {
    call: `logError(input: { ${error1}, tenantId: $id })`,
    target: tenant,
    seen: { viewer: records },
  },
  'Mutation.resolveError': { call: 'resolveError(id: $id)', target: error },
  'Mutation.reopenError': { call: 'reopenError(id: $id)', target: resolvedError },
};

async function inserted(admin: Client, statement: string, { id, tenantId, mark }: Person): Promise<string> {
  const { rows } = await admin.query<{ id: string }>(statement, [id, tenantId, mark]);
  return rows[0]?.id ?? '';
}
