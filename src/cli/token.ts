import { parseArgs } from 'node:util';
import { z } from 'zod';
import { DEMO_USER } from '../modules/accounts/demo-user.ts';
import { mintToken } from '../platform/auth/mint-token.ts';
import { resolveJwt } from '../platform/auth/resolve-jwt.ts';
import type { Config } from '../platform/config.ts';
import { type Claims, type ViewerRole, viewerRoles } from '../platform/db/claims.ts';
import { messageOf, StartupError } from '../platform/errors.ts';

const HELP = `runcast token --user <demo | account id | e-mail> [options]

  --role <role>      authenticated (default), service_role or anon; the last two need no --user
  --expires <time>   how long it counts, e.g. 30m, 24h (default), 7d

Prints a bearer token for development, signed with JWT_SECRET or the secret in the data folder, and nothing else.`;

const SECONDS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400 };

export type TokenOptions = {
  config: Pick<Config, 'jwt' | 'dataDir' | 'isProduction'>;
  print: (line: string) => void;
  /** The account with an e-mail address; only called where one is given. */
  findUserByEmail: (email: string) => Promise<{ id: string } | undefined>;
};

/**
 * `runcast token …`: prints a bearer token.
 *
 * @param args what follows `token` on the command line
 * @returns the exit code, 0
 * @throws {StartupError} with exit code 2 where the command line is wrong, names nobody, or nothing can be minted
 */
export async function tokenCommand(
  args: string[],
  { config, print, findUserByEmail }: TokenOptions,
): Promise<number> {
  const values = parsed(args);
  if (values.help) {
    print(HELP);
    return 0;
  }
  const role = roleOf(values.role);
  const lifetime = secondsOf(values.expires);
  const { secret, ...jwt } = await resolveJwt(config);
  if (!secret) {
    throw wrong(
      'Tokens are checked against JWT_JWKS_URL, whose private keys are elsewhere: set JWT_SECRET to mint here.',
    );
  }
  const user = await userOf(values.user, role, findUserByEmail);
  print(await mintToken({ ...jwt, secret }, { role, ...user }, lifetime));
  return 0;
}

function parsed(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        user: { type: 'string' },
        role: { type: 'string', default: 'authenticated' },
        expires: { type: 'string', default: '24h' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values;
  } catch (error) {
    throw wrong(`${messageOf(error).split('. ')[0]}; see runcast token --help.`);
  }
}

function roleOf(text: string): ViewerRole {
  const role = viewerRoles.find((known) => known === text);
  if (!role) throw wrong(`--role must be one of ${viewerRoles.join(', ')}.`);
  return role;
}

function secondsOf(text: string): number {
  const [, count, unit = ''] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const seconds = Number(count) * (SECONDS[unit] ?? Number.NaN);
  if (!(seconds > 0)) throw wrong('--expires must be a time such as 30m, 24h or 7d.');
  return seconds;
}

async function userOf(
  user: string | undefined,
  role: ViewerRole,
  findUserByEmail: TokenOptions['findUserByEmail'],
): Promise<Pick<Claims, 'sub' | 'email'>> {
  if (user === undefined) {
    if (role === 'authenticated')
      throw wrong('--user is missing: demo, the id of an account, or its e-mail.');
    return {};
  }
  if (user === 'demo') return { sub: DEMO_USER.id, email: DEMO_USER.email };
  if (z.guid().safeParse(user).success) return { sub: user.toLowerCase() };
  if (!user.includes('@')) throw wrong('--user must be demo, the id of an account (a UUID), or its e-mail.');
  const found = await findUserByEmail(user);
  if (!found) throw wrong(`No account has the e-mail ${user}.`);
  return { sub: found.id, email: user };
}

function wrong(sentence: string): StartupError {
  return new StartupError(sentence, { exitCode: 2 });
}
