import { parse } from 'graphql';
import { describe, expect, it } from 'vitest';
import { createShapes } from '../../../src/graphql/live/shape.ts';
import { LiveSchema } from '../../support/hub/live-schema.ts';

const { schema } = new LiveSchema({});
const shapeOf = createShapes(schema);
const read = (query: string, name?: string) => shapeOf(parse(query), name);

describe('the variable that holds the cursor', () => {
  it.each([
    ['used once', 'subscription ($c: Int) { events(id: "a", after: $c) { lastSeq } }'],
    ['with a default', 'subscription ($c: Int = 5) { events(id: "a", after: $c) { lastSeq } }'],
    [
      'beside others',
      'subscription ($id: ID!, $c: Int, $t: String) { events(id: $id, after: $c, tag: $t) { lastSeq } }',
    ],
    [
      'in a fragment',
      'subscription ($c: Int) { ...F } fragment F on Subscription { events(id: "a", after: $c) { lastSeq } }',
    ],
    [
      'in an inline fragment',
      'subscription ($c: Int) { ... on Subscription { x: events(id: "a", after: $c) { lastSeq } } }',
    ],
    [
      'in a fragment that is spread twice',
      'subscription ($c: Int) { ...F ...F } fragment F on Subscription { events(id: "a", after: $c) { lastSeq } }',
    ],
  ])('is found: %s', (_how, query) => {
    expect(read(query).cursorVariable).toBe('c');
  });

  it.each([
    ['a literal', 'subscription { events(id: "a", after: 5) { lastSeq } }'],
    ['left out', 'subscription { events(id: "a") { lastSeq } }'],
    ['a part of what is shown', 'subscription ($c: String) { events(id: "a") { echo(text: $c) } }'],
    ['no cursor: another argument', 'subscription ($c: String) { events(id: "a", tag: $c) { lastSeq } }'],
    ['of a field that has none', 'subscription ($c: ID!) { state(id: $c) { version } }'],
  ])('is none: %s', (_how, query) => {
    expect(read(query).cursorVariable).toBeUndefined();
  });

  it('is none where it is used for something else as well', () => {
    expect(
      read(
        'subscription ($c: Int) { a: events(id: "a", after: $c) { lastSeq } b: events(id: "b", after: $c) { lastSeq } }',
      ).cursorVariable,
    ).toBeUndefined();
  });
});

describe('what is the same for all', () => {
  it.each([
    'subscription { events(id: "a") { lastSeq seqs echo(text: "x") nodes { seq __typename } } }',
    'subscription { events(id: "a") { unmarked } }',
    'subscription ($x: Boolean!) { events(id: "a") { lastSeq @include(if: $x) } }',
  ])('is: %s', (query) => {
    expect(read(query).isSameForAll).toBe(true);
  });

  it.each([
    ['a field that depends on the viewer', 'subscription { events(id: "a") { me } }'],
    ['under another name', 'subscription { events(id: "a") { lastSeq: me } }'],
    [
      'in a fragment',
      'subscription { events(id: "a") { ...F } } fragment F on Batch { ...G } fragment G on Batch { me }',
    ],
    ['in an inline fragment', 'subscription { events(id: "a") { ... { ... on Batch { me } } } }'],
    [
      'that a variable may take away',
      'subscription ($x: Boolean!) { events(id: "a") { lastSeq me @include(if: $x) } }',
    ],
    ['in a type that is selected', 'subscription { events(id: "a") { nodes { ... on Plain { mine } } } }'],
    ['through an interface that does not say so', 'subscription { events(id: "a") { nodes { mine } } }'],
    ['a source whose events do not hold what is asked', 'subscription { state(id: "a") { version } }'],
  ])('is not: %s', (_why, query) => {
    expect(read(query).isSameForAll).toBe(false);
  });
});

describe('documents', () => {
  it('are told apart, and their operations as well', () => {
    const query = `subscription A { events(id: "a") { lastSeq } } subscription B { events(id: "a") { lastSeq } }`;
    const [one, other] = [parse(query), parse(query)];
    const numbers = [shapeOf(one, 'A'), shapeOf(one, 'B'), shapeOf(other, 'A')].map(({ number }) => number);
    expect(new Set(numbers).size).toBe(3);
    expect(shapeOf(one, 'A')).toBe(shapeOf(one, 'A'));
  });

  it('are refused where they have no such operation', () => {
    expect(() => read('subscription A { events(id: "a") { lastSeq } }', 'B')).toThrow('not in its document');
  });
});
