import type { Config } from '../platform/config.ts';
import { withConnection } from '../platform/db/connect.ts';
import { withDatabase } from './database.ts';

/** The account with this e-mail address, whatever its case; undefined where there is none. */
export function findUserByEmail(config: Config, email: string): Promise<{ id: string } | undefined> {
  return withDatabase(config, (adminUrl) =>
    withConnection(adminUrl, 'runcast token', async (client) => {
      const { rows } = await client.query<{ id: string }>(
        'select id from auth.users where lower(email) = lower($1) order by created_at limit 1',
        [email],
      );
      return rows[0];
    }),
  );
}
