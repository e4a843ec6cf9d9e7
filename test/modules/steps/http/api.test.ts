import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ApiConfig, createApiRunner } from '../../../../src/modules/steps/http/api.ts';
import type { Scope, StepCall } from '../../../../src/modules/steps/step.ts';
import { outboundTo } from '../../../platform/outbound/support.ts';
import { type Answer, type Received, type Receiver, startReceiver } from '../../../support/receiver.ts';
import { callOf, failureOf, fill, scopeOf, secretsOf } from './support.ts';

const TOKEN = 'tok&n "of" a secret';
const secrets = secretsOf({ TOKEN, PASSWORD: 'pass:wörd-8', OTHER: 'never to be seen' });

let receiver: Receiver;
let answer: (request: Received, count: number) => Answer;
beforeEach(async () => {
  answer = () => ({ headers: { 'content-type': 'application/json' }, body: '{"ok":true}' });
  receiver = await startReceiver((request, count) => answer(request, count));
});
afterEach(() => receiver.close());

const runner = (allowed = [receiver.host]) =>
  createApiRunner({ outbound: outboundTo(allowed), secrets, fill });
const run = (config: Partial<ApiConfig>, scope: Partial<Scope> = {}, call: Partial<StepCall> = {}) =>
  runner()({ endpoint: receiver.url, method: 'GET', ...config }, scopeOf(scope), callOf(call));

describe('an API step', () => {
  it('sends what its texts become and gives back what came, JSON as what it stands for', async () => {
    const output = await run(
      {
        endpoint: `${receiver.url}/orders/{{ input.id }}?key={{secrets.TOKEN}}`,
        method: 'POST',
        headers: { 'X-Trace': 'run {{ input.id }}', Authorization: 'Token {{ secrets.TOKEN }}' },
        body: { amount: '{{ input.amount }}', by: ['{{secrets.TOKEN}}'] },
      },
      { input: { id: 7, amount: 12.5 } },
    );
    expect(output).toMatchObject({ status: 200, body: { ok: true } });
    const [seen] = receiver.received;
    const url = new URL(seen?.path ?? '', receiver.url);
    expect([seen?.method, url.pathname, url.searchParams.get('key')]).toEqual(['POST', '/orders/7', TOKEN]);
    expect(JSON.parse(seen?.body ?? '')).toEqual({ amount: 12.5, by: [TOKEN] });
    expect(seen?.headers).toMatchObject({
      'x-trace': 'run 7',
      authorization: `Token ${TOKEN}`,
      'content-type': 'application/json',
      'user-agent': 'Runcast',
    });
  });

  it.each([
    ['application/x-www-form-urlencoded', { a: 'x y', b: [1, 2], c: null }, 'a=x+y&b=1&b=2'],
    ['application/x-www-form-urlencoded', 'a=1', 'a=1'],
    ['text/plain; charset=utf-8', 'as it is', 'as it is'],
    ['application/vnd.api+json', 'text', '"text"'],
    ['application/json', [1], '[1]'],
  ])('sends as %s the body %j', async (type, body, sent) => {
    await run({ method: 'POST', headers: { 'Content-Type': type }, body });
    expect(receiver.received[0]).toMatchObject({ body: sent, headers: { 'content-type': type } });
  });

  it.each([
    ['text/plain', 'text', 'text'],
    ['application/problem+json; charset=utf-8', '{"a":[1]}', { a: [1] }],
    ['application/json', 'no JSON', 'no JSON'],
    ['application/json', '"\\u0000\\ud800"', '��'],
    ['application/json', `${'['.repeat(200)}${']'.repeat(200)}`, `${'['.repeat(200)}${']'.repeat(200)}`],
    ['text/html; charset=latin1', Buffer.from([0xe4]), 'ä'],
    ['application/json', '{"__proto__":{"a":1}}', JSON.parse('{"__proto__":{"a":1}}')],
    ['application/json', '', null],
  ])('reads of %s the body %j', async (type, body, read) => {
    answer = () => ({ headers: { 'content-type': type }, body });
    expect(await run({})).toMatchObject({ body: read });
  });

  it('gives bytes back in base64', async () => {
    answer = () => ({ headers: { 'content-type': 'image/png' }, body: Buffer.from([0, 1, 255]) });
    expect(await run({})).toMatchObject({ body: 'AAH/', bodyEncoding: 'base64' });
  });

  it('names its idempotency key in every request that is not safe, and leaves one of the config’s alone', async () => {
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const) await run({ method });
    await run({ method: 'POST', headers: { 'Idempotency-Key': 'mine' } });
    const keys = receiver.received.map(({ headers }) => headers['idempotency-key']);
    expect(keys).toEqual([undefined, ...Array(4).fill('key-of-the-run'), 'mine']);
  });
});

