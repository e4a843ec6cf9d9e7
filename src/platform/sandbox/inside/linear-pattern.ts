import { RE2JS, RE2JSException } from 're2js';
import { SandboxError } from '../errors.ts';

/** Compiling takes far longer than matching a short text, and expressions make the same pattern for every item. */
const compiled = new Map<string, RE2JS>();
const MAX_COMPILED = 100;

/** @throws {SandboxError} EXPRESSION_INVALID */
export function linearPattern(pattern: string, flags = 0): RE2JS {
  const key = `${flags}/${pattern}`;
  const known = compiled.get(key);
  if (known) return known;
  const made = compile(pattern, flags);
  if (compiled.size >= MAX_COMPILED) compiled.clear();
  compiled.set(key, made);
  return made;
}

function compile(pattern: string, flags: number): RE2JS {
  try {
    return RE2JS.compile(pattern, flags);
  } catch (thrown) {
    if (!(thrown instanceof RE2JSException)) throw thrown;
    throw new SandboxError({
      code: 'EXPRESSION_INVALID',
      message: `the pattern cannot be read: ${thrown.message}`,
    });
  }
}

export function matchesEach(pattern: string, texts: readonly string[]): boolean[] {
  const linear = linearPattern(pattern);
  return texts.map((text) => linear.matcher(text).find());
}

/** As much of a RegExp as JSONata uses, without backtracking. */
export class LinearRegExp {
  lastIndex = 0;
  readonly #pattern: RE2JS;

  /** @param given JSONata's parser has made a RegExp of it, which is never matched */
  constructor(given: RegExp) {
    const flags = (given.ignoreCase ? RE2JS.CASE_INSENSITIVE : 0) | (given.multiline ? RE2JS.MULTILINE : 0);
    this.#pattern = linearPattern(RE2JS.translateRegExp(given.source), flags);
  }

  exec(text: string): (string[] & { index: number }) | null {
    const matcher = this.#pattern.matcher(text);
    if (this.lastIndex > text.length || !matcher.find(this.lastIndex)) {
      this.lastIndex = 0;
      return null;
    }
    this.lastIndex = matcher.end();
    const groups = Array.from(
      { length: matcher.groupCount() + 1 },
      (_, group) => matcher.group(group) as string,
    );
    return Object.assign(groups, { index: matcher.start() });
  }
}
