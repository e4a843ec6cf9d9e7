import type { Claims } from './claims.ts';
import type { Sql } from './sql.ts';
import { createViewerDatabase, type LeaseOptions, type ViewerDatabaseOptions } from './viewer.ts';

const SERVICE: Claims = { role: 'service_role' };

/** Somebody with an account, for whom a service acts without a token. */
export type UserClaims = Claims & { role: 'authenticated'; sub: string };

/** The database as the service role sees it: past row-level security, so the owner is for the caller to mind. */
export type ServiceDatabase = {
  /** Each statement in a transaction of its own. */
  sql: Sql;
  transaction<T>(work: (sql: Sql) => Promise<T>): Promise<T>;
  /**
   * One transaction on a user's behalf: row-level security decides as when that user asks. Do not nest it in another.
   *
   * @throws what `work` throws, which rolls back; {ViewerError} CANCELLED once the signal is aborted
   */
  asUser<T>(claims: UserClaims, work: (sql: Sql) => Promise<T>, options?: LeaseOptions): Promise<T>;
  /** As a ViewerDatabase's. */
  suspect(): void;
  close(): Promise<void>;
};

/** @param options.url of a login role that may become service_role, and authenticated for `asUser` */
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
    asUser: (claims, work, options) =>
      viewers.withViewer(claims, (viewer) => viewer.transaction(({ sql }) => work(sql)), options),
    suspect: () => viewers.suspect(),
    close: () => viewers.close(),
  };
}
