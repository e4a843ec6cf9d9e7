import type { Scope, StepCall } from '../../../src/modules/steps/step.ts';

/** What pure steps are run with; they look at nothing of the call but its signal. */
export const scopeOf = (input: unknown, more: Partial<Scope> = {}): Scope => ({
  ...{ input, steps: {}, state: {}, vars: {} },
  ...more,
});

export const call: StepCall = {
  execution: { kind: 'workflow', id: '00000000-0000-4000-8000-000000000000' },
  owner: { userId: '00000000-0000-4000-8000-000000000001', tenantId: null },
  idempotencyKey: 'step',
  signal: new AbortController().signal,
  log: () => undefined,
};

/** What a step fails with, as `<code> <message>`, and `(final)` where another try would fail all the same. */
export async function failureOf(work: Promise<unknown>): Promise<string> {
  const thrown = await work.then(
    () => undefined,
    (failure: unknown) => failure,
  );
  const { code, message, isFinal } = thrown as { code: string; message: string; isFinal: boolean };
  return `${code} ${message}${isFinal ? ' (final)' : ''}`;
}
