import { afterAll, beforeAll, expect, it } from 'vitest';
import { findMarked, RUN_MARKER } from '../../../../src/modules/training/local/marked-processes.ts';
import {
  hasEnded,
  hasLine,
  linesOf,
  openWorkerBench,
  statusesOf,
  type WorkerBench,
} from '../../../support/training.ts';

let bench: WorkerBench;

beforeAll(async () => {
  bench = await openWorkerBench();
  await bench.startWorker({ maxRuns: 4 });
});

afterAll(() => bench?.close());

it('turns output into events in order and completes with the result', async () => {
  const id = await bench.start({
    script: [
      { print: 'hello' },
      { print: '{"step": 1, "loss": 2.5, "progress": 50}' },
      { warn: 'WARNING: careful' },
      { file: { path: 'output/model.json', text: '{}' } },
      { result: { model_path: 'output/model.json', metrics: { loss: 2.5 } } },
    ],
  });
  const events = await bench.until(id, hasEnded);
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, i) => i + 1));
  expect(statusesOf(events)).toEqual(['pending', 'running', 'completed']);
  expect(events.flatMap(({ type, payload }) => (type === 'log' ? [payload] : []))).toEqual(
    expect.arrayContaining([
      { level: 'info', message: 'hello', source: 'stdout' },
      { level: 'warn', message: 'WARNING: careful', source: 'stderr' },
    ]),
  );
  expect(events.filter(({ type }) => type === 'metric')).toMatchObject([
    { payload: { step: 1, values: { loss: 2.5 } } },
  ]);
  const { rows } = await bench.admin.query(
    'select status, progress, result, error from training_executions where id = $1',
    [id],
  );
  expect(rows).toEqual([
    {
      status: 'completed',
      progress: 100,
      error: null,
      result: {
        model_path: `${bench.config.dataDir}/runs/${id}/output/model.json`,
        metrics: { loss: 2.5 },
      },
    },
  ]);
});

it('hands the dataset over and keeps our secrets from the trainer', async () => {
  const id = await bench.start({
    storagePath: 'datasets/data.jsonl',
    script: [{ dataset: true }, { environment: true }],
  });
  const lines = linesOf(await bench.until(id, hasEnded));
  expect(lines).toContain('dataset {"prompt":"a","completion":"b"}');
  const names = lines.find((line) => line.startsWith('environment '))?.split(' ') ?? [];
  expect(names).toEqual(
    expect.arrayContaining(['PATH', 'HF_HOME', 'RUNCAST_RUN_DIR', 'RUNCAST_EXECUTION_ID']),
  );
  expect(names).not.toContain('JWT_SECRET');
});

it.each([
  [[{ warn: 'out of memory' }, { exit: 3 }], 'the trainer ended with exit code 3: out of memory'],
  [[{ kill: 'SIGKILL' }, { hang: true }], 'the trainer was killed by SIGKILL'],
  [[{ result: 'no JSON' }], 'result.json is not JSON'],
  [[{ folder: 'result.json' }], 'result.json is no file of at most 1 MiB'],
  [
    [{ result: { model_path: '/etc/passwd' } }],
    'result.json names a model_path that is no file in the run folder',
  ],
])('fails after %j', async (script, error) => {
  const id = await bench.start({ script });
  const events = await bench.until(id, hasEnded);
  expect(statusesOf(events)).toEqual(['pending', 'running', `failed: ${error}`]);
});

it('survives a 10 MB line, broken UTF-8 and a flood of lines', async () => {
  const id = await bench.start({
    script: [
      { flood: 10 * 1024 * 1024 },
      { bytes: Buffer.from([0xff, 0xfe, 0x61, 0x00, 0x62, 0x0a]).toString('base64') },
      { lines: 20_000 },
    ],
  });
  const lines = linesOf(await bench.until(id, hasEnded));
  expect(lines[0]).toMatch(/^x+… \[truncated \d+ bytes\]$/);
  expect(lines[1]).toBe('\uFFFD\uFFFDab');
  expect(lines.slice(2, -1)).toEqual(Array.from({ length: 20_000 }, (_, i) => `line ${i + 1}`));
});

it('cancels a trainer that ignores SIGTERM, and its child that left the group', async () => {
  const id = await bench.start({ script: [{ stubborn: true }, { child: true }, { hang: true }] });
  await bench.until(id, hasLine(/^child/));
  await bench.cancel(id, 'enough');
  const events = await bench.until(id, hasEnded);
  expect(statusesOf(events)).toEqual(['pending', 'running', 'cancelled: enough']);
  expect(linesOf(events)).toContain('not now');
  expect(await findMarked(RUN_MARKER, id)).toEqual([]);
});

it('stops a trainer whose run was ended by another hand', async () => {
  const id = await bench.start({ script: [{ child: true }, { hang: true }] });
  await bench.until(id, hasLine(/^child/));
  await bench.admin.query("update training_executions set status = 'cancelled' where id = $1", [id]);
  await bench.log.until(({ msg, executionId }) => msg === 'run ended' && executionId === id);
  expect(await findMarked(RUN_MARKER, id)).toEqual([]);
  expect(statusesOf(await bench.until(id, hasEnded)).at(-1)).toMatch(/^cancelled/);
});

it.each([
  ['https://example.com/data.jsonl', /is at a URL/],
  ['/etc/passwd', /lies outside/],
  ['../../etc/passwd', /no readable file|lies outside/],
  ['datasets/absent.jsonl', /no readable file/],
])('refuses the dataset %s', async (storagePath, error) => {
  const id = await bench.start({ storagePath, script: [] });
  const [, , end] = statusesOf(await bench.until(id, hasEnded));
  expect(end).toMatch(error);
});

it('fails a run of a provider that this worker does not have', async () => {
  const id = await bench.start({ provider: 'openai', script: [] });
  expect(statusesOf(await bench.until(id, hasEnded))).toEqual([
    'pending',
    'running',
    'failed: this worker does not run the provider openai',
  ]);
});

it('changes nothing when the job of an ended run is delivered again', async () => {
  const id = await bench.start({ script: [{ print: 'once' }] });
  const { length } = await bench.until(id, hasEnded);
  await bench.admin.query(
    `select runcast.enqueue_job('training.run', jsonb_build_object('executionId', $1::text))`,
    [id],
  );
  await bench.log.until(({ code, executionId }) => code === 'STREAM_CLOSED' && executionId === id);
  expect(await bench.until(id, hasEnded)).toHaveLength(length);
});
