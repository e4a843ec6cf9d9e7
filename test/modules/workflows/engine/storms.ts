import { Client } from 'pg';
import { loadConfig } from '../../../../src/platform/config.ts';
import { seededRandom } from '../../../support/random.ts';
import { type Received, startReceiver } from '../../../support/receiver.ts';
import { startWorkerProcess, type WorkerProcess } from '../../../support/worker-process.ts';
import { openEngine } from '../../../support/workflow-engine.ts';
import { type Dag, randomDag } from './dags.ts';

export type StormOptions = {
  seed: number;
  /** How many workflows, of how many steps at most. */
  workflows: number;
  steps: number;
  killEveryMs: number;
  progress(line: string): void;
};

export type Storm = {
  /** By status. */
  statuses: Record<string, number>;
  stepRuns: number;
  calls: number;
  kills: number;
  /** Each a sentence; none where all went well. */
  faults: string[];
  /** Seconds from the last sign of a worker that was killed to the next attempt at its step. */
  takeovers: number[];
};

/**
 * Runs random workflows with two workers, of which one is killed -9 again and again, and looks at what is left: in rows, in
 * the feed, and at the receiver of what the steps have done.
 */
export async function runStorm(options: StormOptions): Promise<Storm> {
  const { seed, workflows, steps, killEveryMs, progress } = options;
  const random = seededRandom(seed);
  const effects = new Map<string, number>();
  const receiver = await startReceiver((request) => answer(request, effects));
  const engine = await openEngine();
  const config = loadConfig(
    { OUTBOUND_ALLOWED_HOSTS: `127.0.0.1:${receiver.port}`, LOG_LEVEL: 'warn', WORKFLOW_MAX_STEPS: '8' },
    '/',
  );
  const start = () => startWorkerProcess({ config, workerUrl: engine.database.worker });
  const workers: WorkerProcess[] = await Promise.all([start(), start()]);
  const approver = await approveAll(engine.database.admin);
  try {
    const dags: { id: string; dag: Dag }[] = [];
    for (let n = 0; n < workflows; n += 1) {
      const dag = randomDag(random, { most: steps, url: `${receiver.url}/effect` });
      const id = await engine.start(await engine.define(dag.steps, { startStepId: dag.steps[0]?.id }));
      dags.push({ id, dag });
    }
    const over = Promise.all(dags.map(({ id }) => engine.ended(id)));
    let isOver = false;
    void over.finally(() => {
      isOver = true;
    });
    let kills = 0;
    while (!isOver) {
      await Promise.race([over, new Promise((resolve) => setTimeout(resolve, killEveryMs))]);
      if (isOver) break;
      const at = Math.floor(random() * workers.length);
      workers[at]?.signal('SIGKILL');
      workers[at] = await start();
      kills += 1;
      progress(`${kills} kills, ${effects.size} effects`);
    }
    const found = await examine(engine, dags, effects);
    return { ...found, kills, calls: receiver.received.length };
  } finally {
    for (const worker of workers) worker.signal('SIGTERM');
    await Promise.all(workers.map(({ gone }) => gone));
    await approver.close();
    await engine.close();
    await receiver.close();
  }
}

/** Fails as often as the body says, and then does what it was asked for: once for each key, however often it is asked. */
function answer({ headers, body }: Received, effects: Map<string, number>) {
  const key = String(headers['idempotency-key'] ?? headers['webhook-id']);
  const { failures } = JSON.parse(body) as { failures: number };
  const calls = (effects.get(key) ?? 0) + 1;
  effects.set(key, calls);
  return calls <= failures ? { status: 500 } : { status: 200, body: JSON.stringify({ done: key }) };
}

/** Says yes to every question as soon as it is asked. */
async function approveAll(url: string) {
  const client = new Client({ connectionString: url });
  await client.connect();
  let deciding = Promise.resolve();
  const decide = async () => {
    await client.query(
      `select runcast.decide_approval(a.execution_id, a.id, 'approved', null, null)
       from runcast.approvals a where a.decision is null`,
    );
  };
  await client.query(`set request.jwt.claims = '{"role": "service_role"}'`);
  const look = () => {
    deciding = deciding.then(decide).catch(() => undefined);
  };
  client.on('notification', look);
  // A decision that lost against a step's own end is taken back with all others of its statement.
  const poll = setInterval(look, 1_000);
  await client.query('listen runcast_feed');
  return {
    async close() {
      clearInterval(poll);
      await deciding;
      await client.end();
    },
  };
}

type Engine = Awaited<ReturnType<typeof openEngine>>;

async function examine(
  engine: Engine,
  dags: readonly { id: string; dag: Dag }[],
  effects: ReadonlyMap<string, number>,
): Promise<Omit<Storm, 'kills' | 'calls'>> {
  const statuses: Record<string, number> = {};
  const faults: string[] = [];
  const takeovers: number[] = [];
  const done = new Set<string>();
  let stepRuns = 0;
  for (const { id, dag } of dags) {
    const { status } = await engine.execution(id);
    statuses[status] = (statuses[status] ?? 0) + 1;
    if (status !== 'completed') faults.push(`${id} is ${status}`);
    const runs = await engine.steps(id);
    const events = await engine.events(id);
    stepRuns += runs.length;
    for (const [stepId, expected] of dag.expected) {
      const found = runs.filter((run) => run.stepId === stepId && run.state === 'completed').length;
      if (found !== expected) faults.push(`${id}: step ${stepId} has ${found} runs instead of ${expected}`);
      const told = (state: string) =>
        events.filter(
          ({ type, payload }) => type === 'step' && payload.stepId === stepId && payload.state === state,
        ).length;
      if (told('completed') !== expected)
        faults.push(`${id}: ${stepId} completed ${told('completed')} times`);
      if (told('queued') + told('delayed') < expected) faults.push(`${id}: ${stepId} was never ready`);
    }
    for (const run of runs) if (run.name.startsWith('webhook')) done.add(run.id);
    if (events.some(({ seq }, at) => seq !== at + 1)) faults.push(`${id}: its feed has a gap`);
    takeovers.push(...takeoversIn(events));
  }
  for (const key of effects.keys())
    if (!done.has(key)) faults.push(`there was an effect of ${key}, which is no run`);
  for (const key of done) if (!effects.has(key)) faults.push(`there was no effect of ${key}`);
  return { statuses, stepRuns, faults, takeovers };
}

/** Two attempts at a step of one place after each other, with no failure in between: the first one's worker was killed. */
function takeoversIn(events: Awaited<ReturnType<Engine['events']>>): number[] {
  const running = new Map<string, Date>();
  const seconds: number[] = [];
  for (const { type, payload, at } of events) {
    if (type !== 'step' || payload.type === 'loop') continue;
    const { stepId, state, attempt } = payload;
    const before = running.get(stepId);
    if (state === 'running' && attempt > 1 && before) seconds.push((at.getTime() - before.getTime()) / 1_000);
    if (state === 'running') running.set(stepId, at);
    else running.delete(stepId);
  }
  return seconds;
}
