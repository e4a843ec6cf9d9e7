import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { withConnection } from '../../src/platform/db/connect.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { type Model, readModels } from '../support/prisma-schema.ts';

const models = readModels(readFileSync(new URL('../../prisma/schema.prisma', import.meta.url), 'utf8'));

let database: TestDatabase;
let tables: Map<string, Model>;
beforeAll(async () => {
  database = await createTestDatabase();
  const { rows } = await withConnection(database.admin, 'test', (client) => client.query<Model>(CATALOGUE));
  tables = new Map(rows.map((row) => [row.table, row]));
});
afterAll(() => database.drop());

const byName = <T extends { name: string }>(things: T[]) =>
  things.toSorted((a, b) => a.name.localeCompare(b.name));

it('has a model for every table in public, and no model without a table', () => {
  const modelled = models.map(({ table }) => table).sort();
  const inPublic = [...tables.keys()].filter((table) => table.startsWith('public.'));
  expect(modelled.filter((table) => table.startsWith('public.'))).toEqual(inPublic.sort());
  expect(modelled.filter((table) => !tables.has(table))).toEqual([]);
});

it.each(
  models.map((model) => [model.table, model] as const),
)('agrees with the migrated table %s, column by column', (table, model) => {
  const found = tables.get(table);
  if (!found) throw new Error(`There is no table ${table}.`);
  expect(byName(model.columns)).toEqual(byName(found.columns));
  expect(model.primaryKey).toEqual(found.primaryKey);
  expect(model.unique.toSorted()).toEqual(found.unique.toSorted());
  expect(model.foreignKeys.toSorted()).toEqual(found.foreignKeys.toSorted());
});

const CATALOGUE = `
  with keys as (
    select c.conrelid, c.contype, c.confrelid, c.confdeltype,
      (select array_agg(a.attname::text order by k.position)
        from unnest(c.conkey) with ordinality k (attnum, position)
        join pg_attribute a on a.attrelid = c.conrelid and a.attnum = k.attnum) as columns
    from pg_constraint c
    where c.conparentid = 0
  )
  select
    n.nspname || '.' || t.relname as table,
    (select jsonb_agg(jsonb_build_object(
        'name', a.attname,
        'type', format_type(a.atttypid, a.atttypmod),
        'nullable', not a.attnotnull,
        'hasDefault', a.atthasdef or a.attidentity <> ''))
      from pg_attribute a
      where a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped) as columns,
    coalesce((select columns from keys where conrelid = t.oid and contype = 'p'), '{}') as "primaryKey",
    coalesce((select array_agg(array_to_string(columns, ', ')) from keys
      where conrelid = t.oid and contype = 'u'), '{}') as unique,
    coalesce((select array_agg(
        array_to_string(columns, ', ') || ' -> ' || fn.nspname || '.' || f.relname || ' on delete '
          || case confdeltype when 'c' then 'cascade' when 'n' then 'set null' when 'r' then 'restrict'
            when 'a' then 'no action' end)
      from keys join pg_class f on f.oid = confrelid join pg_namespace fn on fn.oid = f.relnamespace
      where conrelid = t.oid and contype = 'f'), '{}') as "foreignKeys"
  from pg_class t
  join pg_namespace n on n.oid = t.relnamespace
  where n.nspname in ('public', 'runcast', 'auth') and t.relkind in ('r', 'p') and not t.relispartition
`;
