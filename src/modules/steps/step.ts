import type { ExecutionRef, LogLevel } from '../../platform/feed/events.ts';

/** What an expression of a step may read. */
export type Scope = {
  /** What the execution was given. */
  input: unknown;
  /** By step id: what the steps before have made of it. */
  steps: Readonly<Record<string, { output?: unknown; error?: unknown }>>;
  /** What the steps of an execution share. */
  state: unknown;
  /** By name; of a step within a loop `item`, `index` and those of the loops around it. */
  vars: Readonly<Record<string, unknown>>;
};

/** On whose behalf a step runs, and what for. */
export type StepCall = {
  execution: ExecutionRef;
  /** The step of a workflow; of an agent's tool none. */
  stepId?: string | undefined;
  owner: { userId: string; tenantId: string | null };
  /** The same for every attempt: by it receivers recognise what they have had already. */
  idempotencyKey: string;
  /** Aborted where the step is cancelled, out of time or no longer this worker's; its reason says which. */
  signal: AbortSignal;
  /** Adds a line to the execution's log. Secrets in it are blotted out. */
  log(message: string, level?: LogLevel): void;
  /** Hosts that may be called, where whoever calls is held to some. */
  hosts?: { allowed?: readonly string[] | undefined; blocked?: readonly string[] | undefined } | undefined;
};

/** Runs what a step says. Resolves to its output, which is JSON; throws a StepError where it has failed. */
export type StepRunner<Config> = (config: Config, scope: Scope, call: StepCall) => Promise<unknown>;

export type StepFailure = {
  /** For programs, e.g. HTTP_STATUS. */
  code: string;
  /** For people, without secrets. */
  message: string;
};

/** A failure of a step that its owner is told about in full. Whatever else is thrown is logged, and masked. */
export class StepError extends Error {
  override name = 'StepError';
  readonly code: string;
  /** Whether another try would fail all the same. */
  readonly isFinal: boolean;
  /** How long the other side asks to be left alone, in milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor({ code, message }: StepFailure, options: { isFinal?: boolean; retryAfterMs?: number } = {}) {
    super(message);
    this.code = code;
    this.isFinal = options.isFinal ?? false;
    this.retryAfterMs = options.retryAfterMs;
  }
}
