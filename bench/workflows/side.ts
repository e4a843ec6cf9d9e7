/** A durable engine as the bench drives it: workflows of steps that do nothing. */
export type Side = {
  /** Starts one and resolves once that is committed. @param shape how its steps hang together */
  start(shape: Shape, steps: number): Promise<string>;
  ended(id: string): Promise<void>;
  /** When the first step of it began, by `performance.now()`. */
  begunAt(id: string): number;
  close(): Promise<void>;
};

export type Shape = 'chain' | 'fan-out';

/** What a side's process is asked for. */
export type Task =
  | { kind: 'throughput'; shape: Shape; workflows: number; steps: number }
  | { kind: 'idle'; workflows: number }
  | { kind: 'rate'; perSecond: number; seconds: number };

/** Times in milliseconds. */
export type Answer = { seconds: number; cpuSeconds: number; done: number; latencies: number[] };

/** Serves a side to the bench: one task at a time, until it is asked to end. */
export async function serve(side: Side): Promise<void> {
  process.on('message', async (task: Task | 'end') => {
    if (task === 'end') {
      await side.close();
      process.exit(0);
    }
    process.send?.(await answer(side, task));
  });
  process.on('disconnect', () => process.exit());
  process.send?.('ready');
}

async function answer(side: Side, task: Task): Promise<Answer> {
  const cpu = process.cpuUsage();
  const begun = performance.now();
  const { done, latencies } = await work(side, task);
  const seconds = (performance.now() - begun) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  return { seconds, cpuSeconds: (user + system) / 1e6, done, latencies };
}

async function work(side: Side, task: Task): Promise<{ done: number; latencies: number[] }> {
  if (task.kind === 'throughput') {
    const { shape, workflows, steps } = task;
    const all = Array.from({ length: workflows }, async () => side.ended(await side.start(shape, steps)));
    await Promise.all(all);
    return { done: workflows * steps, latencies: [] };
  }
  if (task.kind === 'idle') {
    const latencies: number[] = [];
    for (let n = 0; n < task.workflows; n += 1) {
      const id = await side.start('chain', 1);
      const committed = performance.now();
      await side.ended(id);
      // It may have begun before its start was told to whoever asked for it.
      latencies.push(Math.max(0, side.begunAt(id) - committed));
    }
    return { done: task.workflows, latencies };
  }
  return await atRate(side, task);
}

/** Starts so many a second whatever becomes of them, as people and programs do. */
async function atRate(side: Side, { perSecond, seconds }: Extract<Task, { kind: 'rate' }>) {
  const begun = performance.now();
  const latencies: number[] = [];
  const all: Promise<void>[] = [];
  const one = async (due: number) => {
    const id = await side.start('chain', 1);
    await side.ended(id);
    latencies.push(performance.now() - due);
  };
  const count = perSecond * seconds;
  while (all.length < count) {
    const due = Math.min(count, Math.floor(((performance.now() - begun) / 1_000) * perSecond));
    while (all.length < due) all.push(one(begun + (all.length / perSecond) * 1_000));
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await Promise.all(all);
  return { done: count, latencies };
}
