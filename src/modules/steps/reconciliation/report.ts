import type { RECONCILIATION_STRATEGIES } from '../vocabulary.ts';

/** What a reconciliation works on and comes to. */

export type RecordOf = Readonly<Record<string, unknown>>;
export type Strategy = keyof typeof RECONCILIATION_STRATEGIES;
export type Key = Readonly<Record<string, unknown>>;

export type Difference = {
  key: Key;
  field: string;
  a: unknown;
  b: unknown;
  /** Whose value was taken; null where nothing is decided. */
  chosen: 'A' | 'B' | null;
};

export type ReconcileOutput = {
  /** Which records belong together, by their index in the sources; `key` has the values of A that they matched by. */
  matched: { key: Key; a: number; b: number }[];
  onlyInA: RecordOf[];
  onlyInB: RecordOf[];
  differences: Difference[];
  /** Counts; `differing` is of pairs, `differences` of fields. */
  summary: Record<
    'a' | 'b' | 'matched' | 'differing' | 'differences' | 'onlyInA' | 'onlyInB' | 'records',
    number
  >;
  /** Both brought together, in the order of A, then what only B has. */
  records: RecordOf[];
};
