import { type SandboxCode, SandboxError } from './errors.ts';
import type { Done } from './evaluator-process.ts';
import { fromValueTexts, jsonText } from './json-text.ts';
import { createPool } from './pool.ts';
import type { Request, Task, Work } from './protocol.ts';

export type { Task } from './protocol.ts';

/**
 * Evaluates what users have written, in processes that have nothing and that are ended where it takes too long or too
 * much: JSONata, regular expressions in linear time, JSON schemas, and the program's own modules over users' values.
 * Processes start when they are needed; one is kept.
 */
export type Sandbox = {
  /**
   * Evaluates JSONata, all tasks in one trip, which share the limits.
   *
   * @param scope JSON that the expressions read; at most 8 MB of it
   * @returns by task, as plain JSON: what is not there is null; at most 4 MB
   * @throws {SandboxError} of the first task that fails
   */
  evaluate(tasks: readonly Task[], scope: unknown, options?: SandboxLimits): Promise<unknown[]>;
  /** Whether each text has a match of a pattern in RE2's syntax. */
  matches(pattern: string, texts: readonly string[], options?: SandboxLimits): Promise<boolean[]>;
  /** What a value breaks of a JSON schema (draft 2020-12, 2019-09, 7 or 6), at most 100 faults. Formats are not checked. */
  validateJson(schema: unknown, value: unknown, options?: SandboxLimits): Promise<SchemaFault[]>;
  /**
   * Runs one of the sandbox's programs.
   *
   * @param options.tasks evaluated before, with their own time limit; the program gets their values
   * @param options.timeoutMs of the program alone. Default: 5,000
   * @param options.resultSize characters of JSON. Default: 8 million
   */
  run(program: string, input: unknown, options?: RunOptions): Promise<unknown>;
  /** Ends every process. What is still running or waiting is refused. */
  close(): Promise<void>;
};

export type SandboxLimits = {
  /** Milliseconds of evaluation: not counting the wait for a free process. Default: 200. */
  timeoutMs?: number;
  signal?: AbortSignal;
};

export type RunOptions = SandboxLimits & { tasks?: readonly Task[]; scope?: unknown; resultSize?: number };

export type SchemaFault = { path: string[]; message: string };

/** What a module that is run in the sandbox exports as its default; it knows what to make of its input. */
export type Program = (input: unknown, values: readonly unknown[]) => unknown;

export type SandboxOptions = {
  /** How many processes at most, each of about 70 MB. Default: 2. */
  processes?: number;
  /** Of each process, for values. Default: 64. */
  memoryMb?: number;
  /** Modules that `run` knows, by name. */
  programs?: Readonly<Record<string, URL>>;
  /** Told of every trip, for metrics. */
  onTrip?: (trip: Trip) => void;
};

export type Trip = { kind: Work['kind']; outcome: 'done' | 'broken' | SandboxCode; evaluationMs: number };

const EVALUATION_MS = 200;
const PROGRAM_MS = 5_000;

/** Characters of JSON, about bytes. Reading 8 MB of it in the program takes some 40 ms. */
const INPUT_SIZE = 8_000_000;
const RESULT_SIZE = 4_000_000;

export function createSandbox(options: SandboxOptions = {}): Sandbox {
  const { processes = 2, memoryMb = 64, programs = {}, onTrip } = options;
  const pool = createPool({ processes, memoryMb });

  async function trip(work: Work, limits: SandboxLimits & { resultSize?: number }): Promise<Done> {
    const ofProgram = work.kind === 'run' ? [limits.timeoutMs ?? PROGRAM_MS] : [];
    const evaluationMs = work.kind === 'run' ? EVALUATION_MS : (limits.timeoutMs ?? EVALUATION_MS);
    const request: Request = { work, evaluationMs, resultSize: limits.resultSize ?? RESULT_SIZE };
    const isLong = work.kind === 'run';
    const { signal } = limits;
    try {
      const done = await pool.run({ request, phasesMs: [evaluationMs, ...ofProgram], isLong, signal });
      onTrip?.({ kind: work.kind, outcome: 'done', evaluationMs: done.ms });
      return done;
    } catch (failure) {
      const isTyped = failure instanceof SandboxError;
      const [outcome, ms] = isTyped ? [failure.code, failure.evaluationMs] : ['broken' as const, 0];
      onTrip?.({ kind: work.kind, outcome, evaluationMs: ms });
      throw failure;
    }
  }

  return {
    async evaluate(tasks, scope, limits = {}) {
      if (tasks.length === 0) return [];
      const work = { kind: 'evaluate', tasks, scope: await jsonText(scope, INPUT_SIZE, SCOPE) } as const;
      return fromValueTexts((await trip(work, limits)).results);
    },
    async matches(pattern, texts, limits = {}) {
      if (texts.reduce((size, text) => size + text.length, pattern.length) > INPUT_SIZE)
        throw textsTooLarge();
      const { results } = await trip({ kind: 'matches', pattern, texts }, limits);
      return results.map((result) => result === 'true');
    },
    async validateJson(schema, value, limits = {}) {
      const work: Work = {
        kind: 'validate',
        schema: await jsonText(schema, SCHEMA_SIZE, 'the schema'),
        value: await jsonText(value, INPUT_SIZE, 'the value'),
      };
      return (await fromValueTexts((await trip(work, limits)).results)) as SchemaFault[];
    },
    async run(name, input, { tasks = [], scope = {}, ...limits } = {}) {
      const program = programs[name]?.href;
      if (!program) throw new Error(`The sandbox has no program ${name}`);
      const work: Work = {
        ...{ kind: 'run', program, tasks },
        input: await jsonText(input, INPUT_SIZE, 'the input'),
        scope: await jsonText(tasks.length > 0 ? scope : {}, INPUT_SIZE, SCOPE),
      };
      const { results, keys } = await trip(work, { resultSize: INPUT_SIZE, ...limits });
      const values = await fromValueTexts(results);
      return keys ? Object.fromEntries(keys.map((key, index) => [key, values[index]])) : values[0];
    },
    close: pool.close,
  };
}

/** A schema is compiled to code, which takes far more than its text. */
const SCHEMA_SIZE = 200_000;

const SCOPE = 'what the expressions may read';

function textsTooLarge(): SandboxError {
  return new SandboxError({
    code: 'SIZE_LIMIT',
    message: `the texts have more than ${INPUT_SIZE} characters`,
  });
}
