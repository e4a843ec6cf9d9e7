import { kill } from 'node:process';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  findMarked,
  GUARD_MARKER,
  RUN_MARKER,
} from '../../../../src/modules/training/local/marked-processes.ts';
import {
  hasEnded,
  hasLine,
  linesOf,
  openWorkerBench,
  statusesOf,
  type WorkerBench,
} from '../../../support/training.ts';
import { startWorkerProcess } from '../../../support/worker-process.ts';

let bench: WorkerBench;
beforeAll(async () => {
  bench = await openWorkerBench();
});
afterAll(() => bench?.close());

it('hands a run back when it shuts down, and the next start takes it up at once', async () => {
  const first = await bench.startWorker();
  const id = await bench.start({
    script: [{ stopUnlessFirst: true }, { polite: true }, { child: true }, { hang: true }],
  });
  await bench.until(id, hasLine(/^child/));
  const stopping = performance.now();
  await first.stop(4_000);
  expect(performance.now() - stopping).toBeLessThan(4_000);
  expect(await findMarked(RUN_MARKER, id)).toEqual([]);
  const stopped = await bench.until(id, (events) => events.length > 0);
  const reason = 'pending: the worker shut down; the run is taken up at the next start';
  expect(statusesOf(stopped)).toEqual(['pending', 'running', reason]);
  expect(linesOf(stopped)).toContain('checkpoint written');

  const starting = performance.now();
  const second = await bench.startWorker();
  const events = await bench.until(id, hasEnded);
  // A job that had to wait for a heartbeat to run out would take 10 s.
  expect(performance.now() - starting).toBeLessThan(8_000);
  expect(statusesOf(events)).toEqual(['pending', 'running', reason, 'running', 'completed']);
  await second.stop(4_000);
});

it('stops by its own order on Ctrl-C, which a terminal sends to the whole process group', async () => {
  const { config, database } = bench;
  const worker = await startWorkerProcess({ config, workerUrl: database.worker, detached: true });
  const id = await bench.start({
    script: [{ stopUnlessFirst: true }, { polite: true }, { print: 'up' }, { hang: true }],
  });
  await bench.until(id, hasLine('up'));
  kill(-worker.pid, 'SIGINT');
  await worker.gone;
  const events = await bench.until(id, ({ length }) => length > 0);
  // A trainer that had got the signal as well would have been killed by it.
  expect(linesOf(events)).toEqual(['up', 'checkpoint written']);
  expect(statusesOf(events).at(-1)).toMatch(/^pending: the worker shut down/);
});

it('is gone within its grace although the trainer ignores SIGTERM', async () => {
  const worker = await bench.startWorker();
  const id = await bench.start({
    script: [{ stopUnlessFirst: true }, { stubborn: true }, { print: 'up' }, { hang: true }],
  });
  await bench.until(id, hasLine('up'));
  const stopping = performance.now();
  await worker.stop(4_000);
  expect(performance.now() - stopping).toBeLessThan(4_000);
  expect(await findMarked(RUN_MARKER, id)).toEqual([]);
});

it('fails a run that takes too long', async () => {
  const worker = await bench.startWorker({ runTimeoutMs: 300 });
  const id = await bench.start({ script: [{ hang: true }] });
  expect(statusesOf(await bench.until(id, hasEnded)).at(-1)).toBe(
    'failed: the run took longer than LOCAL_RUN_TIMEOUT_MINUTES allows',
  );
  await worker.stop(4_000);
});

it('fails a run whose program is not there', async () => {
  const worker = await bench.startWorker({ command: ['/nowhere/trainer'] });
  const id = await bench.start({ script: [] });
  expect(statusesOf(await bench.until(id, hasEnded)).at(-1)).toBe(
    'failed: the trainer could not be started (ENOENT)',
  );
  await worker.stop(4_000);
});

it('kills a trainer whose guard was killed, and takes the run up again', async () => {
  const worker = await bench.startWorker();
  const id = await bench.start({ script: [{ stopUnlessFirst: true }, { child: true }, { hang: true }] });
  await bench.until(id, hasLine(/^child/));
  const [guard = 0] = await findMarked(GUARD_MARKER, id);
  kill(guard, 'SIGKILL');
  const events = await bench.until(id, hasEnded);
  const reason = 'pending: the guard of the trainer was killed; the run is taken up again';
  expect(statusesOf(events)).toEqual(['pending', 'running', reason, 'running', 'completed']);
  expect(await findMarked(RUN_MARKER, id)).toEqual([]);
  await worker.stop(4_000);
});

it('trains with the trainer shipped, on an example', async () => {
  const worker = await bench.startWorker('trainer shipped');
  const id = await bench.start({
    storagePath: 'examples/datasets/astronomy.jsonl',
    format: 'chatml',
    config: { hyperparameters: { steps: 5, batch_size: 8 } },
  });
  const events = await bench.until(id, hasEnded);
  expect(statusesOf(events)).toEqual(['pending', 'running', 'completed']);
  expect(events.filter(({ type }) => type === 'metric').length).toBeGreaterThanOrEqual(5);
  const { rows } = await bench.admin.query('select progress, result from training_executions where id = $1', [
    id,
  ]);
  expect(rows[0]).toMatchObject({
    progress: 100,
    result: { model_path: expect.stringMatching(/model\.json$/), metrics: { steps: 5 } },
  });
  await worker.stop(4_000);
});