describe('who calls', () => {
  const headersOf = async (auth: ApiConfig['auth']) => {
    await run({ auth });
    return receiver.received[0]?.headers ?? {};
  };

  it('is said by a token, a password or a key', async () => {
    expect(await headersOf({ type: 'bearer', token: '{{secrets.TOKEN}}' })).toMatchObject({
      authorization: `Bearer ${TOKEN}`,
    });
    await run({ auth: { type: 'basic', username: 'me', password: '{{secrets.PASSWORD}}' } });
    const [, pair = ''] = receiver.received[1]?.headers.authorization?.split(' ') ?? [];
    expect(Buffer.from(pair, 'base64').toString()).toBe('me:pass:wörd-8');
    await run({ auth: { type: 'apiKey', in: 'header', name: 'X-Key', value: '{{secrets.TOKEN}}' } });
    expect(receiver.received[2]?.headers['x-key']).toBe(TOKEN);
    const endpoint = `${receiver.url}/?a=1`;
    await run({ endpoint, auth: { type: 'apiKey', in: 'query', name: 'key', value: '{{secrets.TOKEN}}' } });
    const { searchParams } = new URL(receiver.received[3]?.path ?? '', receiver.url);
    expect([...searchParams]).toEqual([
      ['a', '1'],
      ['key', TOKEN],
    ]);
  });
});

describe('secrets', () => {
  it('that come back are blotted out of the output, the log and the error', async () => {
    const auth = { type: 'basic', username: 'me', password: '{{secrets.PASSWORD}}' } as const;
    answer = ({ headers, body, path }, count) => ({
      status: count === 1 ? 200 : 400,
      headers: { 'content-type': 'application/json', 'x-echo': String(headers.authorization) },
      body: JSON.stringify({ body, path, authorization: headers.authorization }),
    });
    const config = {
      endpoint: `${receiver.url}/?q={{secrets.TOKEN}}`,
      method: 'POST' as const,
      body: '{{secrets.TOKEN}}',
      auth,
    };
    const call = callOf();
    const output = await runner()(config, scopeOf(), call);
    const failure = await failureOf(runner()(config, scopeOf(), call));
    const told = JSON.stringify([output, failure.message, call.lines]);
    expect(told).toContain('[secret]');
    expect(told).not.toMatch(/tok|of.{1,6}a|w(ö|%C3%B6)rd/);
    expect(told).not.toContain(Buffer.from('me:pass:wörd-8').toString('base64').slice(4, 12));
  });

  it('are not had by an input that names them', async () => {
    const input = { text: 'x {{secrets.OTHER}} {{ secrets.TOKEN }}' };
    await run(
      { method: 'POST', body: '{{ input.text }}', headers: { 'x-a': '{{ input.text }}' } },
      { input },
    );
    expect(receiver.received[0]).toMatchObject({
      body: JSON.stringify(input.text),
      headers: { 'x-a': input.text },
    });
  });

  it('that are not there end the step by name, before anything is sent', async () => {
    const failure = await failureOf(run({ headers: { 'x-a': '{{secrets.NONE}}' } }));
    expect(failure).toMatchObject({ code: 'SECRET_UNKNOWN', isFinal: true });
    expect(failure.message).toContain('NONE');
    expect(receiver.connections()).toBe(0);
  });

  it('in a URL stand behind its question mark alone', async () => {
    for (const endpoint of ['http://{{secrets.TOKEN}}/', `${receiver.url}/{{secrets.TOKEN}}?a=1`]) {
      expect(await failureOf(run({ endpoint }))).toMatchObject({ code: 'SECRET_MISPLACED', isFinal: true });
    }
    expect(receiver.connections()).toBe(0);
  });
});

