import { isList, isObject } from '../json.ts';
import { reconcile } from '../reconciliation/reconcile.ts';
import type { RecordOf } from '../reconciliation/report.ts';
import type { StepFailure } from '../step.ts';

type Input = Parameters<typeof reconcile>[2];

/** Runs in the sandbox: the sources are what its tasks have come to. */
export default function run(config: Input, [a, b]: readonly unknown[]): unknown {
  const failure = faultOf(a, 'sourceA') ?? faultOf(b, 'sourceB');
  return failure ? { failure } : reconcile(recordsIn(a), recordsIn(b), config);
}

function recordsIn(source: unknown): RecordOf[] {
  if (source === null || source === undefined) return [];
  return (isList(source) ? source : [source]) as RecordOf[];
}

function faultOf(source: unknown, name: string): StepFailure | undefined {
  const index = recordsIn(source).findIndex((record) => !isObject(record));
  if (index === -1) return undefined;
  return { code: 'NO_RECORDS', message: `${name} must be a list of objects; its entry ${index} is none` };
}
