export const SANDBOX_CODES = {
  EXPRESSION_INVALID: 'It cannot be read: an expression, a pattern or a JSON schema with a fault in it.',
  EXPRESSION_FAILED: 'It was read, and failed while it was evaluated.',
  TIME_LIMIT: 'It was ended as it took too long.',
  MEMORY_LIMIT: 'It was ended as it took too much memory.',
  SIZE_LIMIT: 'What it was given, or what it made, is too large.',
  DEPTH_LIMIT: 'It calls itself, or its result is nested, too deeply.',
} as const;

export type SandboxCode = keyof typeof SANDBOX_CODES;

export type SandboxFailure = {
  code: SandboxCode;
  /** For whoever wrote the expression. */
  message: string;
  /** The index of the task that failed, where one did. */
  task?: number | undefined;
};

/** A failure of what was evaluated, never of the sandbox itself. */
export class SandboxError extends Error {
  override name = 'SandboxError';
  readonly code: SandboxCode;
  readonly task: number | undefined;
  /** How long it was evaluated: without waiting for a free process and without that process's start. */
  readonly evaluationMs: number;

  constructor({ code, message, task }: SandboxFailure, evaluationMs = 0) {
    super(message);
    this.code = code;
    this.task = task;
    this.evaluationMs = evaluationMs;
  }
}
