import { readFileSync } from 'node:fs';
import { parse, validate } from 'graphql';
import { describe, expect, it } from 'vitest';
import { examples } from '../../src/app/examples.ts';
import { schema } from '../../src/app/schema.ts';

const faults = (query: string) => validate(schema, parse(query)).map(({ message }) => message);

describe('every GraphQL text that people copy is valid against the schema', () => {
  it.each(examples.map(({ query }) => query))('in the playground: %s', (query) => {
    expect(faults(query)).toEqual([]);
  });

  it.each([
    'README.md',
    'docs/api/README.md',
    'docs/api/sockets.md',
    'docs/notifications.md',
    'docs/workflows.md',
  ])('in %s', (page) => {
    const text = readFileSync(new URL(`../../${page}`, import.meta.url), 'utf8');
    const blocks = [...text.matchAll(/```graphql\n([\s\S]*?)```/g)].map(([, block]) => block ?? '');
    expect(blocks.length).toBeGreaterThan(0);
    for (const block of blocks) expect({ block, faults: faults(block) }).toEqual({ block, faults: [] });
  });
});
