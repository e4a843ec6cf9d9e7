/**
 * A failure whose cause and remedy are known before anything was written: the process prints the sentence and
 * exits with `exitCode`, without a stack.
 */
export class StartupError extends Error {
  readonly exitCode: number;

  /** @param sentence one sentence that says what is wrong and what to do about it; never holds a secret */
  constructor(sentence: string, options: { exitCode?: number; cause?: unknown } = {}) {
    super(sentence, { cause: options.cause });
    this.name = 'StartupError';
    this.exitCode = options.exitCode ?? 1;
  }
}

/** The text of whatever was thrown; pg-boss hands on copies of errors, which are errors no more. */
export function messageOf(thrown: unknown): string {
  const message = property(thrown, 'message') ?? property(thrown, 'code');
  return typeof message === 'string' ? message : String(thrown);
}

/**
 * The `code` of a system or Postgres error, such as `ENOENT` or `23505`; undefined where there is none. Of an error that
 * Prisma made from Postgres's it is Postgres's, not Prisma's.
 */
export function codeOf(thrown: unknown): string | undefined {
  const driverError = property(property(thrown, 'meta'), 'driverAdapterError') ?? thrown;
  const code = property(property(driverError, 'cause'), 'originalCode') ?? property(thrown, 'code');
  return typeof code === 'string' ? code : undefined;
}

function property(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}
