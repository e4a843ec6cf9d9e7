import { momentOf, numberOf } from '../comparison.ts';
import type { MatchingRule } from '../definition/matching-rule.ts';
import { isList, isObject } from '../json.ts';
import type { RecordOf } from './report.ts';

const DAY = 24 * 3_600_000;

export type Fields = { fieldA: string; fieldB: string };
/** Two values match where `text` of both is the same. */
export type ExactRule = Fields & { text(value: unknown): string | undefined };
/** Two values match where `number` of both differs by at most the tolerance. */
export type NearRule = Fields & { number(value: unknown): number | undefined; tolerance: number };

export type Rules = { exact: ExactRule[]; near: NearRule[]; newerBy: string | undefined };

export function rulesOf(given: readonly MatchingRule[]): Rules {
  const rules: Rules = { exact: [], near: [], newerBy: undefined };
  for (const rule of given) {
    if (rule.newerBy !== undefined) rules.newerBy = rule.newerBy;
    const { fieldA = rule.field, fieldB = rule.field, caseInsensitive = false } = rule;
    if (fieldA === undefined || fieldB === undefined) continue;
    const fields = { fieldA, fieldB };
    if (rule.tolerance !== undefined) {
      rules.near.push({ ...fields, number: numberOf, tolerance: rule.tolerance });
    } else if (rule.toleranceDays !== undefined) {
      rules.near.push({ ...fields, number: momentOf, tolerance: rule.toleranceDays * DAY });
    } else rules.exact.push({ ...fields, text: (value) => textOf(value, caseInsensitive) });
  }
  return rules;
}

/** As near as asked, to the precision of numbers: 0.3 and 0.29 differ by 0.01. */
export function isNear(a: number, b: number, tolerance: number): boolean {
  return Math.abs(a - b) <= tolerance + slack(a, b);
}

export const slack = (a: number, b: number) => 1e-12 * Math.max(1, Math.abs(a), Math.abs(b));

/** The same for values that are the same: a number and a text that reads like it are. Undefined where there is none. */
function textOf(value: unknown, caseInsensitive: boolean): string | undefined {
  if (value === null || value === undefined) return undefined;
  const text = typeof value === 'object' ? `json:${JSON.stringify(sorted(value))}` : String(value);
  return caseInsensitive ? text.toLowerCase() : text;
}

function sorted(value: unknown): unknown {
  if (isList(value)) return value.map(sorted);
  if (!isObject(value)) return value;
  const keys = Object.keys(value).sort();
  return keys.map((key) => [key, sorted(value[key])]);
}

/** A field by its name, or by a path of names, as `customer.id`. */
export function fieldOf(record: RecordOf, field: string): unknown {
  if (Object.hasOwn(record, field)) return record[field];
  let value: unknown = record;
  for (const name of field.split('.')) {
    value = isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
  }
  return value;
}
