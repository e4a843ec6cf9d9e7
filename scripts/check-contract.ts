import { readFileSync } from 'node:fs';
import { schema } from '../src/app/schema.ts';
import { badDeprecations, breakingChanges, GRACE_DAYS, undescribed } from './contract.ts';
import { acceptedBreaks } from './releases.ts';

/** What the schema owes its clients: descriptions, dated deprecations, and nothing broken since the last release. */
const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');
const today = new Date();

const accepted = acceptedBreaks(read('docs/api/breaking-changes.md'));
const breaks = await breakingChanges(read('docs/api/released-schema.graphql'), schema, today);
const unexpected = breaks.filter(({ coordinate }) => !accepted.includes(coordinate));
const stale = accepted.filter((coordinate) => breaks.every((broken) => broken.coordinate !== coordinate));

const faults = [
  ...undescribed(schema).map((coordinate) => `${coordinate} has no description.`),
  ...badDeprecations(schema, today),
  ...unexpected.map(
    ({ coordinate, message }) => `${coordinate} breaks clients of the last release: ${message}.`,
  ),
  ...stale.map((coordinate) => `docs/api/breaking-changes.md lists ${coordinate}, which breaks nothing.`),
];
for (const fault of faults) console.error(fault);
if (unexpected.length > 0) {
  console.error(
    `\nKeep what was there and deprecate it, with a reason such as "since 2026-11-22: use \`other\`."; ${GRACE_DAYS} days after ` +
      'that was released it may go. Where that cannot be, list the coordinate with the reason and what clients do instead ' +
      'under "Unreleased" in docs/api/breaking-changes.md.',
  );
}
process.exitCode = faults.length === 0 ? 0 : 1;
