import { afterAll, beforeAll, expect, it } from 'vitest';
import { schema } from '../../src/app/schema.ts';
import { cases } from './cases/all.ts';
import { entriesOf } from './coverage.ts';
import { prove, type Tally } from './proof.ts';
import { openWorld, type World } from './world.ts';

let world: World;
const tally: Tally = { calls: new Set() };
beforeAll(async () => {
  world = await openWorld(cases);
});
afterAll(() => world.close());

it.each(
  entriesOf(cases).map(([coordinate, how]) => ({ coordinate, how })),
)('$coordinate, written in every way and brought by every transport: $how.call', ({ coordinate, how }) =>
  prove({ schema, world, coordinate, how, tally }, true));

it('at least 10,000 distinct calls of others found nothing', () => {
  process.stdout.write(`${tally.calls.size} distinct calls of others than the owner\n`);
  expect(tally.calls.size).toBeGreaterThanOrEqual(10_000);
});
