import semver from 'semver';
import { text } from '../../graphql/validation.ts';

/**
 * A version by semver.org, as it is written: no `v` before it. The column holds 20 characters, pre-release and build
 * included.
 */
export const version = text(20).refine(
  (text) => /^\d/.test(text) && semver.parse(text) !== null,
  'must be a semantic version, such as 1.4.0 or 2.0.0-beta.1',
);

/** Whether one version comes before another. What others stored and is no version comes before everything. */
export function isLower(one: string, other: string): boolean {
  const [first, second] = [semver.parse(one), semver.parse(other)];
  return second !== null && (first === null || semver.lt(first, second));
}

/** The highest of some versions; undefined where none of them is one. */
export function highest(versions: readonly string[]): string | undefined {
  return semver.rsort(versions.filter((text) => semver.parse(text) !== null))[0];
}
