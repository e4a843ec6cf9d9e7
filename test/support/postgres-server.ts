import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import type { TestProject } from 'vitest/node';
import { startOwnServer } from './own-server.ts';
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
  const server = given ? { url: given, stop: async () => {} } : await startOwnServer();
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

function databaseUrl(server: string, name: string): string {
  const url = new URL(server);
  url.pathname = `/${name}`;
  return url.href;
}
