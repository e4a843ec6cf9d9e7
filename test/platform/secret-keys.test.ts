import { randomBytes } from 'node:crypto';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { loadConfig } from '../../src/platform/config.ts';
import { resolveSecretKeys } from '../../src/platform/secret-keys.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

it('makes a key in the data folder of an embedded database, once, for its owner’s eyes', async () => {
  const config = loadConfig({ RUNCAST_DATA_DIR: await temporaryFolder('keys') }, '/');
  const ciphers = await Promise.all([1, 2, 3, 4].map(() => resolveSecretKeys(config)));
  const sealed = ciphers.map((cipher) => cipher?.seal('password', 'a') ?? '');
  expect(sealed.map((text) => ciphers[0]?.open(text, 'a'))).toEqual(sealed.map(() => 'password'));
  const file = join(config.dataDir, 'secrets-key');
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect((await readFile(file, 'utf8')).trim()).toHaveLength(44);
});

it('has none for a database elsewhere but that of the settings', async () => {
  const key = randomBytes(32).toString('base64');
  const database = {
    DATABASE_URL: 'postgresql://a:b@host/db',
    RUNCAST_DATA_DIR: await temporaryFolder('keys'),
  };
  expect(await resolveSecretKeys(loadConfig(database, '/'))).toBeUndefined();
  const cipher = await resolveSecretKeys(loadConfig({ ...database, SECRETS_KEY: key }, '/'));
  expect(cipher?.open(cipher.seal('password', 'a'), 'a')).toBe('password');
});

it('says so where the file holds something else, and makes no new one over it', async () => {
  const config = loadConfig({ RUNCAST_DATA_DIR: await temporaryFolder('keys') }, '/');
  await writeFile(join(config.dataDir, 'secrets-key'), 'half a k');
  await expect(resolveSecretKeys(config)).rejects.toThrow(/secrets-key holds no key of 32 bytes/);
});

it('takes settings whose keys, hosts and ports are what they are said to be', () => {
  const [one, two] = [randomBytes(32).toString('base64'), randomBytes(32).toString('base64')];
  expect(loadConfig({ SECRETS_KEY: `${one}, ${two}` }, '/').secretKeys).toHaveLength(2);
  expect(loadConfig({ OUTBOUND_PORTS: 'any' }, '/').outbound.ports).toEqual([]);
  expect(loadConfig({ OUTBOUND_PORTS: '443' }, '/').outbound.ports).toEqual([443]);
  expect(loadConfig({}, '/').outbound).toEqual({ ports: [80, 443, 8080, 8443], allowances: [] });
  const hosts = 'models.lan:8000, *.lan, 10.1.2.3, [fd00::1]:80, fd00::2, 10.0.0.0/8, fd00::/8';
  expect(loadConfig({ OUTBOUND_ALLOWED_HOSTS: hosts }, '/').outbound.allowances).toHaveLength(7);
  for (const wrong of [
    { SECRETS_KEY: 'hunter2' },
    { SECRETS_KEY: `${one},hunter2` },
    { OUTBOUND_PORTS: '80;443' },
    { OUTBOUND_PORTS: '0' },
    { OUTBOUND_PORTS: '65536' },
    { OUTBOUND_ALLOWED_HOSTS: 'http://models.lan' },
    { OUTBOUND_ALLOWED_HOSTS: '10.0.0.0/33' },
    { OUTBOUND_ALLOWED_HOSTS: 'user@models.lan' },
    { OUTBOUND_ALLOWED_HOSTS: 'a b' },
    { OUTBOUND_ALLOWED_HOSTS: 'a,,b' },
  ]) {
    const load = () => loadConfig(wrong, '/');
    expect(load).toThrow(Object.keys(wrong)[0]);
    expect(load).not.toThrow('hunter2');
  }
});
