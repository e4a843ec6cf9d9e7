import { randomBytes } from 'node:crypto';
import { inject } from 'vitest';
import { withConnection } from '../../src/platform/db/connect.ts';
import { type OwnServer, startOwnServer } from './own-server.ts';
import { prepareSupabaseDatabase, prepareSupabaseServer } from './supabase.ts';

/** A database that nothing of ours was applied to. */
export type BareDatabase = {
  /** The migrator's connection string: the superuser's on a plain Postgres, not on Supabase. */
  adminUrl: string;
  superUrl: string;
  [Symbol.asyncDispose](): Promise<void>;
};

export type Platform = {
  name: string;
  bareDatabase(): Promise<BareDatabase>;
  stop(): Promise<void>;
};

/** A Postgres as it comes. */
export function plainPlatform(server: string = inject('postgresUrl')): Platform {
  return { name: 'a plain Postgres', bareDatabase: () => create(server, server), stop: async () => {} };
}

/** A database as Supabase prepares it; on a server of its own, since roles belong to the server. */
export async function supabasePlatform(server?: OwnServer): Promise<Platform> {
  const own = server ?? (await startOwnServer());
  const migrator = await prepareSupabaseServer(own.url);
  return {
    name: 'Supabase',
    stop: () => own.stop(),
    bareDatabase: async () => {
      const database = await create(own.url, migrator);
      await withConnection(database.superUrl, 'test', prepareSupabaseDatabase);
      return database;
    },
  };
}

async function create(server: string, admin: string): Promise<BareDatabase> {
  const name = `runcast_test_${randomBytes(6).toString('hex')}`;
  const owner = decodeURIComponent(new URL(admin).username);
  await withConnection(server, 'test', (client) =>
    client.query(`create database ${name} owner ${owner} template template0`),
  );
  const at = (url: string) => {
    const database = new URL(url);
    database.pathname = `/${name}`;
    return database.href;
  };
  return {
    adminUrl: at(admin),
    superUrl: at(server),
    [Symbol.asyncDispose]: async () => {
      await withConnection(server, 'test', (client) =>
        client.query(`drop database if exists ${name} with (force)`),
      );
    },
  };
}
