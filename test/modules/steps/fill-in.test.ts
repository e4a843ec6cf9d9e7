import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { createFillIn } from '../../../src/modules/steps/fill-in.ts';
import { createSandbox, type Trip } from '../../../src/platform/sandbox/sandbox.ts';
import { failureOf, scopeOf } from './scope.ts';

const trips: Trip[] = [];
const sandbox = createSandbox({ processes: 1, onTrip: (trip) => void trips.push(trip) });
const { fill } = createFillIn(sandbox);
afterAll(() => sandbox.close());

const STEP = '2f1c9a3e-0f0b-4b5e-9c58-1d1a0a6f3b11';
const scope = scopeOf(
  { name: 'Ada', total: 12.5, tags: ['a', 'b'], none: null },
  { steps: { [STEP]: { output: { id: 7 } } } },
);

describe('filling in', () => {
  it('gives a text that is one expression alone the type of its value', async () => {
    expect(await fill('{{ input.total }}', scope)).toBe(12.5);
    expect(await fill('{{input.tags}}', scope)).toEqual(['a', 'b']);
    expect(await fill('{{input.missing}}', scope)).toBeNull();
  });

  it('puts values into other text: objects and lists as JSON, null as nothing', async () => {
    const text = 'Dear {{input.name}}, {{input.total}} for {{input.tags}}{{input.none}}.';
    expect(await fill(text, scope)).toBe('Dear Ada, 12.5 for ["a","b"].');
  });

  it('reaches every text of a value in one trip, and no key', async () => {
    trips.splice(0);
    const value = { a: ['{{input.name}}', 5], b: { '{{input.name}}': 'x{{input.total}}' }, c: true };
    expect(await fill(value, scope)).toEqual({ a: ['Ada', 5], b: { '{{input.name}}': 'x12.5' }, c: true });
    expect(trips).toHaveLength(1);
  });

  it('asks no process where there is nothing to fill in', async () => {
    trips.splice(0);
    const value = { a: 'plain', b: ['{ { no', '{{ open', '}}'], c: '{{secrets.TOKEN}}' };
    expect(await fill(value, scope)).toEqual(value);
    expect(trips).toEqual([]);
  });

  it.each([
    `steps.${STEP}.output.id`,
    `steps["${STEP}"].output.id`,
    `steps.\`${STEP}\`.output.id`,
  ])('reads %s', async (source) => expect(await fill(`{{ ${source} }}`, scope)).toBe(7));

  it('leaves secrets as they stand, also beside values', async () => {
    expect(await fill('{{input.name}}:{{ secrets.TOKEN }}', scope)).toBe('Ada:{{ secrets.TOKEN }}');
  });

  it('says where an expression fails', async () => {
    expect(await failureOf(fill({ body: ['{{ 1 + }}'] }, scope))).toMatch(
      /^EXPRESSION_INVALID body\.0: .*\(final\)$/,
    );
  });

  it('gives to no expression what only the request may have', async () => {
    expect(await fill('{{ $string(secrets) }}', scope)).toBeNull();
  });
});

describe('a value that names a secret', () => {
  const refusal = (path: string) =>
    `SECRET_IN_VALUE ${path} gets a value that names a secret: only the definition may do that (final)`;

  it.each([
    ['as a text', '{{input}}', '{{secrets.TOKEN}}'],
    ['within text', 'x {{input}}', '{{ secrets.TOKEN }}'],
    ['deep in a value', '{{input}}', { a: [{ b: '{{secrets.TOKEN}}' }] }],
    ['as a key', '{{input}}', { '{{secrets.TOKEN}}': 1 }],
    ['beside one that is allowed', '{{secrets.MINE}} {{input}}', '{{secrets.OTHER}}'],
  ])('%s is refused', async (_how, text, input) => {
    expect(await failureOf(fill({ body: text }, scopeOf(input)))).toBe(refusal('body'));
  });

  it('is refused also when it is put together from pieces', async () => {
    const input = { a: '{{sec', b: 'rets.TOKEN}}', c: '{{' };
    expect(await failureOf(fill(['{{input.a}}{{input.b}}'], scopeOf(input)))).toBe(refusal('0'));
    expect(await failureOf(fill(['{{input.c}}secrets.TOKEN}}'], scopeOf(input)))).toBe(refusal('0'));
  });

  it('is a text like any other where nobody resolves secrets', async () => {
    const text = '{{secrets.TOKEN}}';
    expect(await fill('{{input}}', scopeOf(text), { secrets: 'none' })).toBe(text);
  });
});

describe('whatever is filled in', () => {
  it('gives back any value, alone with its type and within text as text', async () => {
    const withoutOpening = fc.string({ unit: 'grapheme', minLength: 1 }).filter((text) => !/[{}]/.test(text));
    const value = fc.jsonValue().filter((json) => !/"__proto__"|\\u|\{\{/.test(JSON.stringify(json)));
    const property = fc.asyncProperty(value, withoutOpening, async (given, around) => {
      const filled = await fill(
        { alone: '{{input}}', within: `${around}{{input}}${around}` },
        scopeOf(given),
      );
      const text = typeof given === 'string' ? given : given === null ? '' : JSON.stringify(given);
      expect(filled).toEqual({
        alone: JSON.parse(JSON.stringify(given)),
        within: `${around}${text}${around}`,
      });
    });
    const seed = Date.now() % 1_000_000;
    process.stdout.write(`fill-in: seed ${seed}\n`);
    await fc.assert(property, { seed, numRuns: 200 });
  });
});
