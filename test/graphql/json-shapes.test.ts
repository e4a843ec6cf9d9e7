import { expect, it } from 'vitest';
import { z } from 'zod';
import { fromInput, inputOf, outputOf } from '../../src/graphql/json-shapes.ts';
import { partsOf } from '../../src/graphql/shape-parts.ts';
import { validated } from '../../src/graphql/validation.ts';
import { named, notObject, usd, vocabulary, whole } from '../../src/platform/shapes.ts';

const colour = vocabulary('TestColour', 'A colour.', { red: 'Like blood.', 'dark-blue': 'Like the night.' });
const wheel = z
  .object({ size: whole(1, 30).describe('Inches.') }, notObject)
  .meta({ title: 'TestWheel', typeDescription: 'A wheel.' });
const car = z
  .object({
    colour: colour.describe('Its colour.'),
    price: usd.optional().describe('What it costs.'),
    wheels: named(wheel).default({}).describe('Its wheels.'),
    spare: wheel.nullable().optional().describe('A wheel more; null for none.'),
    notes: z.unknown().optional().describe('Anything.'),
  })
  .meta({ title: 'TestCar', typeDescription: 'A car.' });

const faultsOf = (input: unknown) => {
  try {
    return validated(car, fromInput(car, input), []);
  } catch (error) {
    return Object.fromEntries(
      (error as { fields: { path: string[]; message: string }[] }).fields.map(({ path, message }) => [
        path.join('.'),
        message,
      ]),
    );
  }
};

it('takes lists of named entries as maps, and what is null as left out unless the shape takes null', () => {
  const input = {
    colour: 'red',
    price: null,
    wheels: [
      { name: 'left', size: 17 },
      { name: '__proto__', size: 18 },
    ],
    spare: null,
    notes: null,
    unknown: 1,
  };
  const stored = fromInput(car, input);
  expect(JSON.stringify(stored)).toBe(
    '{"colour":"red","wheels":{"left":{"size":17},"__proto__":{"size":18}},"spare":null,"notes":null}',
  );
});

it('lets the shape speak of what does not fit, at its place', () => {
  expect(
    faultsOf({
      colour: 'green',
      price: 1e11,
      wheels: [
        { name: 'left', size: 31 },
        { name: 'right', size: 1 },
        { name: 'right', size: 2 },
      ],
      spare: [],
    }),
  ).toEqual({
    colour: 'must be one of red, dark-blue',
    price: 'must be an amount from 0 with at most 10 digits before and 4 behind the point',
    'wheels.left.size': 'must be a whole number from 1 to 30',
    'wheels.right': 'must be one object',
    spare: 'must be one object',
  });
  expect(faultsOf({ wheels: 'four' })).toEqual({
    colour: 'is required',
    wheels: 'must map names to objects',
  });
});

it.each([
  ['0.0125', 0.0125],
  ['1234567890.1234', 1_234_567_890.1234],
  [5, 5],
  [{ toFixed: () => '7.5' }, 7.5],
])('keeps the dollars %o as the number %d', (given, stored) => {
  expect(usd.parse(given)).toBe(stored);
});

it.each([
  '-1',
  '1e3',
  '1.23456',
  '12345678901',
  -1,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  {},
  null,
])('refuses %o as dollars', (given) => {
  expect(usd.safeParse(given).success).toBe(false);
});

it('makes one type of a shape, wherever it stands and however it is described there', () => {
  const described = car.describe('Somebody’s car.');
  expect(outputOf(described)).toBe(outputOf(car));
  expect(inputOf(described)).toBe(inputOf(car));
});

it('wants a description of every field', () => {
  const silent = z
    .object({ size: z.string() })
    .meta({ title: 'TestSilent', typeDescription: 'Says nothing.' });
  expect(() => partsOf(silent)).toThrow('The shape’s field size has no description.');
});
