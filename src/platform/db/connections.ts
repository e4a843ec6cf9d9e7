import { createHmac } from 'node:crypto';
import { StartupError } from '../errors.ts';

/** The roles that the program logs in as; a SQL migration makes them, `migrate:apply` gives them a password. */
export type LoginRole = 'runcast_api' | 'runcast_worker';

/** Connection strings of one database, by what may be done over each. */
export type DatabaseUrls = {
  /** Owns the tables and migrates them; never used to serve anybody. */
  admin: string;
  api: string;
  worker: string;
};

/** The three connection strings: as configured, and where they are not, derived from the administrator's. */
export function databaseUrls(
  admin: string,
  configured: { api?: string | undefined; worker?: string | undefined } = {},
): DatabaseUrls {
  return {
    admin,
    api: configured.api ?? loginUrl(admin, 'runcast_api'),
    worker: configured.worker ?? loginUrl(admin, 'runcast_worker'),
  };
}

/**
 * The administrator's connection string with a login role's name and password in place of the administrator's.
 * The password is an HMAC keyed by the administrator's, so every process that knows DATABASE_URL agrees on it
 * and nothing has to be stored. Supabase's session pooler names users `role.project`, so that suffix is kept.
 *
 * @throws {StartupError} where the administrator's connection string has no password to derive from
 */
export function loginUrl(admin: string, role: LoginRole): string {
  const url = new URL(admin);
  if (!url.password) {
    throw new StartupError(
      `DATABASE_URL has no password to derive the one of ${role} from: set API_DATABASE_URL and WORKER_DATABASE_URL as well.`,
    );
  }
  const dot = url.username.indexOf('.');
  const project = dot < 0 ? '' : url.username.slice(dot);
  url.username = `${role}${project}`;
  url.password = derivedPassword(decodeURIComponent(new URL(admin).password), role);
  return url.href;
}

function derivedPassword(adminPassword: string, role: LoginRole): string {
  return createHmac('sha256', adminPassword).update(`runcast login ${role}`).digest('base64url');
}
