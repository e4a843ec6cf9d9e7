import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, exportSPKI, generateKeyPair, SignJWT, UnsecuredJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mintToken } from '../../../src/platform/auth/mint-token.ts';
import { createTokenVerifier } from '../../../src/platform/auth/verify-token.ts';

const secret = 'a-secret-of-at-least-32-characters!!';
const audience = 'authenticated';
const sub = randomUUID();
const base = { secret, audience, issuer: 'https://auth.example' };
const key = new TextEncoder().encode(secret);
const now = Math.floor(Date.now() / 1000);

type Payload = Record<string, unknown>;
const good: Payload = { role: 'authenticated', sub, aud: audience, iss: base.issuer, exp: now + 600 };
const sign = (payload: Payload) => new SignJWT(payload).setProtectedHeader({ alg: 'HS256' }).sign(key);
const without = (claim: string): Payload =>
  Object.fromEntries(Object.entries(good).filter(([name]) => name !== claim));

describe('a token signed with the secret', () => {
  const verify = createTokenVerifier(base);

  it('is accepted as minted, with its claims', async () => {
    const token = await mintToken(base, { role: 'authenticated', sub, email: 'ada@example.com' }, 60);
    const claims = await verify(token);
    expect(claims).toEqual({ role: 'authenticated', sub, email: 'ada@example.com', exp: expect.any(Number) });
    expect(Math.abs((claims.exp ?? 0) - now - 60)).toBeLessThan(30);
  });

  it("is accepted as Supabase's own keys are, which name no account and no audience", async () => {
    const token = await sign({ role: 'service_role', iss: base.issuer, exp: now + 60 });
    expect(await verify(token)).toEqual({ role: 'service_role', exp: now + 60 });
  });

  it('names nobody for anon, also where it names an account', async () => {
    expect(await verify(await sign({ ...good, role: 'anon' }))).toEqual({ role: 'anon', exp: now + 600 });
  });

  it.each<[string, Payload]>([
    ['an expiry within the leeway', { ...good, exp: now - 30 }],
    ['a beginning within the leeway', { ...good, nbf: now + 30 }],
    ['an account in capital letters', { ...good, sub: sub.toUpperCase() }],
    ['several audiences, ours among them', { ...good, aud: ['other', audience] }],
  ])('is accepted with %s', async (_name, payload) => {
    expect(await verify(await sign(payload))).toMatchObject({ sub });
  });

  it.each<[string, string, Payload]>([
    ['TOKEN_EXPIRED', 'an expiry beyond the leeway', { ...good, exp: now - 90 }],
    ['TOKEN_CLAIMS', 'no expiry', without('exp')],
    ['TOKEN_NOT_YET_VALID', 'a beginning beyond the leeway', { ...good, nbf: now + 90 }],
    ['TOKEN_ISSUER', 'another issuer', { ...good, iss: 'https://elsewhere.example' }],
    ['TOKEN_ISSUER', 'no issuer', without('iss')],
    ['TOKEN_AUDIENCE', 'another audience', { ...good, aud: 'other' }],
    ['TOKEN_AUDIENCE', 'no audience', without('aud')],
    ['TOKEN_AUDIENCE', 'another audience, as the service', { ...good, role: 'service_role', aud: 'other' }],
    ['TOKEN_CLAIMS', 'an unknown role', { ...good, role: 'postgres' }],
    ['TOKEN_CLAIMS', 'no role', without('role')],
    ['TOKEN_CLAIMS', 'no account', without('sub')],
    ['TOKEN_CLAIMS', 'an account that is no UUID', { ...good, sub: "1'; drop table users" }],
  ])('is refused as %s with %s', async (code, _name, payload) => {
    const token = await sign(payload);
    const error = await verify(token).catch((thrown) => thrown);
    expect(error).toMatchObject({ name: 'AuthError', code });
    for (const part of token.split('.')) expect(`${error.stack}`).not.toContain(part);
  });

  it.each([
    ['nothing', ''],
    ['no token', 'garbage'],
    ['no JSON', 'a.b.c'],
    ['a header and nothing else', `${Buffer.from('{"alg":"HS256"}').toString('base64url')}..`],
    ['a megabyte', 'x'.repeat(1_000_000)],
  ])('is refused where it is %s', async (_name, token) => {
    await expect(verify(token)).rejects.toMatchObject({ name: 'AuthError' });
  });

  it('is refused with the algorithm none, another secret, a changed payload or another HMAC', async () => {
    const none = new UnsecuredJWT(good).encode();
    await expect(verify(none)).rejects.toMatchObject({ code: 'TOKEN_ALGORITHM' });
    const [head, , signature] = (await sign(good)).split('.');
    const payload = Buffer.from(JSON.stringify({ ...good, role: 'service_role' })).toString('base64url');
    await expect(verify(`${head}.${payload}.${signature}`)).rejects.toMatchObject({
      code: 'TOKEN_SIGNATURE',
    });
    const foreign = createTokenVerifier({ ...base, secret: `${secret}?` });
    await expect(foreign(await sign(good))).rejects.toMatchObject({ code: 'TOKEN_SIGNATURE' });
    const hs512 = await new SignJWT(good).setProtectedHeader({ alg: 'HS512' }).sign(key);
    await expect(verify(hs512)).rejects.toMatchObject({ code: 'TOKEN_ALGORITHM' });
  });
});

