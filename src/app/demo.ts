import { copyFile, mkdir, readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Client } from 'pg';
import { z } from 'zod';
import { DEMO_USER } from '../modules/accounts/demo-user.ts';

const EXAMPLES = new URL('../../examples/', import.meta.url);
const CONFIGS = ['proverbs', 'astronomy', 'courteous-replies'];
/** Its workspace, the same in every database. */
export const DEMO_TENANT = {
  id: '00000000-0000-4000-8000-000000000010',
  name: 'Demo workspace',
  subdomain: 'demo',
};

const exampleSchema = z.object({
  publicId: z.string(),
  name: z.string(),
  isPublic: z.boolean(),
  config: z.record(z.string(), z.unknown()),
  datasets: z.array(z.object({ name: z.string(), format: z.string(), file: z.string() })),
});

/** What the first start begins with: the config that is trained, and who trains it. */
export const DEMO_RUN = {
  publicId: 'proverbs',
  method: 'sft',
  provider: 'local',
  idempotencyKey: 'first-demo-run',
};

/**
 * Makes the demo workspace (a user, a tenant, three training configs with their datasets) in a database that holds
 * no user yet; anywhere else it does nothing.
 *
 * @param adminUrl the owner of the tables
 * @param dataDir the datasets are copied below it, where the worker may read them
 * @returns whether the workspace was made now
 */
export async function makeDemoWorkspace(adminUrl: string, dataDir: string): Promise<boolean> {
  const client = new Client({ connectionString: adminUrl });
  await client.connect();
  try {
    await client.query('begin');
    // Two first starts at once on one database: the second waits here and then sees the first one's user.
    await client.query(`select pg_advisory_xact_lock(hashtextextended('runcast demo workspace', 0))`);
    const { rows } = await client.query('select exists (select from auth.users) as is_used');
    if (rows[0].is_used) return false;
    await insertAccount(client);
    for (const name of CONFIGS) await insertConfig(client, name, dataDir);
    await client.query('commit');
    return true;
  } finally {
    // Ends an open transaction as well: a workspace is made whole or not at all.
    await client.end();
  }
}

async function insertAccount(client: Client): Promise<void> {
  await client.query('insert into auth.users (id, email) values ($1, $2)', [DEMO_USER.id, DEMO_USER.email]);
  const { id, name, subdomain } = DEMO_TENANT;
  await client.query('insert into public.tenants (id, name, subdomain) values ($1, $2, $3)', [
    id,
    name,
    subdomain,
  ]);
  const membership = `insert into public.user_tenants (tenant_id, user_id, role) values ($1, $2, 'admin')`;
  await client.query(membership, [id, DEMO_USER.id]);
}

async function insertConfig(client: Client, name: string, dataDir: string): Promise<void> {
  const file = new URL(`configs/${name}.json`, EXAMPLES);
  const example = exampleSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  const config = await client.query(
    `insert into public.training_configs (user_id, name, public_id, is_public, config_json)
     values ($1, $2, $3, $4, $5) returning id`,
    [DEMO_USER.id, example.name, example.publicId, example.isPublic, example.config],
  );
  for (const dataset of example.datasets) {
    const storagePath = join('datasets', 'examples', basename(dataset.file));
    const target = join(dataDir, storagePath);
    await mkdir(dirname(target), { recursive: true });
    await copyFile(new URL(dataset.file, EXAMPLES), target);
    await client.query(
      `with dataset as (
         insert into public.training_datasets (user_id, name, storage_path, format)
         values ($1, $2, $3, $4) returning id
       )
       insert into public.training_config_datasets (config_id, dataset_id) select $5, id from dataset`,
      [DEMO_USER.id, dataset.name, storagePath, dataset.format, config.rows[0].id],
    );
  }
}
