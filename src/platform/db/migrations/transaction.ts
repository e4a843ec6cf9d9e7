import type { Client } from 'pg';

/** Commits what `work` did, or nothing of it. */
export async function inTransaction<T>(client: Client, work: () => Promise<T>): Promise<T> {
  await client.query('begin');
  try {
    const result = await work();
    await client.query('commit');
    return result;
  } catch (thrown) {
    // Where the connection broke, the server has rolled back by itself.
    await client.query('rollback').catch(() => {});
    throw thrown;
  }
}
