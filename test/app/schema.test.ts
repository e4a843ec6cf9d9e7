import { readFile } from 'node:fs/promises';
import { lexicographicSortSchema, printSchema } from 'graphql';
import { expect, it } from 'vitest';
import { undescribed } from '../../scripts/contract.ts';
import { printedSchema, schema } from '../../src/app/schema.ts';

it('is the one that is committed: run `npm run schema` after a change', async () => {
  expect(await readFile(new URL('../../schema.graphql', import.meta.url), 'utf8')).toBe(printedSchema());
});

it('is sorted, so that a change of the order of the code is none of the contract', () => {
  expect(printedSchema()).toBe(`${printSchema(lexicographicSortSchema(schema))}\n`);
});

it('describes every type, field, argument, enum value and input field', () => {
  expect(undescribed(schema)).toEqual([]);
});
