import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ApiConfig, createApiRunner } from '../../../../src/modules/steps/http/api.ts';
import { createOauthTokens } from '../../../../src/modules/steps/http/oauth-tokens.ts';
import type { StepCall } from '../../../../src/modules/steps/step.ts';
import { outboundTo } from '../../../platform/outbound/support.ts';
import { type Answer, type Received, type Receiver, startReceiver } from '../../../support/receiver.ts';
import { callOf, failureOf, fill, OWNER, scopeOf, secretsOf } from './support.ts';

const SECRET = 'clïent:secret/8';
let server: Receiver;
let api: Receiver;
let answer: (request: Received, count: number) => Answer;
beforeEach(async () => {
  answer = (_request, count) => token(`token-number-${count}`, { expires_in: 3_600 });
  server = await startReceiver((request, count) => answer(request, count));
  api = await startReceiver(({ headers }) => ({ body: String(headers.authorization) }));
});
afterEach(async () => {
  await server.close();
  await api.close();
});

const token = (value: string, more: object = {}): Answer => ({
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ access_token: value, token_type: 'bearer', ...more }),
});
const runner = () =>
  createApiRunner({
    outbound: outboundTo([server.host, api.host]),
    secrets: secretsOf({ CLIENT: SECRET }),
    fill,
  });
const config = (more: object = {}): ApiConfig => ({
  endpoint: api.url,
  method: 'GET',
  auth: {
    ...{ type: 'oauth', tokenUrl: `${server.url}/token`, clientId: 'me' },
    ...{ clientSecret: '{{secrets.CLIENT}}', scope: 'read write', ...more },
  },
});
const call = (run: ReturnType<typeof runner>, more: object = {}, as: Partial<StepCall> = {}) =>
  run(config(more), scopeOf(), callOf(as));
const sent = () => api.received.map(({ headers }) => headers.authorization);

it('fetches a token by client credentials and calls with it, and shows neither', async () => {
  const output = await call(runner(), { audience: 'https://api.example.com' });
  const [asked] = server.received;
  expect(Object.fromEntries(new URLSearchParams(asked?.body))).toEqual({
    grant_type: 'client_credentials',
    scope: 'read write',
    audience: 'https://api.example.com',
  });
  const [kind, pair = ''] = asked?.headers.authorization?.split(' ') ?? [];
  expect([kind, Buffer.from(pair, 'base64').toString()]).toEqual(['Basic', 'me:cl%C3%AFent%3Asecret%2F8']);
  expect(sent()).toEqual(['Bearer token-number-1']);
  expect(output).toMatchObject({ body: 'Bearer [secret]' });
});

it('says who it is in the form where the server wants that', async () => {
  await call(runner(), { clientAuthentication: 'post' });
  const [asked] = server.received;
  expect(asked?.headers.authorization).toBeUndefined();
  expect(Object.fromEntries(new URLSearchParams(asked?.body))).toMatchObject({
    client_id: 'me',
    client_secret: SECRET,
  });
});

