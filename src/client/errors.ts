/**
 * What went wrong between a client and its server. `code` is the server's (docs/api/README.md lists them), or one of the
 * client's own: CONNECTION_LOST, TOKEN_UNAVAILABLE where the token function threw, CLOSED for a client that was closed,
 * INTERNAL for an answer that makes no sense.
 */
export class RuncastError extends Error {
  override readonly name = 'RuncastError';
  readonly code: string;
  /** Whether asking again cannot help: a watch has ended with it. Otherwise the client is trying again. */
  readonly isFinal: boolean;
  /** The least time to wait before asking again, in milliseconds, where the server said one. */
  readonly retryAfterMs: number | undefined;

  constructor(
    code: string,
    message: string,
    options: { isFinal?: boolean; retryAfterMs?: number; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.code = code;
    this.isFinal = options.isFinal ?? false;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** An error as GraphQL sends it. */
export type GraphqlError = { message: string; extensions?: Record<string, unknown> };

/**
 * Codes of refusals that pass: the server was busy, or will know better once it has seen another token. Whatever else a
 * server says of an operation it would say again.
 */
const PASSING = new Set([
  'INTERNAL_SERVER_ERROR',
  'TIMEOUT',
  'RATE_LIMITED',
  'TOO_MANY_OPERATIONS',
  'TOO_MANY_SOCKETS',
  'SERVER_FULL',
  'SERVER_CLOSING',
  'UNAUTHENTICATED',
]);

/** What the server said of an operation; of several errors the first. */
export function refusalOf(errors: readonly GraphqlError[]): RuncastError {
  const { message = 'The server gave no reason.', extensions = {} } = errors[0] ?? {};
  const code = typeof extensions.code === 'string' ? extensions.code : 'BAD_REQUEST';
  const { retryAfter } = extensions;
  return new RuncastError(code, message, {
    isFinal: !PASSING.has(code),
    ...(typeof retryAfter === 'number' && { retryAfterMs: retryAfter * 1_000 }),
  });
}

const OF_CONNECTION = new Set([
  'CONNECTION_LOST',
  'TOKEN_UNAVAILABLE',
  'TOO_MANY_SOCKETS',
  'UNAUTHENTICATED',
]);

/** Whether the connection is at fault rather than the operation: then every operation of a client waits together. */
export function isOfConnection({ code }: RuncastError): boolean {
  return OF_CONNECTION.has(code);
}

export function connectionLost(message: string, cause?: unknown): RuncastError {
  return new RuncastError('CONNECTION_LOST', message, { cause });
}

/** Whatever was thrown, as what a client reports. */
export function asRuncastError(thrown: unknown): RuncastError {
  if (thrown instanceof RuncastError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new RuncastError('INTERNAL', message, { isFinal: true, cause: thrown });
}
