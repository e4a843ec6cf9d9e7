import { expect } from 'vitest';
import { SecretError } from '../../../../src/modules/secrets/errors.ts';
import type { Secrets } from '../../../../src/modules/secrets/service.ts';
import type { Fill } from '../../../../src/modules/steps/http/filled.ts';
import type { Scope, StepCall } from '../../../../src/modules/steps/step.ts';
import { StepError } from '../../../../src/modules/steps/step.ts';

/** Fills in `{{ input.name }}` and the like, whole texts as what they stand for, and leaves anything else as it is. */
export const fill: Fill = async (value, scope) => filled(value, scope);

function filled(value: unknown, scope: Scope): unknown {
  if (typeof value === 'string') {
    const whole = /^\{\{\s*([\w.]+)\s*\}\}$/.exec(value)?.[1];
    if (whole) return valueAt(scope, whole) ?? value;
    return value.replaceAll(/\{\{\s*([\w.]+)\s*\}\}/g, (all, path: string) =>
      String(valueAt(scope, path) ?? all),
    );
  }
  if (Array.isArray(value)) return value.map((item) => filled(item, scope));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, filled(inner, scope)]));
}

function valueAt(scope: Scope, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>(
      (at, key) => (typeof at === 'object' && at !== null ? Reflect.get(at, key) : undefined),
      scope,
    );
}

/** Secrets by name, of whoever asks. */
export function secretsOf(values: Record<string, string>): Secrets {
  return {
    async resolve(_owner, names) {
      return new Map(
        [...names].map((name) => {
          const value = values[name];
          if (value === undefined) throw new SecretError('SECRET_UNKNOWN', `There is no secret ${name}.`);
          return [name, value];
        }),
      );
    },
  };
}

export const scopeOf = (scope: Partial<Scope> = {}): Scope => ({
  input: {},
  steps: {},
  state: null,
  vars: {},
  ...scope,
});

export const OWNER = { userId: '00000000-0000-4000-8000-000000000001', tenantId: null };

/** A call that keeps the lines of its log. */
export function callOf(call: Partial<StepCall> = {}): StepCall & { lines: string[] } {
  const lines: string[] = [];
  return {
    execution: { kind: 'workflow', id: '00000000-0000-4000-8000-000000000002' },
    owner: OWNER,
    idempotencyKey: 'key-of-the-run',
    signal: new AbortController().signal,
    log: (line) => void lines.push(line),
    ...call,
    lines,
  };
}

/** What a step failed with; the test fails where it did not. */
export async function failureOf(run: Promise<unknown>): Promise<StepError> {
  const error = await run.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(StepError);
  return error as StepError;
}
