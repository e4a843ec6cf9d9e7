import type { Client } from 'pg';
import type { MigrationFile } from './files.ts';

/** How a file came to be in the database. */
export type Origin = 'applied' | 'adopted';

export type Checksum = { version: string; name: string; checksum: string; how: Origin };

export type Ledger = {
  /** Every version in the Supabase CLI's table, foreign ones too. */
  versions: Set<string>;
  /** What we recorded ourselves, by version. */
  checksums: Map<string, Checksum>;
};

/** Reads both tables; those that do not exist yet are empty. */
export async function readLedger(client: Client): Promise<Ledger> {
  const exists = await client.query<{ ledger: boolean; checksums: boolean }>(`
    select
      exists (select from pg_tables
        where schemaname = 'supabase_migrations' and tablename = 'schema_migrations') as ledger,
      exists (select from pg_tables
        where schemaname = 'runcast_migrations' and tablename = 'checksums') as checksums`);
  const versions = exists.rows[0]?.ledger
    ? await client.query<{ version: string }>('select version from supabase_migrations.schema_migrations')
    : { rows: [] };
  const checksums = exists.rows[0]?.checksums
    ? await client.query<Checksum>('select version, name, checksum, how from runcast_migrations.checksums')
    : { rows: [] };
  return {
    versions: new Set(versions.rows.map((row) => row.version)),
    checksums: new Map(checksums.rows.map((row) => [row.version, row])),
  };
}

/**
 * Makes what is missing. The first table as the Supabase CLI makes it; one that is there is left as it is, also where
 * an older CLI made it without `statements` and `name`.
 */
export async function makeLedger(client: Client): Promise<void> {
  await client.query(`
    do $$
    begin
      if not exists (
        select from pg_tables where schemaname = 'supabase_migrations' and tablename = 'schema_migrations'
      ) then
        create schema if not exists supabase_migrations;
        create table supabase_migrations.schema_migrations (
          version text not null primary key,
          statements text[],
          name text
        );
      end if;
      if not exists (
        select from pg_tables where schemaname = 'runcast_migrations' and tablename = 'checksums'
      ) then
        create schema if not exists runcast_migrations;
        create table runcast_migrations.checksums (
          version text not null primary key,
          name text not null,
          checksum text not null,
          how text not null,
          recorded_at timestamptz not null default now()
        );
        comment on schema runcast_migrations is 'What Runcast''s migrator recorded.';
        comment on table runcast_migrations.checksums is
          'One row per migration file: the SHA-256 it had, and whether we applied it or found it applied.';
      end if;
    end
    $$`);
}

/** Writes a file into both tables. To be called in the transaction that applied it. */
export async function record(client: Client, file: MigrationFile, how: Origin): Promise<void> {
  const { rows } = await client.query<{ columns: string[] }>(`
    select array_agg(attname::text) as columns from pg_attribute
    where attrelid = 'supabase_migrations.schema_migrations'::regclass and attnum > 0 and not attisdropped`);
  const present = new Set(rows[0]?.columns);
  const values = Object.entries({ version: file.version, statements: file.statements, name: file.name });
  const kept = values.filter(([column]) => present.has(column));
  await client.query(
    `insert into supabase_migrations.schema_migrations (${kept.map(([column]) => column).join(', ')})
     values (${kept.map((_, index) => `$${index + 1}`).join(', ')})
     on conflict (version) do nothing`,
    kept.map(([, value]) => value),
  );
  await client.query(
    `insert into runcast_migrations.checksums (version, name, checksum, how) values ($1, $2, $3, $4)
     on conflict (version) do update
     set name = excluded.name, checksum = excluded.checksum, how = excluded.how, recorded_at = now()`,
    [file.version, file.name, file.checksum, how],
  );
}

/** Takes a file out of both tables. To be called in the transaction that took it down. */
export async function forget(client: Client, version: string): Promise<void> {
  await client.query('delete from supabase_migrations.schema_migrations where version = $1', [version]);
  await client.query('delete from runcast_migrations.checksums where version = $1', [version]);
}
