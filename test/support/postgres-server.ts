import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import type { TestProject } from 'vitest/node';
import { startEmbeddedPostgres } from '../../src/platform/db/embedded/server.ts';
import { migrateTemplate, TEMPLATE } from './template.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Superuser's connection string of the server that all test files share. */
    postgresUrl: string;
    /** Name of the migrated database that test databases are cloned from. */
    template: string;
  }
}

/** One Postgres for the whole run: its own, or the one TEST_DATABASE_URL names. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const given = process.env.TEST_DATABASE_URL;
  const server = given ? { url: given, stop: async () => {} } : await startOwn();
  const template = `${TEMPLATE}_${randomBytes(4).toString('hex')}`;
  const client = new Client({ connectionString: server.url });
  await client.connect();
  await client.query(`create database ${template}`);
  await migrateTemplate(databaseUrl(server.url, template));
  project.provide('postgresUrl', server.url);
  project.provide('template', template);
  return async () => {
    await client.query(`drop database if exists ${template} with (force)`);
    await client.end();
    await server.stop();
  };
}

async function startOwn() {
  const folder = await mkdtemp(join(tmpdir(), 'runcast-test-'));
  // Run by root, Postgres is another account's and has to pass through here.
  await chmod(folder, 0o755);
  const settings = {
    fsync: 'off',
    synchronous_commit: 'off',
    full_page_writes: 'off',
    max_connections: '400',
  };
  const server = await startEmbeddedPostgres({ folder: join(folder, 'postgres'), settings });
  return {
    url: server.url,
    stop: async () => {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function databaseUrl(server: string, name: string): string {
  const url = new URL(server);
  url.pathname = `/${name}`;
  return url.href;
}
