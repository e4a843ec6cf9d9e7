import { randomBytes } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createWebhookRunner, type WebhookConfig } from '../../../../src/modules/steps/http/webhook.ts';
import type { Scope } from '../../../../src/modules/steps/step.ts';
import { outboundTo } from '../../../platform/outbound/support.ts';
import { type Answer, type Received, type Receiver, startReceiver } from '../../../support/receiver.ts';
import { callOf, failureOf, fill, scopeOf, secretsOf } from './support.ts';

const SECRET = `whsec_${randomBytes(32).toString('base64')}`;
let receiver: Receiver;
let answer: (request: Received) => Answer;
beforeEach(async () => {
  answer = () => ({ status: 204 });
  receiver = await startReceiver((request) => answer(request));
});
afterEach(() => receiver.close());

const run = (config: Partial<WebhookConfig>, scope: Partial<Scope> = {}) =>
  createWebhookRunner({
    outbound: outboundTo([receiver.host]),
    secrets: secretsOf({ WEBHOOK: SECRET, SHORT: 'no base64!' }),
    fill,
  })({ url: receiver.url, method: 'POST', ...config }, scopeOf(scope), callOf());

const verified = ({ body, headers }: Received, secret = SECRET) =>
  new Webhook(secret).verify(body, headers as Record<string, string>);

describe('a webhook with a secret', () => {
  it('is signed so that the scheme’s own library verifies it, with the run’s key as its id', async () => {
    const body = { total: '{{ input.total }}', text: 'ä {{ input.total }}' };
    await run({ secret: '{{secrets.WEBHOOK}}', body }, { input: { total: 3 } });
    const [seen] = receiver.received;
    if (!seen) throw new Error('nothing was sent');
    expect(verified(seen)).toEqual({ total: 3, text: 'ä 3' });
    expect(seen.headers).toMatchObject({
      'webhook-id': 'key-of-the-run',
      'idempotency-key': 'key-of-the-run',
    });
    expect(() => verified({ ...seen, body: `${seen.body} ` })).toThrow();
    const other = { ...seen, headers: { ...seen.headers, 'webhook-id': 'another' } };
    expect(() => verified(other)).toThrow();
  });

  it('cannot say by its headers that it is signed otherwise', async () => {
    await run({
      secret: SECRET,
      headers: { 'Webhook-Signature': 'v1,forged', 'webhook-id': 'x' },
      method: 'PUT',
    });
    const [seen] = receiver.received;
    if (!seen) throw new Error('nothing was sent');
    expect(seen.method).toBe('PUT');
    expect(verified(seen)).toBeNull();
  });

  it('that is no base64 is not sent', async () => {
    expect(await failureOf(run({ secret: '{{secrets.SHORT}}' }))).toMatchObject({
      code: 'SECRET_INVALID',
      isFinal: true,
    });
    expect(receiver.connections()).toBe(0);
  });

  it('does not show it, whatever comes back', async () => {
    answer = () => ({ headers: { 'content-type': 'text/plain' }, body: `got ${SECRET}` });
    expect(await run({ secret: '{{secrets.WEBHOOK}}' })).toMatchObject({ status: 200, body: 'got [secret]' });
  });
});

it('without a secret is not signed, and sends the execution’s state where it has no body', async () => {
  const output = await run({}, { state: { seen: ['{{secrets.WEBHOOK}}'] } });
  expect(output).toMatchObject({ status: 204, body: null });
  const [seen] = receiver.received;
  expect(JSON.parse(seen?.body ?? '')).toEqual({ seen: ['{{secrets.WEBHOOK}}'] });
  expect(seen?.headers['webhook-signature']).toBeUndefined();
});

it('does not follow where the receiver leads', async () => {
  answer = () => ({ status: 307, headers: { location: '/elsewhere' } });
  expect(await failureOf(run({}))).toMatchObject({ code: 'REDIRECT_REFUSED', isFinal: true });
  expect(receiver.received).toHaveLength(1);
});

it('is tried again where the receiver asks for that', async () => {
  answer = () => ({ status: 429, headers: { 'retry-after': '2' } });
  expect(await failureOf(run({}))).toMatchObject({
    code: 'HTTP_STATUS',
    isFinal: false,
    retryAfterMs: 2_000,
  });
  answer = () => ({ status: 410 });
  expect(await failureOf(run({}))).toMatchObject({ code: 'HTTP_STATUS', isFinal: true });
});
