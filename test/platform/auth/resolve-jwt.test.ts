import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { resolveJwt } from '../../../src/platform/auth/resolve-jwt.ts';

let dataDir: string;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'runcast-jwt-'));
});
afterEach(() => rm(dataDir, { recursive: true }));

const development = () => ({ jwt: { audience: 'a' }, dataDir: join(dataDir, 'new'), isProduction: false });

it('makes a secret that only its owner may read, one for all who ask at once, and keeps it', async () => {
  const made = await Promise.all(Array.from({ length: 20 }, () => resolveJwt(development())));
  const secrets = new Set(made.map(({ secret }) => secret));
  expect(secrets.size).toBe(1);
  expect([...secrets][0]).toMatch(/^[\w-]{43}$/);
  expect((await stat(join(dataDir, 'new/jwt-secret'))).mode & 0o777).toBe(0o600);
  expect(await resolveJwt(development())).toEqual(made[0]);
});

it('uses what is configured and makes nothing', async () => {
  const jwt = { audience: 'a', jwksUrl: 'https://auth.example/jwks.json' };
  expect(await resolveJwt({ ...development(), jwt })).toEqual(jwt);
  await expect(stat(join(dataDir, 'new'))).rejects.toMatchObject({ code: 'ENOENT' });
});

it('refuses production without a secret or keys, and names both settings', async () => {
  await expect(resolveJwt({ ...development(), isProduction: true })).rejects.toThrow(
    /JWT_SECRET or JWT_JWKS_URL/,
  );
});

it('refuses a file that holds no secret', async () => {
  await writeFile(join(dataDir, 'jwt-secret'), 'short\n');
  await expect(resolveJwt({ ...development(), dataDir })).rejects.toThrow(/delete it and a new one is made/);
});