describe('a token signed with a key behind the JWKS URL', () => {
  let requests = 0;
  let isUp = true;
  let body = '';
  const server = createServer((_request, response) => {
    requests += 1;
    response.writeHead(isUp ? 200 : 503, { 'content-type': 'application/json' }).end(body);
  });
  let jwksUrl: string;
  let keys: Record<'RS256' | 'ES256', Awaited<ReturnType<typeof generateKeyPair>>>;
  const signed = (alg: 'RS256' | 'ES256', kid: string = alg) =>
    new SignJWT(good).setProtectedHeader({ alg, kid }).sign(keys[alg].privateKey);

  beforeAll(async () => {
    keys = {
      RS256: await generateKeyPair('RS256', { extractable: true }),
      ES256: await generateKeyPair('ES256', { extractable: true }),
    };
    const jwks = await Promise.all(
      (['RS256', 'ES256'] as const).map(async (alg) => ({
        ...(await exportJWK(keys[alg].publicKey)),
        kid: alg,
        alg,
        use: 'sig',
      })),
    );
    body = JSON.stringify({ keys: jwks });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    jwksUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`;
  });
  afterAll(() => {
    server.close();
  });

  it.each(['RS256', 'ES256'] as const)('is accepted with %s, and the keys are fetched once', async (alg) => {
    const verify = createTokenVerifier({ audience, jwksUrl });
    requests = 0;
    for (let i = 0; i < 3; i += 1) expect(await verify(await signed(alg))).toMatchObject({ sub });
    expect(requests).toBe(1);
  });

  it('is accepted beside one signed with the secret where both are configured', async () => {
    const verify = createTokenVerifier({ ...base, jwksUrl });
    expect(await verify(await signed('ES256'))).toMatchObject({ sub });
    expect(await verify(await sign(good))).toMatchObject({ sub });
  });

  it('is refused where the public key was taken for a secret', async () => {
    const publicKey = new TextEncoder().encode(await exportSPKI(keys.RS256.publicKey));
    const confused = await new SignJWT(good)
      .setProtectedHeader({ alg: 'HS256', kid: 'RS256' })
      .sign(publicKey);
    await expect(createTokenVerifier({ audience, jwksUrl })(confused)).rejects.toMatchObject({
      code: 'TOKEN_ALGORITHM',
    });
    await expect(createTokenVerifier({ ...base, jwksUrl })(confused)).rejects.toMatchObject({
      code: 'TOKEN_SIGNATURE',
    });
  });

  it('is refused with a made-up key, without fetching the keys each time', async () => {
    const verify = createTokenVerifier({ audience, jwksUrl });
    requests = 0;
    for (const kid of ['one', 'two', 'three']) {
      await expect(verify(await signed('RS256', kid))).rejects.toMatchObject({ code: 'TOKEN_SIGNATURE' });
    }
    expect(requests).toBe(1);
  });

  it('cannot be judged while the keys are out of reach, and is once they are back', async () => {
    let time = 0;
    const verify = createTokenVerifier({ audience, jwksUrl }, { now: () => time });
    isUp = false;
    requests = 0;
    for (let i = 0; i < 3; i += 1) {
      await expect(verify(await signed('RS256'))).rejects.toMatchObject({ code: 'KEYS_UNAVAILABLE' });
    }
    expect(requests).toBe(1);
    isUp = true;
    time += 5_000;
    expect(await verify(await signed('RS256'))).toMatchObject({ sub });
  });
});