describe('a token', () => {
  it('is fetched once, also by those who come while it is', async () => {
    const run = runner();
    await Promise.all([call(run), call(run), call(run)]);
    await call(run);
    expect(server.received).toHaveLength(1);
    expect(new Set(sent())).toEqual(new Set(['Bearer token-number-1']));
  });

  it('is each owner’s, each client’s and each scope’s own', async () => {
    const run = runner();
    await call(run);
    await call(run, {}, { owner: { ...OWNER, userId: '00000000-0000-4000-8000-000000000009' } });
    await call(run, {}, { owner: { ...OWNER, tenantId: '00000000-0000-4000-8000-000000000008' } });
    await call(run, { scope: 'other' });
    await call(run, { clientId: 'other' });
    await call(run, { clientSecret: 'another secret' });
    expect(server.received).toHaveLength(6);
  });

  it('is fetched anew before it runs out, and not kept where it was not given', async () => {
    let now = 1_000_000;
    const tokens = createOauthTokens(outboundTo([server.host]), () => now);
    const client = {
      ...{ tokenUrl: new URL(server.url), clientId: 'me', clientSecret: SECRET },
      ...{ scope: undefined, audience: undefined, clientAuthentication: 'basic' as const },
    };
    answer = (_request, count) =>
      count === 1 ? { status: 503 } : token(`token-${count}`, { expires_in: count === 2 ? 60 : '3600' });
    await failureOf(tokens.get(client, callOf()));
    expect(await tokens.get(client, callOf())).toBe('token-2');
    now += 29_999;
    expect(await tokens.get(client, callOf())).toBe('token-2');
    now += 1;
    expect(await Promise.all([tokens.get(client, callOf()), tokens.get(client, callOf())])).toEqual([
      'token-3',
      'token-3',
    ]);
    now += 3_569_999;
    expect(await tokens.get(client, callOf())).toBe('token-3');
  });

  it('that is refused before its time is fetched anew, once', async () => {
    const refusing = await startReceiver(({ headers }) => ({
      status: headers.authorization === 'Bearer token-number-2' ? 200 : 401,
    }));
    const run = createApiRunner({
      outbound: outboundTo([server.host, refusing.host]),
      secrets: secretsOf({ CLIENT: SECRET }),
      fill,
    });
    const output = await run({ ...config(), endpoint: refusing.url }, scopeOf(), callOf());
    expect(output).toMatchObject({ status: 200 });
    const other = { ...config({ clientId: 'other' }), endpoint: refusing.url };
    expect(await failureOf(run(other, scopeOf(), callOf()))).toMatchObject({
      code: 'HTTP_STATUS',
      isFinal: true,
    });
    expect([server.received.length, refusing.received.length]).toEqual([4, 4]);
    await refusing.close();
  });

  it('is waited for no longer than the caller will, and others still get it', async () => {
    const run = runner();
    const stop = new AbortController();
    const reason = new Error('cancelled');
    let other: Promise<unknown> | undefined;
    answer = () => {
      other = call(run);
      stop.abort(reason);
      return token('shared-token');
    };
    await expect(call(run, {}, { signal: stop.signal })).rejects.toBe(reason);
    await other;
    expect(sent()).toEqual(['Bearer shared-token']);
  });
});

describe('a server that gives no token', () => {
  it.each([
    [{ status: 401, body: '{"error":"invalid_client"}' }, 'OAUTH_REFUSED', true],
    [{ status: 400, body: 'not JSON' }, 'OAUTH_REFUSED', true],
    [{ status: 503, headers: { 'retry-after': '7' } }, 'OAUTH_REFUSED', false],
    [{ status: 200, body: '{"access_token":5}' }, 'OAUTH_INVALID', true],
    [{ status: 200, body: '{"access_token":"a\\nb"}' }, 'OAUTH_INVALID', true],
    [{ status: 200, body: '{"access_token":"abc","token_type":"mac"}' }, 'OAUTH_INVALID', true],
    [{ status: 307, headers: { location: '/elsewhere' } }, 'REDIRECT_REFUSED', true],
  ])('but %j ends the step', async (said, code, isFinal) => {
    answer = () => said as Answer;
    const failure = await failureOf(call(runner()));
    expect(failure).toMatchObject({ code, isFinal });
    expect(failure.retryAfterMs).toBe(isFinal ? undefined : 7_000);
    expect(failure.message).not.toContain(SECRET);
    expect(api.connections()).toBe(0);
    expect(server.received).toHaveLength(1);
  });

  it('because it may not be called is told as that', async () => {
    const failure = await failureOf(call(runner(), {}, { hosts: { blocked: ['127.0.0.1'] } }));
    expect(failure).toMatchObject({ code: 'HOST_REFUSED', isFinal: true });
    expect(server.connections()).toBe(0);
  });
});
