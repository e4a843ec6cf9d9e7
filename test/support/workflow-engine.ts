import { randomUUID } from 'node:crypto';
import jsonata from 'jsonata';
import { Client } from 'pg';
import type { PgBoss } from 'pg-boss';
import { quoteStepIds } from '../../src/modules/steps/expressions.ts';
import type { Scope, StepCall } from '../../src/modules/steps/step.ts';
import { createActiveSteps } from '../../src/modules/workflows/engine/active-steps.ts';
import { loadWorkflow, startWorkflow } from '../../src/modules/workflows/engine/start.ts';
import type { StepKit } from '../../src/modules/workflows/engine/step-kit.ts';
import { workWorkflows } from '../../src/modules/workflows/jobs/jobs.ts';
import { parseDefinition } from '../../src/modules/workflows/validation/validate.ts';
import { createServiceDatabase, type ServiceDatabase } from '../../src/platform/db/service.ts';
import type { Sql } from '../../src/platform/db/sql.ts';
import { createViewerDatabase } from '../../src/platform/db/viewer.ts';
import type { ExecutionEvent } from '../../src/platform/feed/events.ts';
import type { Priority } from '../../src/platform/feed/feed.ts';
import { createBoss } from '../../src/platform/jobs/boss.ts';
import { createLogger } from '../../src/platform/logger.ts';
import type { LooseStep } from '../modules/workflows/definitions.ts';
import { createTestDatabase, type TestDatabase } from './postgres.ts';
import { insertWorkflow } from './workflows.ts';

/** What a step that is told to do something does: the webhook steps of these tests call no URL, but this. */
export type Effect = (config: { url: string; body?: unknown }, call: StepCall) => Promise<unknown>;

export type StepRow = {
  id: string;
  stepId: string;
  name: string;
  state: string;
  attempt: number;
  tries: number;
  place: string;
  iteration: number;
  output: unknown;
  error: { code?: string; message: string } | null;
};

/** Expressions as they are, with nothing between them and the thread: what they may do is tested elsewhere. */
function kitWith(effect: Effect, startAgent: StepKit['startAgent'] | undefined): StepKit {
  const read = (source: string, scope: Scope) => jsonata(quoteStepIds(source)).evaluate(scope);
  const notHere = () => Promise.reject(new Error('not in these tests'));
  return {
    runners: {
      transform: async ({ mapping }, scope) =>
        Object.fromEntries(
          await Promise.all(
            Object.entries(mapping).map(async ([key, value]) => [
              key,
              typeof value === 'string' ? await read(value, scope) : value,
            ]),
          ),
        ),
      webhook: (config, _scope, call) => effect(config, call),
      ...{ match: notHere, reconcile: notHere, api: notHere, database: notHere },
      ...{ generate: notHere, notification: notHere },
    },
    holds: async ({ conditions: [condition] }, scope) =>
      (await read(condition?.field ?? 'false', scope)) === condition?.value,
    loopItems: async ({ items }, scope) => (await read(items, scope)) ?? [],
    fill: async (value) => value,
    startAgent: startAgent ?? notHere,
    startTraining: notHere,
  };
}

export type Engine = Awaited<ReturnType<typeof openEngine>>;

