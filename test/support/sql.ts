import type { Client } from 'pg';
import type { Sql } from '../../src/platform/db/sql.ts';
import { wireValue } from '../../src/platform/db/wire-values.ts';

/** Hand-written SQL over a connection of the test's own, with parameters as the API sends them. */
export function sqlOver(client: Client): Sql {
  return {
    query: async <Row extends object>(text: string, values: readonly unknown[] = []) =>
      (await client.query<Row>(text, values.map(wireValue))).rows,
  };
}
