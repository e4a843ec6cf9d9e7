import type { RecordOf } from './report.ts';
import { fieldOf, isNear, type Rules, slack } from './rules.ts';

/** Indices into both sources. */
export type Pair = { a: number; b: number };

type Candidate = { index: number; near: number[] };

/** Records of B that agree in all exact rules, in the order of the near value they are searched by; those that are taken are skipped. */
type Bucket = { candidates: Candidate[]; after: Int32Array; before: Int32Array };

/**
 * Pairs each record of A, in order, with the nearest of B that is left, the first of equals. Exact rules are looked up and
 * one near one is searched, so that 10,000 records on each side are no 100 million comparisons.
 */
export function pairsOf(a: readonly RecordOf[], b: readonly RecordOf[], given: Rules): Pair[] {
  const rules = { ...given, near: given.near.toSorted((one, other) => variety(b, other) - variety(b, one)) };
  const buckets = bucketsOf(b, rules);
  const pairs: Pair[] = [];
  for (const [index, record] of a.entries()) {
    const key = exactKey(record, rules, 'fieldA');
    const near = nearValues(record, rules, 'fieldA');
    const bucket = key === undefined ? undefined : buckets.get(key);
    if (!bucket || !near) continue;
    const at = nearest(bucket, near, rules);
    if (at === -1) continue;
    pairs.push({ a: index, b: bucket.candidates[at]?.index ?? -1 });
    take(bucket, at);
  }
  return pairs;
}

/** The near rule that tells most records apart is the one to search by, and to call records nearest by. */
function variety(b: readonly RecordOf[], { fieldB, number }: Rules['near'][number]): number {
  return new Set(b.map((record) => number(fieldOf(record, fieldB)))).size;
}

function bucketsOf(b: readonly RecordOf[], rules: Rules): Map<string, Bucket> {
  const lists = new Map<string, Candidate[]>();
  for (const [index, record] of b.entries()) {
    const key = exactKey(record, rules, 'fieldB');
    const near = nearValues(record, rules, 'fieldB');
    if (key === undefined || !near) continue;
    const list = lists.get(key) ?? [];
    if (list.push({ index, near }) === 1) lists.set(key, list);
  }
  return new Map(Array.from(lists, ([key, list]) => [key, bucketOf(list)]));
}

function bucketOf(candidates: Candidate[]): Bucket {
  candidates.sort((one, other) => (one.near[0] ?? 0) - (other.near[0] ?? 0) || one.index - other.index);
  const { length } = candidates;
  // Places are counted from 1, so that both ends have one of their own.
  const places = Int32Array.from({ length: length + 2 }, (_, place) => place);
  return { candidates, after: places, before: places.slice() };
}

type Side = 'fieldA' | 'fieldB';

/** Undefined where a field is missing: nothing is the same as nothing. */
function exactKey(record: RecordOf, { exact }: Rules, side: Side): string | undefined {
  const texts = exact.map((rule) => rule.text(fieldOf(record, rule[side])));
  return texts.includes(undefined) ? undefined : JSON.stringify(texts);
}

function nearValues(record: RecordOf, { near }: Rules, side: Side): number[] | undefined {
  const numbers = near.map((rule) => rule.number(fieldOf(record, rule[side])));
  return numbers.every((number) => number !== undefined) ? numbers : undefined;
}

/** Walks to both sides of where the value would stand, the nearer first, until nothing is near enough. */
function nearest(bucket: Bucket, values: number[], rules: Rules): number {
  const { candidates } = bucket;
  const [wanted = 0] = values;
  const start = firstAtLeast(candidates, wanted);
  let right = free(bucket.after, start + 1) - 1;
  let left = free(bucket.before, start) - 1;
  for (;;) {
    const [toRight, toLeft] = [distance(candidates[right], wanted), distance(candidates[left], wanted)];
    const isRight = toRight <= toLeft;
    const at = isRight ? right : left;
    const candidate = candidates[at];
    if (!candidate || !withinFirst(candidate, wanted, rules)) return -1;
    if (matchesAll(candidate, values, rules)) return at;
    if (isRight) right = free(bucket.after, right + 2) - 1;
    else left = free(bucket.before, left) - 1;
  }
}

function withinFirst(candidate: Candidate, wanted: number, { near: [first] }: Rules): boolean {
  return !first || isNear(candidate.near[0] ?? 0, wanted, first.tolerance);
}

function matchesAll(candidate: Candidate, values: number[], { near }: Rules): boolean {
  return near.every((rule, at) => isNear(candidate.near[at] ?? 0, values[at] ?? 0, rule.tolerance));
}

function distance(candidate: Candidate | undefined, wanted: number): number {
  if (!candidate) return Number.POSITIVE_INFINITY;
  const value = candidate.near[0] ?? 0;
  const away = Math.abs(value - wanted);
  return away <= slack(value, wanted) ? 0 : away;
}

function firstAtLeast(candidates: readonly Candidate[], wanted: number): number {
  let [low, high] = [0, candidates.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((candidates[middle]?.near[0] ?? 0) < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The first place that is free, from one on; shortens the way for the next one. */
function free(places: Int32Array, from: number): number {
  let root = from;
  while (places[root] !== root) root = places[root] ?? root;
  for (let at = from; at !== root; ) {
    const next = places[at] ?? root;
    places[at] = root;
    at = next;
  }
  return root;
}

function take({ after, before }: Bucket, at: number): void {
  after[at + 1] = at + 2;
  before[at + 1] = at;
}
