import type { Sandbox } from '../../platform/sandbox/sandbox.ts';
import type { StepConfig } from './configs.ts';
import { quoteStepIds } from './expressions.ts';
import { isObject } from './json.ts';
import type { ReconcileOutput } from './reconciliation/report.ts';
import { stepFailure } from './sandbox-failure.ts';
import { StepError, type StepFailure, type StepRunner } from './step.ts';

/** 10,000 records on each side take about half a second. */
const TIME_MS = 10_000;

/** Compares two lists of records and brings them together; the output is a {@link ReconcileOutput}. */
export function createReconcile({ sandbox }: { sandbox: Sandbox }): StepRunner<StepConfig<'reconcile'>> {
  return async ({ sourceA, sourceB, ...config }, scope, { signal }): Promise<ReconcileOutput> => {
    const tasks = [sourceA, sourceB].map((source) => ({ source: quoteStepIds(source) }));
    try {
      const options = { tasks, scope, timeoutMs: TIME_MS, signal };
      return outputOf(await sandbox.run('reconcile', config, options)) as ReconcileOutput;
    } catch (thrown) {
      throw stepFailure(thrown, (task) => ['sourceA', 'sourceB'][task]);
    }
  };
}

/** What a program of the steps has come to, unless that is a failure of what it was given. */
export function outputOf(made: unknown): unknown {
  if (!isObject(made) || !isObject(made.failure)) return made;
  throw new StepError(made.failure as StepFailure, { isFinal: true });
}
