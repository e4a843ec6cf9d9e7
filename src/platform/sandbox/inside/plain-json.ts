import { SandboxError } from '../errors.ts';
import type { ValueText } from '../protocol.ts';

/** As deep as the API takes JSON. */
const MAX_DEPTH = 100;

const SLICE = 1_000;

type Budget = { left: number; limit: number };

/**
 * Values as JSON texts, one each: data alone, of a size that is counted while it is walked, as the same list may stand in
 * a value a million times.
 *
 * @param limit characters of all of them
 * @throws {SandboxError} SIZE_LIMIT, DEPTH_LIMIT, or EXPRESSION_FAILED for what is no data, with the value's index
 */
export function plainJson(values: readonly unknown[], limit: number): ValueText[] {
  const budget: Budget = { left: limit, limit };
  return values.map((value, index) => {
    try {
      return inSlices(plain(value, MAX_DEPTH, budget));
    } catch (thrown) {
      if (thrown instanceof SandboxError)
        throw new SandboxError({ ...thrown, message: thrown.message, task: index });
      throw thrown;
    }
  });
}

/** Long lists in slices, which the program reads one by one: 4 MB at once take some 40 ms. */
function inSlices(value: unknown): ValueText {
  if (!Array.isArray(value) || value.length <= SLICE) return JSON.stringify(value);
  return Array.from({ length: Math.ceil(value.length / SLICE) }, (_, at) =>
    JSON.stringify(value.slice(at * SLICE, (at + 1) * SLICE)),
  );
}

function plain(value: unknown, levels: number, budget: Budget): unknown {
  if (value === undefined || value === null) return spend(budget, 4) ?? null;
  if (typeof value === 'boolean') return spend(budget, 5) ?? value;
  if (typeof value === 'number') return finite(value, budget);
  if (typeof value === 'string') return storable(value, budget);
  if (typeof value !== 'object' || isInternal(value)) {
    throw failed('it makes a function, and only data can be a result');
  }
  if (levels === 0) {
    throw new SandboxError({
      code: 'DEPTH_LIMIT',
      message: `its result is nested deeper than ${MAX_DEPTH} levels`,
    });
  }
  spend(budget, 2);
  if (Array.isArray(value)) return Array.from(value, (inner) => plain(inner, levels - 1, budget));
  const copy: Record<string, unknown> = Object.create(null);
  for (const [key, inner] of Object.entries(value)) {
    if (inner === undefined || key === '__proto__') continue;
    copy[storable(key, budget)] = plain(inner, levels - 1, budget);
  }
  return copy;
}

/** JSONata's functions, and whatever else is no plain object. */
function isInternal(value: object): boolean {
  if (Array.isArray(value)) return false;
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== null && prototype !== Object.prototype) return true;
  return '_jsonata_lambda' in value || '_jsonata_function' in value;
}

function finite(value: number, budget: Budget): number {
  if (!Number.isFinite(value)) throw failed('it makes a number that is none, as a division by zero does');
  spend(budget, 8);
  return value;
}

/** Text that Postgres can store. */
function storable(text: string, budget: Budget): string {
  spend(budget, text.length + 3);
  if (text.includes('\u0000') || !text.isWellFormed()) {
    throw failed('it makes a text with U+0000 or a broken character');
  }
  return text;
}

function spend(budget: Budget, characters: number): undefined {
  budget.left -= characters;
  if (budget.left >= 0) return;
  const message = `its result has more than ${budget.limit} characters of JSON`;
  throw new SandboxError({ code: 'SIZE_LIMIT', message });
}

const failed = (message: string) => new SandboxError({ code: 'EXPRESSION_FAILED', message });
