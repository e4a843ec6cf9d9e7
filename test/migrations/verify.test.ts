import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { migrateCommand } from '../../src/cli/migrate.ts';
import { withConnection } from '../../src/platform/db/connect.ts';
import { applyMigrations } from '../../src/platform/db/migrations/migrator.ts';
import { verifyMigrations } from '../../src/platform/db/migrations/verify/verify.ts';
import { type BareDatabase, plainPlatform } from '../support/platforms.ts';

let database: BareDatabase;
beforeAll(async () => {
  database = await plainPlatform().bareDatabase();
  await applyMigrations({ ...database, log: () => {} });
});
afterAll(() => database[Symbol.asyncDispose]());

/** One fault each, the way back, and the line that must report it. */
const faults: [fault: string, repair: string, line: string][] = [
  [
    'alter table agents disable row level security',
    'alter table agents enable row level security',
    'row-level security of public.agents: off',
  ],
  [
    'drop index idx_error_logs_severity',
    'create index idx_error_logs_severity on error_logs (severity)',
    'indexes of public.error_logs: no index idx_error_logs_severity',
  ],
  [
    'alter table workflows alter column version type text',
    'alter table workflows alter column version type varchar(20)',
    'columns of public.workflows: version is text, not character varying(20)',
  ],
  [
    'alter table usage_metrics alter column quantity drop default',
    'alter table usage_metrics alter column quantity set default 0',
    'columns of public.usage_metrics: quantity defaults to nothing, not 0',
  ],
  [
    'alter table tenants alter column name drop not null',
    'alter table tenants alter column name set not null',
    'columns of public.tenants: name is nullable',
  ],
  [
    'alter policy agents_delete_members on agents rename to other; drop policy other on agents',
    'create policy agents_delete_members on agents for delete to authenticated using (false)',
    'policies of public.agents: no policy for delete',
  ],
  [
    'alter table error_logs drop constraint error_logs_tenant_id_fkey',
    'alter table error_logs add constraint error_logs_tenant_id_fkey foreign key (tenant_id) references tenants on delete set null',
    'foreign keys of public.error_logs: tenant_id points nowhere, not to public.tenants',
  ],
  [
    'alter table tenants drop constraint tenants_subdomain_key',
    'alter table tenants add unique (subdomain)',
    'unique keys of public.tenants: no unique key on subdomain',
  ],
  [
    'alter table usage_metrics disable trigger zz_runcast_usage_update',
    'alter table usage_metrics enable trigger zz_runcast_usage_update',
    "a foreign client's usage changes the sums: a row that is changed changes no sum",
  ],
  [
    'alter table user_tenants disable trigger zz_runcast_access_delete',
    'alter table user_tenants enable trigger zz_runcast_access_delete',
    'a changed membership is announced: no trigger after delete',
  ],
  [
    'alter table agents disable trigger update_agents_updated_at',
    'alter table agents enable trigger update_agents_updated_at',
    'updated_at moves on public.agents: updated_at stays as it was',
  ],
  [
    'drop policy training_executions_delete_own on training_executions',
    'create policy training_executions_delete_own on training_executions for delete to authenticated using (user_id = (select auth.uid()))',
    'guide 1, query 5: four policies: policies for: INSERT, SELECT, UPDATE',
  ],
  [
    'alter table training_executions disable row level security',
    'alter table training_executions enable row level security',
    'guide 1, query 4: row-level security is enabled: rowsecurity is not true',
  ],
  [
    'drop policy error_logs_tenant_of_reader on error_logs',
    'create policy error_logs_tenant_of_reader on error_logs as restrictive for select using (true)',
    'objects of 20261122000000_runcast_schema.sql: missing: policy error_logs_tenant_of_reader on public.error_logs',
  ],
  [
    'revoke select on training_executions from authenticated',
    'grant select on training_executions to authenticated',
    'grants on tables: authenticated: select training_executions',
  ],
  [
    'grant truncate on agents to anon',
    'revoke truncate on agents from anon',
    'nobody may truncate past row-level security: anon: truncate agents',
  ],
  [
    'grant update on subscriptions to authenticated',
    'revoke update on subscriptions from authenticated; grant update (cancel_at_period_end) on subscriptions to authenticated',
    'users write nothing beyond the policies: authenticated: update subscriptions',
  ],
  [
    'grant delete on usage_metrics to authenticated',
    'revoke delete on usage_metrics from authenticated',
    'users write nothing beyond the policies: authenticated: delete usage_metrics',
  ],
  [
    "create function runcast.open_to_all() returns int language sql as 'select 1'",
    'drop function runcast.open_to_all()',
    'no function of runcast is for everybody: runcast.open_to_all() for public',
  ],
  [
    "insert into runcast_migrations.checksums (version, name, checksum, how) values ('20990101000000', 'x', 'x', 'applied')",
    "delete from runcast_migrations.checksums where version = '20990101000000'",
    'migration 20990101000000: unknown to this version of the program',
  ],
];

