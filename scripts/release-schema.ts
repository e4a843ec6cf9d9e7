import { readFileSync, writeFileSync } from 'node:fs';
import { printedSchema } from '../src/app/schema.ts';
import { releasedPage, releasedSchema } from './releases.ts';

/** A step of a release, after the version in package.json was raised: from now on this schema is what is promised. */
const file = (path: string) => new URL(`../${path}`, import.meta.url);
const page = file('docs/api/breaking-changes.md');
const { version } = JSON.parse(readFileSync(file('package.json'), 'utf8')) as { version: string };
const day = new Date().toISOString().slice(0, 10);

writeFileSync(file('docs/api/released-schema.graphql'), releasedSchema(printedSchema(), version, day));
writeFileSync(page, releasedPage(readFileSync(page, 'utf8'), version, day));
console.log(`docs/api/released-schema.graphql is the schema of ${version}.`);