/** A database with a tenant and a user in it, and the engine, which runs nothing until it is told to work. */
export async function openEngine(database?: TestDatabase) {
  const own = database ?? (await createTestDatabase());
  const admin = new Client({ connectionString: own.admin });
  await admin.connect();
  const log = createLogger('silent');
  const service = createServiceDatabase({ url: own.worker, poolSize: 8, log });
  const viewers = createViewerDatabase({ url: own.api, poolSize: 2, log });
  const user = randomUUID();
  await admin.query('insert into auth.users (id, email) values ($1, $2)', [user, `${user}@example.com`]);
  const { rows } = await admin.query<{ id: string }>(
    `insert into public.tenants (name, subdomain) values ('t', $1) returning id`,
    [randomUUID()],
  );
  const tenantId = rows[0]?.id ?? '';
  await admin.query(`insert into public.user_tenants (tenant_id, user_id, role) values ($1, $2, 'admin')`, [
    tenantId,
    user,
  ]);
  const workers: { boss: PgBoss; database: ServiceDatabase }[] = [];

  return {
    database: own,
    admin,
    sql: service.sql,
    service,
    user,
    tenantId,

    /** Has a worker run steps; what webhook steps do is the effect's to say. */
    async work(effect: Effect = async () => ({}), concurrency = 4, startAgent?: StepKit['startAgent']) {
      const worker = createServiceDatabase({ url: own.worker, poolSize: concurrency + 2, log });
      const boss = createBoss({ url: own.worker, log });
      await boss.start();
      const steps = createActiveSteps();
      const dependencies = {
        database: worker,
        kit: kitWith(effect, startAgent),
        steps,
        worker: randomUUID(),
        log,
      };
      await workWorkflows(boss, dependencies, { concurrency });
      workers.push({ boss, database: worker });
      return { steps, check: () => steps.check(worker.sql) };
    },

    /** Another tenant, with a user of its own. */
    async makeTenant(limits: object = {}): Promise<{ tenantId: string; user: string }> {
      const owner = randomUUID();
      await admin.query('insert into auth.users (id, email) values ($1, $2)', [
        owner,
        `${owner}@example.com`,
      ]);
      const made = await admin.query<{ id: string }>(
        `insert into public.tenants (name, subdomain, limits) values ('t', $1, $2) returning id`,
        [randomUUID(), limits],
      );
      const id = made.rows[0]?.id ?? '';
      await admin.query(
        `insert into public.user_tenants (tenant_id, user_id, role) values ($1, $2, 'admin')`,
        [...[id, owner]],
      );
      return { tenantId: id, user: owner };
    },

    /** A workflow of these steps, begun by the first. */
    define: (steps: LooseStep[], rest: Record<string, unknown> = {}, of = tenantId) =>
      insertWorkflow(admin, of, { steps, startStepId: steps[0]?.id ?? '', createdBy: user, ...rest }),

    async start(
      workflowId: string,
      options: {
        input?: unknown;
        priority?: Priority;
        parent?: { kind: 'workflow'; id: string };
        userId?: string;
      } = {},
    ): Promise<string> {
      const workflow = await loadWorkflow(service.sql, workflowId);
      if (!workflow) throw new Error(`there is no workflow ${workflowId}`);
      const { definition, faults } = parseDefinition(workflow.stored);
      if (!definition) throw new Error(JSON.stringify(faults));
      return await service.transaction((sql) =>
        startWorkflow(sql, { definition, workflow, userId: user, input: {}, ...options }),
      );
    },

    async steps(id: string): Promise<StepRow[]> {
      const { rows } = await admin.query<StepRow>(
        `select id, step_id as "stepId", name, state, attempt, tries, place, iteration, output, error
         from runcast.workflow_step_runs where execution_id = $1 order by created_at, position`,
        [id],
      );
      return rows;
    },

    async execution(id: string) {
      const { rows } = await admin.query(
        'select status, output, error, state, metrics from public.workflow_executions where id = $1',
        [id],
      );
      return rows[0];
    },

    async events(id: string): Promise<ExecutionEvent[]> {
      const { rows } = await admin.query<ExecutionEvent>(
        `select seq::int as seq, type, at, attempt, payload from runcast.execution_events
         where kind = 'workflow' and execution_id = $1 order by seq`,
        [id],
      );
      return rows;
    },

    /** As the user, or whoever it is, on a connection that the policies hold for. */
    async as<Result>(userId: string, work: (sql: Sql) => Promise<Result>): Promise<Result> {
      return await viewers.withViewer({ role: 'authenticated', sub: userId }, ({ sql }) => work(sql));
    },

    async makeUser(role?: string): Promise<string> {
      const id = randomUUID();
      await admin.query('insert into auth.users (id, email) values ($1, $2)', [id, `${id}@example.com`]);
      if (role) {
        await admin.query('insert into public.user_tenants (tenant_id, user_id, role) values ($1, $2, $3)', [
          ...[tenantId, id, role],
        ]);
      }
      return id;
    },

    until: (id: string, holds: (events: ExecutionEvent[]) => boolean) => untilEvents(own.admin, id, holds),
    ended: (id: string) => untilEvents(own.admin, id, hasEnded),

    async close() {
      await Promise.all(workers.map(({ boss }) => boss.stop({ graceful: true, timeout: 5_000 })));
      await Promise.all([
        service.close(),
        viewers.close(),
        ...workers.map(({ database: worker }) => worker.close()),
      ]);
      await admin.end();
      if (!database) await own.drop();
    },
  };
}

export function hasEnded(events: ExecutionEvent[]): boolean {
  const last = events.at(-1);
  return last?.type === 'status' && ['completed', 'failed', 'cancelled'].includes(last.payload.to);
}

/** Reads an execution's events whenever the feed says that it grew, until this holds. */
async function untilEvents(
  url: string,
  id: string,
  holds: (events: ExecutionEvent[]) => boolean,
): Promise<ExecutionEvent[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const { promise, resolve, reject } = Promise.withResolvers<ExecutionEvent[]>();
    // One after another: a look that comes while another one is under way follows it.
    let looking = Promise.resolve();
    const look = async () => {
      const { rows } = await client.query<ExecutionEvent>(
        `select seq::int as seq, type, at, attempt, payload from runcast.execution_events
         where kind = 'workflow' and execution_id = $1 order by seq`,
        [id],
      );
      if (holds(rows)) resolve(rows);
    };
    client.on('notification', ({ payload }) => {
      if (payload?.includes(id)) looking = looking.then(look).catch(reject);
    });
    await client.query('listen runcast_feed');
    looking = looking.then(look).catch(reject);
    return await promise;
  } finally {
    await client.end();
  }
}