const failed = async () =>
  (await verifyMigrations(database)).filter(({ ok }) => !ok).map(({ what, detail }) => `${what}: ${detail}`);

describe('migrate verify', () => {
  it.each(faults)('reports: %s', async (fault, repair, line) => {
    const change = (sql: string) => withConnection(database.adminUrl, 'test', (client) => client.query(sql));
    await change(fault);
    const found = await failed();
    await change(repair);
    expect(found).toContain(line);
    expect(await failed()).toEqual([]);
  });

  it('leaves no row of what it tried behind', async () => {
    await verifyMigrations(database);
    const left = await withConnection(
      database.adminUrl,
      'test',
      async (client) =>
        (
          await client.query(
            'select id from auth.users union all select id from agents union all select id from subscriptions',
          )
        ).rows,
    );
    expect(left).toEqual([]);
  });
});

describe('the migrate command', () => {
  const run = async (args: string[], adminUrl = database.adminUrl) => {
    const lines: string[] = [];
    const code = await migrateCommand(args, {
      withDatabase: (work) => work(adminUrl),
      print: (line) => lines.push(line),
    });
    return { code, lines };
  };

  it('prints a line for every check and how many there were', async () => {
    const { code, lines } = await run(['verify']);
    expect(code).toBe(0);
    expect(lines.slice(0, -1).filter((line) => !line.startsWith('pass  '))).toEqual([]);
    expect(lines.at(-1)).toBe(`All ${lines.length - 1} checks pass.`);
    for (const query of [1, 2, 3, 4, 5]) {
      expect(lines.filter((line) => line.startsWith(`pass  guide 1, query ${query}: `))).toHaveLength(1);
    }
  });

  it('exits with 1 and says FAIL on a database that lacks everything', async () => {
    await using bare = await plainPlatform().bareDatabase();
    const { code, lines } = await run(['verify'], bare.adminUrl);
    expect(code).toBe(1);
    expect(lines).toContain('FAIL  table public.training_executions: missing');
    expect(lines.at(-1)).toMatch(/^\d+ of \d+ checks FAIL\.$/);
  });

  it('lists every file with what it is to the database', async () => {
    await using bare = await plainPlatform().bareDatabase();
    const before = await run(['status'], bare.adminUrl);
    expect(before.lines.filter((line) => !line.endsWith('  pending'))).toEqual([]);
    const applied = await run(['apply'], bare.adminUrl);
    expect(applied.lines.at(-1)).toBe(
      `The database is up to date: ${before.lines.length} applied, 0 adopted.`,
    );
    const after = await run(['status'], bare.adminUrl);
    expect(after.lines.filter((line) => !line.endsWith('  applied'))).toEqual([]);
    expect((await run(['apply'], bare.adminUrl)).lines).toEqual(['The database is up to date.']);
  });

  it.each([
    [[]],
    [['up']],
    [['down']],
    [['down', '--yes']],
    [['apply', 'everything']],
  ])('prints its help and exits with 2 for %j', async (args) => {
    const { code, lines } = await run(args);
    expect(code).toBe(2);
    expect(lines.join('\n')).toContain('runcast migrate <command>');
  });
});
