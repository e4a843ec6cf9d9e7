import type { Claims } from './claims.ts';
import type { Sql } from './sql.ts';
import { createViewerDatabase, type ViewerDatabaseOptions } from './viewer.ts';

const SERVICE: Claims = { role: 'service_role' };

/** The database as the service role sees it: past row-level security, so the owner is for the caller to mind. */
export type ServiceDatabase = {
  /** Each statement in a transaction of its own. */
  sql: Sql;
  transaction<T>(work: (sql: Sql) => Promise<T>): Promise<T>;
  /** As a ViewerDatabase's. */
  suspect(): void;
  close(): Promise<void>;
};

/** @param options.url of a login role that may become service_role */
export function createServiceDatabase(options: ViewerDatabaseOptions): ServiceDatabase {
  const viewers = createViewerDatabase(options);
  const { sendHint } = options;
  return {
    sql: {
      query: (text, values) => viewers.withViewer(SERVICE, ({ sql }) => sql.query(text, values)),
      ...(sendHint && { hint: sendHint }),
    },
    transaction: (work) =>
      viewers.withViewer(SERVICE, (viewer) => viewer.transaction(({ sql }) => work(sql))),
    suspect: () => viewers.suspect(),
    close: () => viewers.close(),
  };
}
