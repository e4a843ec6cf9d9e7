import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { createSteps, openSandbox } from '../../src/app/steps.ts';
import { createProviders } from '../../src/modules/training/providers.ts';
import { createActiveSteps } from '../../src/modules/workflows/engine/active-steps.ts';
import { loadWorkflow, startWorkflow } from '../../src/modules/workflows/engine/start.ts';
import { workWorkflows } from '../../src/modules/workflows/jobs/jobs.ts';
import { parseDefinition } from '../../src/modules/workflows/validation/validate.ts';
import { loadConfig } from '../../src/platform/config.ts';
import { createServiceDatabase } from '../../src/platform/db/service.ts';
import { createBoss } from '../../src/platform/jobs/boss.ts';
import { createNotifier } from '../../src/platform/live/notifier.ts';
import { createLogger } from '../../src/platform/logger.ts';
import { type Shape, type Side, serve } from './side.ts';

/** The engine and its jobs as the worker has them; steps are transforms that make constants, so no sandbox is asked. */
const [adminUrl = '', workerUrl = ''] = process.argv.slice(2);
const log = createLogger('warn');
const config = loadConfig({}, process.cwd());
// Hints go out after the commit, as the program sends them.
const notifier = createNotifier({ url: workerUrl, log });
const sendHint = (hint: string) => notifier.publish(hint);
const database = createServiceDatabase({ url: workerUrl, poolSize: config.maxSteps + 2, sendHint, log });
const starts = createServiceDatabase({ url: workerUrl, poolSize: 8, sendHint, log });
const sandbox = openSandbox();
const providers = createProviders({ config, log });
const { kit } = createSteps({ config, database, sandbox, providers, cipher: undefined });
const begun = new Map<string, number>();
/** Steps of an execution that have run, and who waits for how many. */
const ran = new Map<string, number>();
const waiting = new Map<string, { steps: number; resolve: () => void }>();
const sizes = new Map<string, number>();
const noop = {
  ...kit,
  runners: {
    ...kit.runners,
    transform: async (_config: unknown, _scope: unknown, { execution }: { execution: { id: string } }) => {
      if (!begun.has(execution.id)) begun.set(execution.id, performance.now());
      const steps = (ran.get(execution.id) ?? 0) + 1;
      ran.set(execution.id, steps);
      const waits = waiting.get(execution.id);
      if (waits && waits.steps === steps) waits.resolve();
      return {};
    },
  },
};
const boss = createBoss({ url: workerUrl, log });
await boss.start();
const worker = { database, kit: noop, steps: createActiveSteps(), worker: randomUUID(), log };
await workWorkflows(boss, worker, { concurrency: config.maxSteps });

const admin = new Client({ connectionString: adminUrl });
await admin.connect();
const user = randomUUID();
await admin.query('insert into auth.users (id, email) values ($1, $2)', [user, `${user}@example.com`]);
const { rows } = await admin.query<{ id: string }>(
  `insert into public.tenants (name, subdomain, limits) values ('bench', $1, '{"maxConcurrentRuns": 100000}') returning id`,
  [randomUUID()],
);
const tenantId = rows[0]?.id ?? '';
await admin.query(`insert into public.user_tenants (tenant_id, user_id, role) values ($1, $2, 'admin')`, [
  ...[tenantId, user],
]);

const known = new Map<string, ReturnType<typeof definitionOf>>();
async function definitionOf(shape: Shape, count: number) {
  const ids = Array.from({ length: count }, () => randomUUID());
  const steps = ids.map((id, at) => ({
    ...{ id, name: `step ${at}`, type: 'transform', config: { mapping: { done: true } } },
    ...(shape === 'fan-out' && { metadata: { next: at === 0 ? ids.slice(1) : [] } }),
  }));
  const { rows: made } = await admin.query<{ id: string }>(
    `insert into public.workflows (tenant_id, name, version, category, trigger, steps, start_step_id, created_by)
     values ($1, $2, '1.0.0', 'custom', '{"type": "manual"}', $3, $4, $5) returning id`,
    [tenantId, randomUUID(), JSON.stringify(steps), ids[0], user],
  );
  const workflow = await loadWorkflow(database.sql, made[0]?.id ?? '');
  if (!workflow) throw new Error('there is no workflow');
  const { definition, faults } = parseDefinition(workflow.stored);
  if (!definition) throw new Error(JSON.stringify(faults));
  return { workflow, definition };
}

const side: Side = {
  async start(shape, count) {
    const key = `${shape} ${count}`;
    const made = known.get(key) ?? definitionOf(shape, count);
    known.set(key, made);
    const { workflow, definition } = await made;
    const id = await starts.transaction((sql) =>
      startWorkflow(sql, { workflow, definition, userId: user, input: {} }),
    );
    sizes.set(id, count);
    return id;
  },
  async ended(id) {
    const steps = sizes.get(id) ?? 0;
    const { promise, resolve } = Promise.withResolvers<void>();
    waiting.set(id, { steps, resolve });
    if ((ran.get(id) ?? 0) < steps) await promise;
    waiting.delete(id);
    // The last step has run: what is left is to write that down.
    const text = "select state from runcast.execution_streams where kind = 'workflow' and execution_id = $1";
    for (;;) {
      const [stream] = await starts.sql.query<{ state: string }>(text, [id]);
      if (stream?.state === 'closed') return;
      await new Promise((again) => setTimeout(again, 2));
    }
  },
  begunAt: (id) => begun.get(id) ?? Number.NaN,
  async close() {
    await boss.stop({ graceful: true, timeout: 5_000 });
    await Promise.all([database.close(), starts.close(), sandbox.close(), admin.end(), notifier.close()]);
  },
};
await serve(side);
