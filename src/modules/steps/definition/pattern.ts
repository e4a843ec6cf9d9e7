import { RE2JS } from 're2js';

/** What a pattern may be long: matching takes time in proportion to it, also with RE2. */
export const MAX_PATTERN = 500;

/** What is wrong with a pattern, as in `must …`. It is compiled, 35 ms at most, and never matched. */
export function patternFault(pattern: unknown): string | undefined {
  if (typeof pattern !== 'string' || pattern === '') return 'must be a pattern';
  if (pattern.length > MAX_PATTERN) return `must be a pattern of at most ${MAX_PATTERN} characters`;
  try {
    RE2JS.compile(pattern);
    return undefined;
  } catch {
    return 'must be a valid regular expression in RE2’s syntax, without back references and lookaround';
  }
}