describe('an answer that is none of success', () => {
  it.each([
    [400, true],
    [401, true],
    [404, true],
    [409, true],
    [422, true],
    [408, false],
    [425, false],
    [429, false],
    [500, false],
    [502, false],
    [503, false],
    [304, true],
  ])('of status %i is final: %s', async (status, isFinal) => {
    answer = () => ({ status, ...(status !== 304 && { body: 'why  it\nis' }) });
    const failure = await failureOf(run({ endpoint: `${receiver.url}/path?a=1` }));
    expect(failure).toMatchObject({ code: 'HTTP_STATUS', isFinal, retryAfterMs: undefined });
    expect(failure.message).toMatch(
      new RegExp(`^GET ${receiver.url}/path answered ${status}(: why it is)?$`),
    );
  });

  it.each([
    ['5', 5_000, 5_000],
    ['0', 0, 0],
    ['999999999999', 86_400_000, 86_400_000],
    [new Date(Date.now() + 60_000).toUTCString(), 55_000, 61_000],
    ['Wed, 21 Oct 2015 07:28:00 GMT', 0, 0],
  ])('with Retry-After %s is tried again after that time', async (header, least, most) => {
    answer = () => ({ status: 503, headers: { 'retry-after': header } });
    const { retryAfterMs = -1 } = await failureOf(run({}));
    expect(retryAfterMs).toBeGreaterThanOrEqual(least);
    expect(retryAfterMs).toBeLessThanOrEqual(most);
  });

  it.each([
    'soon',
    '-5',
    '1.5',
    '5 seconds',
  ])('with Retry-After %j says nothing of a time', async (header) => {
    answer = () => ({ status: 429, headers: { 'retry-after': header } });
    expect((await failureOf(run({}))).retryAfterMs).toBeUndefined();
  });

  it('is none, where nobody answers, that another try could not mend', async () => {
    const { url } = receiver;
    const call = createApiRunner({ outbound: outboundTo([receiver.host]), secrets, fill });
    await receiver.close();
    const failure = await failureOf(call({ endpoint: url, method: 'GET' }, scopeOf(), callOf()));
    expect(failure).toMatchObject({ code: 'CONNECTION_FAILED', isFinal: false });
  });
});

describe('where a step may call', () => {
  it('is the public internet, and what an operator allows', async () => {
    const failure = await failureOf(
      runner([])({ endpoint: receiver.url, method: 'GET' }, scopeOf(), callOf()),
    );
    expect(failure).toMatchObject({ code: 'ADDRESS_REFUSED', isFinal: true });
    expect(receiver.connections()).toBe(0);
  });

  it('is limited further by whoever calls it, redirects and token servers included', async () => {
    const hosts = { allowed: ['*.example.com'] };
    expect(await failureOf(run({}, {}, { hosts }))).toMatchObject({ code: 'HOST_REFUSED', isFinal: true });
    const blocked = { blocked: ['127.0.0.1'] };
    expect(await failureOf(run({}, {}, { hosts: blocked }))).toMatchObject({ code: 'HOST_REFUSED' });
    expect(receiver.connections()).toBe(0);
  });

  it('cannot be led astray by what is filled in', async () => {
    for (const host of ['169.254.169.254', '0x7f.1', 'localhost', 'user@127.0.0.1']) {
      const failure = await failureOf(run({ endpoint: 'http://{{ input.host }}:9/' }, { input: { host } }));
      expect(failure.isFinal).toBe(true);
    }
    const injected = run({ headers: { 'x-a': '{{ input.a }}' } }, { input: { a: 'a\r\nx-b: c' } });
    expect(await failureOf(injected)).toMatchObject({ code: 'VALUE_INVALID', isFinal: true });
    const nothing = run({ headers: { 'x-a': '{{ input.a }}' } }, { input: { a: { deep: 1 } } });
    expect(await failureOf(nothing)).toMatchObject({ code: 'VALUE_INVALID', isFinal: true });
    expect(await failureOf(run({ headers: { Host: 'other' } }))).toMatchObject({ code: 'HEADER_REFUSED' });
    expect(receiver.connections()).toBe(0);
  });
});

it('ends at once, with the reason, when it is cancelled', async () => {
  const stop = new AbortController();
  const reason = new Error('cancelled');
  answer = () => {
    stop.abort(reason);
    return {};
  };
  await expect(run({}, {}, { signal: stop.signal })).rejects.toBe(reason);
});
