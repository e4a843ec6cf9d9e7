import { Client } from 'pg';
import { expect, it } from 'vitest';
import { createTestDatabase } from './postgres.ts';

it('clones the migrated template and drops the clone', async () => {
  const database = await createTestDatabase();
  const client = new Client({ connectionString: database.admin });
  await client.connect();
  const { rows } = await client.query('select count(*)::int as count from training_executions');
  await client.end();
  await database.drop();
  expect(rows).toEqual([{ count: 0 }]);
});
