import type { Logger } from '../logger.ts';
import type { Claims } from './claims.ts';
import type { Sql } from './sql.ts';
import { createViewerDatabase } from './viewer.ts';

const SERVICE: Claims = { role: 'service_role' };

/** The database as the platform itself sees it: every row, on nobody's behalf. */
export type ServiceDatabase = {
  sql: Sql;
  transaction<T>(work: (sql: Sql) => Promise<T>): Promise<T>;
  close(): Promise<void>;
};

/** @param options.poolSize connections; as many statements or transactions run at once, others wait */
export function createServiceDatabase(options: {
  url: string;
  poolSize: number;
  log: Logger;
}): ServiceDatabase {
  const viewerDb = createViewerDatabase(options);
  return {
    sql: { query: (text, values) => viewerDb.withViewer(SERVICE, ({ sql }) => sql.query(text, values)) },
    transaction: (work) => viewerDb.withViewer(SERVICE, (db) => db.transaction(({ sql }) => work(sql))),
    close: () => viewerDb.close(),
  };
}
