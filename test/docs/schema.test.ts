import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { withConnection } from '../../src/platform/db/connect.ts';
import { readMigrationFiles } from '../../src/platform/db/migrations/files.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';

const docs = (name: string) => fileURLToPath(new URL(`../../docs/database/${name}`, import.meta.url));

type Table = {
  name: string;
  comment: string | null;
  columns: {
    name: string;
    type: string;
    default: string | null;
    references: string | null;
    comment: string | null;
  }[];
  indexes: string[];
  policies: string[];
};

let database: TestDatabase;
let tables: Table[];
beforeAll(async () => {
  database = await createTestDatabase();
  tables = await withConnection(
    database.admin,
    'test',
    async (client) => (await client.query<Table>(CATALOGUE)).rows,
  );
});
afterAll(() => database.drop());

// `npx vitest run test/docs -u` writes the page anew.
it('lists every table as the migrations make it in docs/database/tables.md', async () => {
  await expect(render(tables)).toMatchFileSnapshot(docs('tables.md'));
});

it('names every migration and every command in docs/database/schema.md', async () => {
  const page = readFileSync(docs('schema.md'), 'utf8');
  const { migrations, repeatables } = await readMigrationFiles();
  const said = [...migrations, ...repeatables].map(({ file }) => file);
  const commands = ['migrate:apply', 'migrate:status', 'migrate:verify', 'migrate:down'];
  expect([...said, ...commands].filter((word) => !page.includes(word))).toEqual([]);
});

function render(all: Table[]): string {
  const sections = all.map((table) =>
    [
      `## ${table.name}`,
      ...(table.comment ? [table.comment] : []),
      [
        '| column | type | default | |',
        '|---|---|---|---|',
        ...table.columns.map((column) => {
          const remarks = [column.references && `→ ${column.references}`, column.comment].filter(Boolean);
          return `| ${column.name} | ${column.type} | ${column.default ?? ''} | ${remarks.join('. ')} |`;
        }),
      ].join('\n'),
      `Indexes: ${table.indexes.join('; ') || 'none'}.`,
      `Policies: ${table.policies.join('; ') || 'none'}.`,
    ].join('\n\n'),
  );
  const head =
    'Written by test/docs/schema.test.ts from a migrated database; `?` is nullable. [How to read and apply all this](schema.md).';
  return `# Tables\n\n${head}\n\n${sections.join('\n\n')}\n`;
}

const CATALOGUE = `
  select
    n.nspname || '.' || t.relname as name,
    obj_description(t.oid, 'pg_class') as comment,
    (select jsonb_agg(jsonb_build_object(
        'name', a.attname,
        'type', format_type(a.atttypid, a.atttypmod) || case when a.attnotnull then '' else '?' end,
        'default', replace(pg_get_expr(d.adbin, d.adrelid), '|', '\\|'),
        'references', (
          select c.confrelid::regclass::text
            || case c.confdeltype when 'c' then ', on delete cascade' when 'n' then ', on delete set null' else '' end
          from pg_constraint c
          where c.conrelid = t.oid and c.contype = 'f' and c.conkey = array[a.attnum]),
        'comment', col_description(t.oid, a.attnum)) order by a.attnum)
      from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
      where a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped) as columns,
    (select coalesce(array_agg(regexp_replace(
        pg_get_indexdef(i.indexrelid), '^CREATE (UNIQUE )?INDEX (\\w+) ON .*? USING \\w+ ', '\\2 ') order by x.relname), '{}')
      from pg_index i join pg_class x on x.oid = i.indexrelid
      where i.indrelid = t.oid) as indexes,
    (select coalesce(array_agg(
        p.polname || ' (' || case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update'
          when 'd' then 'delete' else 'all' end || case when p.polpermissive then '' else ', restrictive' end || ')'
        order by p.polname), '{}')
      from pg_policy p
      where p.polrelid = t.oid) as policies
  from pg_class t
  join pg_namespace n on n.oid = t.relnamespace
  where n.nspname in ('public', 'runcast') and t.relkind in ('r', 'p') and not t.relispartition
  order by 1
`;
