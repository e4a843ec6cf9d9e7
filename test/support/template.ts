import { readdir, readFile } from 'node:fs/promises';
import { Client } from 'pg';

export const TEMPLATE = 'runcast_template';

const FOLDER = new URL('../../migrations-sql/', import.meta.url);

/** Brings an empty database to the newest schema. */
export async function migrateTemplate(adminUrl: string): Promise<void> {
  const client = new Client({ connectionString: adminUrl });
  await client.connect();
  try {
    const files = (await readdir(FOLDER)).filter((name) => name.endsWith('.sql')).sort();
    for (const file of files) await client.query(await readFile(new URL(file, FOLDER), 'utf8'));
  } finally {
    await client.end();
  }
}
