import { type SandboxCode, SandboxError, type SandboxFailure } from '../errors.ts';

/** What a user is told at most of a failure: messages hold values. */
const MAX_MESSAGE = 500;

/** JSONata's own limits, by its codes. */
const LIMITS: Readonly<Record<string, [SandboxCode, string]>> = {
  D1011: ['DEPTH_LIMIT', 'it calls itself too deeply'],
  D1012: ['TIME_LIMIT', 'it took too long'],
  D2014: ['SIZE_LIMIT', 'it makes a list that is too long'],
  D2015: ['SIZE_LIMIT', 'it makes a list that is too long'],
};

/** A failure of what was evaluated; undefined where the sandbox's own code is at fault. */
export function failureOf(thrown: unknown): SandboxFailure | undefined {
  return thrown instanceof SandboxError
    ? { code: thrown.code, message: shortened(thrown.message), task: thrown.task }
    : undefined;
}

/** What JSONata throws: objects with a code, errors of the language, and within `$eval` either of them. */
export function expressionFailure(thrown: unknown, task: number): SandboxError {
  if (thrown instanceof SandboxError) return new SandboxError({ ...thrown, message: thrown.message, task });
  const code = textOf(thrown, 'code');
  const message = textOf(thrown, 'message');
  const inner = code === 'D3120' || code === 'D3121' ? Reflect.get(thrown as object, 'error') : undefined;
  const limit = limitOf(inner) ?? limitOf(thrown);
  if (limit) return new SandboxError({ code: limit[0], message: limit[1], task });
  const isSyntax = code.startsWith('S') || code === 'D3120';
  return new SandboxError({
    code: isSyntax ? 'EXPRESSION_INVALID' : 'EXPRESSION_FAILED',
    message: shortened(message || 'it failed'),
    task,
  });
}

function limitOf(thrown: unknown): [SandboxCode, string] | undefined {
  if (thrown instanceof RangeError) return rangeLimit(thrown.message);
  return LIMITS[textOf(thrown, 'code')];
}

function rangeLimit(message: string): [SandboxCode, string] | undefined {
  if (message.includes('call stack')) return ['DEPTH_LIMIT', 'it calls itself too deeply'];
  if (/length|size|allocation/i.test(message)) return ['SIZE_LIMIT', 'it makes a value that is too large'];
  return undefined;
}

function textOf(thrown: unknown, name: string): string {
  const value = typeof thrown === 'object' && thrown !== null ? Reflect.get(thrown, name) : undefined;
  return typeof value === 'string' ? value : '';
}

function shortened(message: string): string {
  return message.length > MAX_MESSAGE ? `${message.slice(0, MAX_MESSAGE)}…` : message;
}
