import { buildSchema, extendSchema, parse } from 'graphql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { schema } from '../../src/app/schema.ts';
import { cases } from './cases/all.ts';
import { coordinatesOf, coveredBy, entriesOf } from './coverage.ts';
import { prove, type Tally } from './proof.ts';
import { openWorld, type World } from './world.ts';

const covered = coveredBy(schema, cases);

describe('the registry of cases', () => {
  it('has one for every field that gives or changes rows, and for every id that can be named', () => {
    expect(coordinatesOf(schema).filter((coordinate) => !covered.has(coordinate))).toEqual([]);
  });

  it('has none for what the schema no longer has', () => {
    const known = new Set(coordinatesOf(schema));
    expect(Object.keys(cases).filter((coordinate) => !known.has(coordinate))).toEqual([]);
  });

  it('misses what is added without one', () => {
    const extended = extendSchema(
      schema,
      parse(`
        extend type Query { leak(of: LeakInput): Leak }
        type Leak { parent: TrainingConfig  name: String }
        input LeakInput { tenantId: ID }
        extend type TrainingDataset { configs: TrainingConfigConnection! }`),
    );
    expect(coordinatesOf(extended).filter((coordinate) => !covered.has(coordinate))).toEqual([
      'Leak.parent',
      'LeakInput.tenantId',
      'Query.leak',
      'TrainingDataset.configs',
    ]);
    expect(coordinatesOf(buildSchema('type Query { a: Int }'))).toEqual(['Query.a']);
  });
});

describe('what is not the caller’s is not there, and stays as it is', () => {
  let world: World;
  const tally: Tally = { calls: new Set() };
  beforeAll(async () => {
    world = await openWorld(cases);
  });
  afterAll(() => world.close());

  it.each(entriesOf(cases).map(([coordinate, how]) => ({ coordinate, how })))('$coordinate: $how.call', ({
    coordinate,
    how,
  }) => prove({ schema, world, coordinate, how, tally }, false));

  it('was asked for in many ways', () => {
    expect(tally.calls.size).toBeGreaterThan(500);
  });

  // A proof that cannot fail proves nothing: these open a policy and see the proof fail.
  it.each([
    ['reads', 'for select', 'Query.trainingDataset'],
    ['lists', 'for select', 'Query.trainingDatasets'],
    ['changes', 'for update', 'Mutation.updateTrainingDataset'],
    ['changes unseen', 'for delete', 'Mutation.deleteTrainingDataset'],
  ])('would notice a policy by which somebody else %s', async (_what, commands, coordinate) => {
    const how = entriesOf(cases).find(([name]) => name === coordinate)?.[1];
    if (!how) throw new Error(`no case for ${coordinate}`);
    await world.api.admin.query(
      `create policy leak on public.training_datasets ${commands} to authenticated using (true)`,
    );
    const proof = prove({ schema, world, coordinate, how, tally }, false).then(
      () => 'proved',
      () => 'refuted',
    );
    expect(await proof).toBe('refuted');
    await world.api.admin.query('drop policy leak on public.training_datasets');
  });
});
