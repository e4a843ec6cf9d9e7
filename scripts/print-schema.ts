import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { printedSchema } from '../src/app/schema.ts';

/** Writes `schema.graphql`, the contract of the API as it is committed. */
writeFileSync(fileURLToPath(new URL('../schema.graphql', import.meta.url)), printedSchema());
