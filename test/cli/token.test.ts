import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { tokenCommand } from '../../src/cli/token.ts';
import { DEMO_USER } from '../../src/modules/accounts/demo-user.ts';
import { createTokenVerifier } from '../../src/platform/auth/verify-token.ts';
import type { JwtConfig } from '../../src/platform/config.ts';

const jwt = { secret: 'a-secret-of-at-least-32-characters!!', audience: 'authenticated' };
const ada = { id: randomUUID(), email: 'ada@example.com' };

async function run(args: string[], config: JwtConfig = jwt) {
  const lines: string[] = [];
  const code = await tokenCommand(args, {
    config: { jwt: config, dataDir: '/nowhere', isProduction: false },
    print: (line) => lines.push(line),
    findUserByEmail: async (email) => (email === ada.email ? { id: ada.id } : undefined),
  });
  return { code, lines };
}

describe('runcast token', () => {
  it.each([
    [['--user', 'demo'], { role: 'authenticated', sub: DEMO_USER.id, email: DEMO_USER.email }, 86_400],
    [['--user', ada.id, '--expires', '30m'], { role: 'authenticated', sub: ada.id }, 1_800],
    [
      ['--user', ada.email, '--expires', '7d'],
      { role: 'authenticated', sub: ada.id, email: ada.email },
      604_800,
    ],
    [['--role', 'service_role'], { role: 'service_role' }, 86_400],
    [['--role', 'anon', '--expires', '90s'], { role: 'anon' }, 90],
  ])('%j prints a token that is accepted, and nothing else', async (args, claims, lifetime) => {
    const { code, lines } = await run(args);
    expect([code, lines.length]).toEqual([0, 1]);
    const { exp, ...rest } = await createTokenVerifier(jwt)(lines[0] ?? '');
    expect(rest).toEqual(claims);
    expect(Math.abs((exp ?? 0) - Date.now() / 1000 - lifetime)).toBeLessThan(30);
  });

  it.each([
    [[], /--user is missing/],
    [['--user', 'bob@example.com'], /No account has the e-mail bob@example.com/],
    [['--user', 'bob'], /--user must be/],
    [['--user', 'demo', '--role', 'postgres'], /--role must be one of/],
    [['--user', 'demo', '--expires', 'soon'], /--expires must be/],
    [['--user', 'demo', '--expires', '0h'], /--expires must be/],
    [['--user', 'demo', '--for', 'ever'], /--for/],
    [['demo'], /demo/],
  ])('%j is refused in one sentence with exit code 2', async (args, sentence) => {
    const refused = await run(args).catch((error) => error);
    expect(refused).toMatchObject({
      name: 'StartupError',
      exitCode: 2,
      message: expect.stringMatching(sentence),
    });
    expect(refused.message).not.toContain('\n');
  });

  it('cannot mint where tokens are checked against keys from elsewhere', async () => {
    const keysOnly = { audience: 'authenticated', jwksUrl: 'https://auth.example/jwks.json' };
    await expect(run(['--user', 'demo'], keysOnly)).rejects.toMatchObject({
      exitCode: 2,
      message: /JWT_JWKS_URL/,
    });
  });
});
