import { Worker } from 'node:worker_threads';
import type { SandboxFailure } from '../errors.ts';
import type { Report, Request, ValueText, Work } from '../protocol.ts';
import { evaluateTasks } from './expressions.ts';
import { failureOf } from './failures.ts';
import { hideGlobals } from './hide-globals.ts';
import { schemaFaults } from './json-schema.ts';
import { matchesEach } from './linear-pattern.ts';
import { plainJson } from './plain-json.ts';

/** The process of the sandbox. It takes one request after the other; the program ends it when one takes too long. */

/** Ends a process whose program is gone, also while it is busy without end: nobody else would. */
const WATCHDOG = `
  const program = process.ppid;
  setInterval(() => process.ppid === program || process.kill(process.pid, 'SIGKILL'), 1000);
`;

const send = process.send?.bind(process) as ((report: Report) => boolean) | undefined;
const tell = (report: Report) => void send?.(report);
const listen = process.on.bind(process);
const exit = process.exit.bind(process);

new Worker(WATCHDOG, { eval: true, resourceLimits: { maxOldGenerationSizeMb: 8, stackSizeMb: 1 } }).unref();
listen('message', (request: Request) => void answer(request));
listen('disconnect', () => exit());
hideGlobals();
tell({ state: 'ready' });

async function answer(request: Request): Promise<void> {
  const report = await outcome(request);
  // An expression that has failed may have left others on their way: they are its own time, not the next one's.
  setImmediate(() => tell(report));
}

async function outcome({ work, evaluationMs, resultSize }: Request): Promise<Report> {
  let since = performance.now();
  const begin = () => {
    since = performance.now();
    tell({ state: 'begun' });
  };
  const ms = () => performance.now() - since;
  try {
    const made = await make(work, { evaluationMs, resultSize, begin });
    return { state: 'done', ...made, ms: ms() };
  } catch (thrown) {
    const failure: SandboxFailure | undefined = failureOf(thrown);
    if (failure) return { state: 'failed', failure, ms: ms() };
    return {
      state: 'broken',
      message: thrown instanceof Error ? (thrown.stack ?? thrown.message) : 'unknown',
    };
  }
}

type Limits = { evaluationMs: number; resultSize: number; begin: () => void };
type Made = { results: readonly ValueText[]; keys?: readonly string[] };

async function make(work: Work, limits: Limits): Promise<Made> {
  const { begin, resultSize } = limits;
  if (work.kind === 'run') return run(work, limits);
  if (work.kind === 'matches') {
    begin();
    return { results: matchesEach(work.pattern, work.texts).map(String) };
  }
  if (work.kind === 'validate') {
    const schema = JSON.parse(work.schema.join(''));
    const value = JSON.parse(work.value.join(''));
    begin();
    return { results: schemaFaults(schema, value).map((fault) => JSON.stringify(fault)) };
  }
  return { results: plainJson(await evaluateTasks(work.tasks, work.scope, limits), resultSize) };
}

/** What it makes is sent by its keys, so that the program can read it in turns. */
async function run(work: Extract<Work, { kind: 'run' }>, limits: Limits): Promise<Made> {
  const { default: program } = await import(work.program);
  const input = JSON.parse(work.input.join(''));
  const values = await evaluateTasks(work.tasks, work.scope, limits);
  limits.begin();
  const made: unknown = await program(input, values);
  if (typeof made !== 'object' || made === null || Array.isArray(made)) {
    return { results: plainJson([made], limits.resultSize) };
  }
  return { keys: Object.keys(made), results: plainJson(Object.values(made), limits.resultSize) };
}
