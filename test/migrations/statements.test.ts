import { describe, expect, it } from 'vitest';
import { parseColumn } from '../../src/platform/db/migrations/column-facts.ts';
import { madeBy } from '../../src/platform/db/migrations/objects.ts';
import { splitStatements, withoutComments } from '../../src/platform/db/migrations/statements.ts';

describe('splitting a file into statements', () => {
  it.each([
    ['two statements', 'select 1; select 2', ['select 1', 'select 2']],
    [
      'semicolons in strings',
      "select ';'; select e'\\';'; select 'it''s;'",
      ["select ';'", "select e'\\';'", "select 'it''s;'"],
    ],
    ['quoted names', 'select 1 as "a;b"; select 2', ['select 1 as "a;b"', 'select 2']],
    [
      'dollar quotes, one in another',
      'do $a$ x; $$ y; $$ $a$; select $1',
      ['do $a$ x; $$ y; $$ $a$', 'select $1'],
    ],
    [
      'nested comments',
      '/* a; /* b; */ c; */ select 1; -- d;\nselect 2',
      ['/* a; /* b; */ c; */ select 1', '-- d;\nselect 2'],
    ],
    [
      'a body in standard SQL',
      'create function f() returns int begin atomic select case when true then 1 end; select 2; end; select 3',
      [
        'create function f() returns int begin atomic select case when true then 1 end; select 2; end',
        'select 3',
      ],
    ],
    ['nothing but comments', '-- nothing;\n/* at; all */;', []],
  ])('knows %s', (_name, sql, statements) => {
    expect(splitStatements(sql)).toEqual(statements);
  });

  it('takes comments out and leaves strings as they are', () => {
    expect(withoutComments("select  -- one\n  '--  two' /* three */ from t")).toBe("select '--  two' from t");
  });
});

describe('what a file makes', () => {
  const sql = `
    create table public.a (id int primary key, "order" numeric(10, 2) default (1 + 2), unique (id, "order"));
    create table if not exists public.b (id int);
    create unique index idx_a_order on a ("order");
    create policy p on public.a for select to authenticated using (true);
    create policy q on public.a as restrictive for insert to authenticated with check (true);
    create or replace function runcast.f() returns int language sql as 'select 1';
    create trigger t before update of id on public.a for each row execute function f();`;

  it('counts as evidence where only a plain create makes it', () => {
    expect(madeBy(splitStatements(sql), 'plain')).toEqual({
      tables: ['public.a'],
      objects: [
        'table public.a',
        'column public.a.id',
        'column public.a.order',
        'index public.idx_a_order',
        'select policy on public.a',
        'policy q on public.a',
        'trigger t on public.a',
      ],
    });
  });

  it('is looked for by verify however it is made', () => {
    const { objects } = madeBy(splitStatements(sql), 'all');
    expect(objects).toContain('table public.b');
    expect(objects).toContain('function runcast.f');
  });
});

it('reads a column as the facts write it', () => {
  expect(parseColumn("status varchar(50)? = 'pending' -> auth.users set null")).toEqual({
    name: 'status',
    type: 'character varying(50)',
    nullable: true,
    default: "'pending'",
    references: { table: 'auth.users', onDelete: 'set null' },
  });
});
