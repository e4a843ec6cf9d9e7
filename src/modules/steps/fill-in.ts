import type { Sandbox } from '../../platform/sandbox/sandbox.ts';
import { quoteStepIds } from './expressions.ts';
import { isList, isObject } from './json.ts';
import { stepFailure } from './sandbox-failure.ts';
import { type Scope, StepError } from './step.ts';

export type FillIn = {
  /**
   * Resolves `{{ expression }}` in all texts of a value, in one trip to the sandbox; without any, in none. A text that is
   * one expression alone becomes its value, with its type; within other text a value stands as text, objects and lists as
   * JSON, null as nothing. `{{secrets.NAME}}` stays as it is, for whoever makes the request.
   *
   * @param options.secrets `none` where nobody resolves secrets in the result. By default a value that holds a reference to a
   * secret is refused: whoever makes values, such as the sender of a webhook, must not choose what is sent along
   * @throws {StepError} with the path of the text in its message
   */
  fill(value: unknown, scope: Scope, options?: FillInOptions): Promise<unknown>;
};

export type FillInOptions = { signal?: AbortSignal; secrets?: 'none' };

/** Text, an expression by its number, or a reference to a secret as it stands. */
type Part = string | number | { secret: string };
type Found = { sources: string[]; places: string[]; texts: Map<string, Part[]> };

const SECRET = /^\s*secrets\.[A-Za-z_][A-Za-z0-9_]*\s*$/;

export function createFillIn(sandbox: Pick<Sandbox, 'evaluate'>): FillIn {
  return {
    async fill(value, scope, { signal, secrets } = {}) {
      const found: Found = { sources: [], places: [], texts: new Map() };
      find(value, [], found);
      const values = await evaluated(found, scope, signal);
      return filled(value, [], { found, values, mayNameSecrets: secrets === 'none' });
    },
  };

  async function evaluated({ sources, places }: Found, scope: Scope, signal?: AbortSignal) {
    if (sources.length === 0) return [];
    const tasks = sources.map((source) => ({ source: quoteStepIds(source) }));
    const { input, steps, state, vars } = scope;
    try {
      return await sandbox.evaluate(tasks, { input, steps, state, vars }, signal ? { signal } : {});
    } catch (thrown) {
      throw stepFailure(thrown, (task) => places[task]);
    }
  }
}

function find(value: unknown, path: readonly string[], found: Found): void {
  if (typeof value === 'string') {
    if (!value.includes('{{') || found.texts.has(value)) return;
    found.texts.set(value, partsOf(value, path.join('.'), found));
  } else if (isList(value)) {
    for (const [index, inner] of value.entries()) find(inner, [...path, String(index)], found);
  } else if (isObject(value)) {
    for (const [key, inner] of Object.entries(value)) find(inner, [...path, key], found);
  }
}

/** Read as expressionsIn reads them, so that what was checked is what runs: up to the first `}}`. */
function partsOf(text: string, place: string, { sources, places }: Found): Part[] {
  const parts: Part[] = [];
  let end = 0;
  for (let open = text.indexOf('{{'); open !== -1; open = text.indexOf('{{', end)) {
    const close = text.indexOf('}}', open + 2);
    if (close === -1) break;
    if (open > end) parts.push(text.slice(end, open));
    end = close + 2;
    const source = text.slice(open + 2, close);
    if (SECRET.test(source)) parts.push({ secret: text.slice(open, end) });
    else {
      parts.push(sources.push(source) - 1);
      places.push(place);
    }
  }
  if (end < text.length) parts.push(text.slice(end));
  return parts;
}

type Values = { found: Found; values: readonly unknown[]; mayNameSecrets: boolean };

function filled(value: unknown, path: readonly string[], given: Values): unknown {
  if (typeof value === 'string') {
    const parts = given.found.texts.get(value);
    return parts ? joined(parts, path, given) : value;
  }
  if (isList(value)) return value.map((inner, index) => filled(inner, [...path, String(index)], given));
  if (!isObject(value)) return value;
  const entries = Object.entries(value).map(([key, inner]) => [key, filled(inner, [...path, key], given)]);
  return Object.fromEntries(entries);
}

function joined(
  parts: readonly Part[],
  path: readonly string[],
  { values, mayNameSecrets }: Values,
): unknown {
  const [first] = parts;
  const isAlone = parts.length === 1 && typeof first === 'number';
  const result = isAlone ? values[first] : parts.map((part) => partAsText(part, values)).join('');
  const written = parts.filter((part) => typeof part === 'object').length;
  // Counted in the whole text: a reference may be made up of pieces that are none.
  if (!mayNameSecrets && secretsIn(result) > written) throw secretInValue(path);
  return result;
}

function partAsText(part: Part, values: readonly unknown[]): string {
  if (typeof part === 'string') return part;
  return typeof part === 'number' ? asText(values[part]) : part.secret;
}

export function asText(value: unknown): string {
  if (value === null || value === undefined) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function secretsIn(value: unknown): number {
  if (typeof value === 'string') return value.match(/\{\{\s*secrets\b/g)?.length ?? 0;
  if (typeof value !== 'object' || value === null) return 0;
  return Object.entries(value).reduce((sum, [key, inner]) => sum + secretsIn(key) + secretsIn(inner), 0);
}

function secretInValue(path: readonly string[]): StepError {
  const message = `${path.join('.') || 'the text'} gets a value that names a secret: only the definition may do that`;
  return new StepError({ code: 'SECRET_IN_VALUE', message }, { isFinal: true });
}
