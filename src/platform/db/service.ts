import { Pool } from 'pg';
import { messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Sql } from './sql.ts';

export type ServiceDatabase = {
  sql: Sql;
  transaction<T>(work: (sql: Sql) => Promise<T>): Promise<T>;
  close(): Promise<void>;
};

export function createServiceDatabase(options: {
  url: string;
  poolSize: number;
  log: Logger;
}): ServiceDatabase {
  const pool = new Pool({
    connectionString: options.url,
    max: options.poolSize,
    connectionTimeoutMillis: 5000,
    application_name: 'runcast worker',
  });
  pool.on('error', (error) => options.log.warn({ error: messageOf(error) }, 'lost a connection'));
  async function transaction<T>(work: (sql: Sql) => Promise<T>): Promise<T> {
    const client = await pool.connect();
    let broken = false;
    try {
      await client.query(
        `begin; set local role service_role; set local "request.jwt.claims" = '{"role":"service_role"}'`,
      );
      const result = await work({
        query: async (text, values) => (await client.query(text, values)).rows,
      });
      await client.query('commit');
      return result;
    } catch (error) {
      await client.query('rollback').catch(() => {
        broken = true;
      });
      throw error;
    } finally {
      client.release(broken);
    }
  }
  return {
    sql: { query: (text, values) => transaction((sql) => sql.query(text, values)) },
    transaction,
    close: () => pool.end(),
  };
}
