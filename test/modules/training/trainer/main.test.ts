import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createOutputParser } from '../../../../src/modules/training/local/output-parser.ts';
import {
  type JsonLine,
  lossesOf,
  readResult,
  runFolder,
  runTrainer,
  startTrainer,
  type Trainer,
  temporaryFolder,
} from './support.ts';

/** Reads on until a line of this type, for this step or a later one, has come. */
async function waitFor(
  { lines }: Trainer,
  type: string,
  step: number,
  seen: JsonLine[] = [],
): Promise<JsonLine> {
  for (;;) {
    const { value, done } = await lines.next();
    if (done) throw new Error(`the trainer ended before a ${type} line for step ${step}`);
    seen.push(value);
    if (value.type === type && Number(value.step) >= step) return value;
  }
}

async function drain({ lines }: Trainer, into: JsonLine[]): Promise<void> {
  for await (const line of lines) into.push(line);
}

const long = { steps: 300, batch_size: 64, hidden_dim: 64, checkpoint_every: 20 };

test('killed in mid-run, it goes on from its checkpoint to the same losses and the same model', async () => {
  const whole = await runFolder({ hyperparameters: long });
  const broken = await runFolder({ hyperparameters: long });
  const expected = await runTrainer('train', '--run', whole);
  expect(expected.code).toBe(0);

  const killed = startTrainer('train', '--run', broken);
  await waitFor(killed, 'checkpoint', 40);
  killed.child.kill('SIGKILL');
  await drain(killed, []);
  expect((await killed.ended).code).toBe('SIGKILL');

  const resumed = await runTrainer('train', '--run', broken);
  expect(resumed.code).toBe(0);
  const losses = lossesOf(resumed.lines);
  expect(losses.length).toBeLessThanOrEqual(260);
  expect(losses).toEqual(lossesOf(expected.lines).slice(-losses.length));
  expect((await readResult(broken)).metrics).toEqual((await readResult(whole)).metrics);
  const parameters = async (folder: string) =>
    JSON.parse(await readFile(join(folder, 'output/model.json'), 'utf8')).parameters;
  expect(await parameters(broken)).toBe(await parameters(whole));
});

test.each([
  ['SIGTERM', 143],
  ['SIGINT', 130],
] as const)('on %s it ends its step, writes a checkpoint and exits with %i within a second', async (signal, code) => {
  const folder = await runFolder({ hyperparameters: { ...long, steps: 100_000, checkpoint_every: 100_000 } });
  const trainer = startTrainer('train', '--run', folder);
  const seen: JsonLine[] = [];
  await waitFor(trainer, 'metric', 3, seen);
  const begun = performance.now();
  trainer.child.kill(signal);
  await drain(trainer, seen);
  expect(await trainer.ended).toEqual({ code, stderr: '' });
  expect(performance.now() - begun).toBeLessThan(1000);
  const last = lossesOf(seen).at(-1)?.[0];
  const { body } = JSON.parse(await readFile(join(folder, 'checkpoint.json'), 'utf8'));
  expect(body.step).toBe(last);
  expect(seen.at(-1)).toEqual({ text: `Stopped at step ${last} of 100000` });
});

test.each([
  ['no command', [], /Usage/],
  ['no folder', ['train'], /--run <folder> is missing/],
  ['an unknown option', ['train', '--fast'], /--fast/],
  ['a folder without run.json', ['train', '--run', '/nonexistent'], /run\.json cannot be read/],
  ['no model', ['sample', '--model', '/nonexistent'], /is not a model that can be read/],
  ['a bad number', ['sample', '--model', 'x', '--temperature', 'hot'], /--temperature must be a number/],
])('input that is no good is told on stderr, with exit code 2: %s', async (_name, args, message) => {
  const { code, stderr, lines } = await runTrainer(...args);
  expect(code).toBe(2);
  expect(stderr).toMatch(message);
  expect(stderr).not.toContain('    at ');
  expect(lines).toEqual([]);
});

test('a malformed dataset ends the run with one line on stderr and no result', async () => {
  const folder = await runFolder({ lines: [{ prompt: 'a' }] });
  const { code, stderr } = await runTrainer('train', '--run', folder);
  expect(code).toBe(2);
  expect(stderr).toMatch(/^ERROR: .*0\.jsonl:1: completion: is missing .*\n$/);
  await expect(readFile(join(folder, 'result.json'))).rejects.toThrow('ENOENT');
});

test('when nobody reads its output any more it ends with a failure', async () => {
  const folder = await runFolder({ hyperparameters: { ...long, steps: 100_000 } });
  const trainer = startTrainer('train', '--run', folder);
  await waitFor(trainer, 'metric', 1);
  trainer.child.stdout?.destroy();
  expect(await trainer.ended).toMatchObject({ code: 1, stderr: expect.stringContaining('EPIPE') });
});

test('the output parser reads a whole run: a metric a step, progress to 100, the plain lines as logs', async () => {
  const folder = await runFolder();
  const trainer = startTrainer('train', '--run', folder);
  const parser = createOutputParser({ source: 'stdout' });
  const items: ReturnType<typeof parser.push> = [];
  trainer.child.stdout?.on('data', (chunk: Buffer) => items.push(...parser.push(chunk)));
  expect((await trainer.ended).code).toBe(0);
  items.push(...parser.end());
  const steps = items.filter((item) => item.kind === 'metric' && 'loss' in item.values);
  expect(steps.map((item) => item.kind === 'metric' && item.step)).toEqual(
    Array.from({ length: 40 }, (_, index) => index + 1),
  );
  expect(items.filter((item) => item.kind === 'progress').at(-1)).toMatchObject({ percent: 100, step: 40 });
  const messages = items.flatMap((item) => (item.kind === 'log' ? [item.message] : []));
  expect(messages.at(0)).toBe('Dataset data: 12 records');
  expect(messages.at(-1)).toMatch(/^Done: held-out loss/);
});

test('text is drawn from the model file, the same for the same seed', async () => {
  const folder = await runFolder({ hyperparameters: { steps: 400, batch_size: 32, learning_rate: 0.02 } });
  await runTrainer('train', '--run', folder);
  const { model_path } = await readResult(folder);
  const sample = async (...args: string[]) => {
    const { code, lines } = await runTrainer('sample', '--model', model_path, ...args);
    expect(code).toBe(0);
    return lines.map((line) => line.text).join('\n');
  };
  const answer = await sample('--prompt', 'What comes after two?', '--temperature', '0');
  expect(answer).toMatch(/^After \w+/);
  const free = await sample('--seed', '1', '--length', '40', '--temperature', '1');
  expect(await sample('--seed', '1', '--length', '40', '--temperature', '1')).toBe(free);
  expect(await sample('--seed', '2', '--length', '40', '--temperature', '1')).not.toBe(free);
  expect([...free].length).toBeLessThanOrEqual(40);
});

test('a file that is no model is refused', async () => {
  const path = join(await temporaryFolder(), 'model.json');
  await writeFile(path, '{"format":"runcast-character-lm","version":2}');
  const { code, stderr } = await runTrainer('sample', '--model', path);
  expect([code, stderr]).toEqual([2, expect.stringMatching(/^ERROR: .*version.*\n$/)]);
});
