import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { printedSchema } from '../src/app/schema.ts';

/** Writes `schema.graphql`, the contract of the API as it is committed; with `--check` says whether it is current. */
const file = fileURLToPath(new URL('../schema.graphql', import.meta.url));
const printed = printedSchema();

if (!process.argv.includes('--check')) writeFileSync(file, printed);
else if (readFileSync(file, 'utf8') !== printed) {
  console.error('schema.graphql is not what the code says: run npm run schema.');
  process.exitCode = 1;
}
