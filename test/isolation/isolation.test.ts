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
    expect(tally.calls.size).toBeGreaterThan(1_500);
  });

  // A proof that cannot fail proves nothing: these spoil the database and see it fail.
  it.each([
    ['somebody else reads', 'Query.trainingDataset', openTo('select')],
    ['somebody else lists', 'Query.trainingDatasets', openTo('select')],
    ['an edge shows', 'TrainingConfig.datasets', openTo('select')],
    [
      'a call of somebody else changes',
      'Mutation.createTrainingDataset',
      `create function public.spoil() returns trigger language plpgsql security definer as
         $$ begin update public.training_datasets set name = name || '!' where id <> new.id; return new; end $$;
       create trigger leak after insert on public.training_datasets for each row execute function public.spoil()`,
    ],
  ])('would notice what %s', async (_what, coordinate, spoil) => {
    const all = entriesOf(cases).filter(([name]) => name === coordinate);
    await world.api.admin.query(spoil);
    const proofs = await Promise.allSettled(
      all.map(([, how]) => prove({ schema, world, coordinate, how, tally }, true)),
    );
    await world.api.admin.query(
      'drop policy if exists leak on public.training_datasets; drop trigger if exists leak on public.training_datasets; drop function if exists public.spoil',
    );
    expect(proofs.map(({ status }) => status)).toContain('rejected');
  });
});

function openTo(command: string): string {
  return `create policy leak on public.training_datasets for ${command} to authenticated using (true)`;
}
