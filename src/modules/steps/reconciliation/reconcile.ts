import { compared, isSame } from '../comparison.ts';
import type { MatchingRule } from '../definition/matching-rule.ts';
import { pairsOf } from './pairs.ts';
import type { Difference, Key, ReconcileOutput, RecordOf, Strategy } from './report.ts';
import { fieldOf, type Rules, rulesOf } from './rules.ts';

type Config = { matchingRules: readonly MatchingRule[]; reconciliationStrategy: Strategy };
type Joined = { record: RecordOf; differences: Difference[] };

/** Compares two lists of records and brings them together. Deterministic, and free of everything but its arguments. */
export function reconcile(
  a: readonly RecordOf[],
  b: readonly RecordOf[],
  { matchingRules, reconciliationStrategy: strategy }: Config,
): ReconcileOutput {
  const rules = rulesOf(matchingRules);
  const pairs = pairsOf(a, b, rules);
  const joined = new Map<number, Joined>();
  const matched = pairs.map((pair) => {
    const [ofA, ofB] = [a[pair.a] ?? {}, b[pair.b] ?? {}];
    const key = keyOf(ofA, rules);
    joined.set(pair.a, joinedRecord(ofA, ofB, { key, rules, strategy }));
    return { key, ...pair };
  });
  const takenOfB = new Set(pairs.map((pair) => pair.b));
  const onlyInA = a.filter((_, index) => !joined.has(index));
  const onlyInB = b.filter((_, index) => !takenOfB.has(index));
  const differences = [...joined.values()].flatMap((one) => one.differences);
  const records = recordsOf(a, onlyInB, joined, strategy);
  const differing = [...joined.values()].filter((one) => one.differences.length > 0).length;
  const summary = {
    ...{ a: a.length, b: b.length, matched: matched.length, differing, differences: differences.length },
    ...{ onlyInA: onlyInA.length, onlyInB: onlyInB.length, records: records.length },
  };
  return { summary, matched, onlyInA, onlyInB, differences, records };
}

function recordsOf(
  a: readonly RecordOf[],
  onlyInB: readonly RecordOf[],
  joined: ReadonlyMap<number, Joined>,
  strategy: Strategy,
): RecordOf[] {
  if (strategy === 'manual') {
    return [...joined.values()].filter((one) => one.differences.length === 0).map(({ record }) => record);
  }
  return [...a.map((record, index) => joined.get(index)?.record ?? record), ...onlyInB];
}

function keyOf(record: RecordOf, { exact, near }: Rules): Key {
  return Object.fromEntries(
    [...exact, ...near].map(({ fieldA }) => [fieldA, fieldOf(record, fieldA) ?? null]),
  );
}

type Joining = { key: Key; rules: Rules; strategy: Strategy };

/** Fields of both; a field that is null or not there is the other's. What the rules call the same is no difference. */
function joinedRecord(a: RecordOf, b: RecordOf, { key, rules, strategy }: Joining): Joined {
  const side = chosenSide(a, b, strategy, rules);
  const matching = new Set([...rules.exact, ...rules.near].flatMap(sameField));
  const differences: Difference[] = [];
  const entries = [...new Set([...Object.keys(a), ...Object.keys(b)])].map((field) => {
    const ofA = Object.hasOwn(a, field) ? (a[field] ?? null) : null;
    const ofB = Object.hasOwn(b, field) ? (b[field] ?? null) : null;
    if (ofA === null || ofB === null) return [field, ofA ?? ofB];
    if (!matching.has(field) && !isSame(ofA, ofB)) {
      differences.push({ key, field, a: ofA, b: ofB, chosen: side });
    }
    return [field, side === 'B' ? ofB : ofA];
  });
  return { record: Object.fromEntries(entries), differences };
}

const sameField = ({ fieldA, fieldB }: { fieldA: string; fieldB: string }) =>
  fieldA === fieldB ? [fieldA] : [];

function chosenSide(a: RecordOf, b: RecordOf, strategy: Strategy, { newerBy }: Rules): 'A' | 'B' | null {
  if (strategy === 'manual') return null;
  if (strategy !== 'merge') return strategy === 'preferA' ? 'A' : 'B';
  if (newerBy === undefined) return 'B';
  return (compared(fieldOf(a, newerBy), fieldOf(b, newerBy)) ?? 0) > 0 ? 'A' : 'B';
}
