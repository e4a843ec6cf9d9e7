import { randomBytes } from 'node:crypto';
import type { Client } from 'pg';
import { withConnection } from '../../src/platform/db/connect.ts';

/** Whom migrations run as on Supabase: no superuser. */
const MIGRATOR = 'migrator';

/** The roles of a Supabase project, for a server that has none of them. Returns the migrator's connection string. */
export async function prepareSupabaseServer(superUrl: string): Promise<string> {
  const url = new URL(superUrl);
  const password = randomBytes(12).toString('hex');
  await withConnection(superUrl, 'test', async (client) => {
    await client.query(`
      create role anon nologin noinherit;
      create role authenticated nologin noinherit;
      create role service_role nologin noinherit bypassrls;
      create role authenticator login noinherit;
      create role supabase_admin nologin superuser;
      create role supabase_auth_admin nologin noinherit createrole;
      create role ${MIGRATOR} login createrole createdb bypassrls password '${password}';
      grant anon, authenticated, service_role to authenticator;
      grant anon, authenticated, service_role to ${MIGRATOR} with admin option;`);
  });
  url.username = MIGRATOR;
  url.password = password;
  return url.href;
}

/** What a database has on Supabase before the first migration. To be run by the superuser. */
export async function prepareSupabaseDatabase(client: Client): Promise<void> {
  await client.query(`
    create schema auth authorization supabase_auth_admin;
    set role supabase_auth_admin;
    create table auth.users (
      id uuid not null primary key,
      email varchar(255),
      raw_user_meta_data jsonb,
      created_at timestamptz,
      updated_at timestamptz
    );
    alter table auth.users enable row level security;
    create function auth.uid() returns uuid language sql stable as $$
      select coalesce(
        nullif(current_setting('request.jwt.claim.sub', true), ''),
        (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub'))::uuid $$;
    create function auth.role() returns text language sql stable as $$
      select coalesce(
        nullif(current_setting('request.jwt.claim.role', true), ''),
        (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'role'))::text $$;
    create function auth.jwt() returns jsonb language sql stable as $$
      select coalesce(
        nullif(current_setting('request.jwt.claim', true), ''),
        nullif(current_setting('request.jwt.claims', true), ''))::jsonb $$;
    grant usage on schema auth to anon, authenticated, service_role, ${MIGRATOR};
    grant all on all tables in schema auth to ${MIGRATOR};
    reset role;
    grant usage on schema public to anon, authenticated, service_role;
    alter default privileges for role ${MIGRATOR} in schema public
      grant all on tables to anon, authenticated, service_role;
    alter default privileges for role ${MIGRATOR} in schema public
      grant all on functions to anon, authenticated, service_role;
    alter default privileges for role ${MIGRATOR} in schema public
      grant all on sequences to anon, authenticated, service_role;`);
}
