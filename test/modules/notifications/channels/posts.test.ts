import { connect } from 'node:net';
import { Agent, getGlobalDispatcher, setGlobalDispatcher } from 'undici';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { retryAfterMs } from '../../../../src/modules/notifications/channels/retry-after.ts';
import { slackChannel } from '../../../../src/modules/notifications/channels/slack.ts';
import { smsChannel } from '../../../../src/modules/notifications/channels/sms.ts';
import { type Answer, posted, type Receiver, startReceiver } from '../../../support/receiver.ts';

const owner = { userId: 'u', tenantId: null };
const WEBHOOK = 'https://hooks.slack.com/services/T000/B000/secretsecret';

let receiver: Receiver;
let answer: Answer;
beforeEach(async () => {
  answer = {};
  receiver = await startReceiver(() => answer);
});
afterEach(() => receiver.close());

const slack = () => slackChannel({ webhookUrl: `${receiver.url}/services/secret-path` });
const sms = () => smsChannel({ url: `${receiver.url}/messages`, token: 'gateway-token', from: '+15550100' });
const message = { message: 'Hello', idempotencyKey: 'key-1', owner };

async function failureOf(sending: Promise<unknown>) {
  const error = await sending.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toMatchObject({ name: 'ChannelError' });
  expect((error as Error).message).not.toMatch(/secret-|secretsecret|gateway-token|127\.0\.0\.1/);
  return error as Error & { code: string; isFinal: boolean; retryAfterMs?: number };
}

describe('Slack', () => {
  it('is posted to by its webhook, with the channel for those webhooks that look at it', async () => {
    expect(await slack()({ ...message, recipients: ['#operations'] })).toEqual({
      delivered: ['#operations'],
      refused: [],
    });
    expect(posted(receiver)).toMatchObject([
      { method: 'POST', path: '/services/secret-path', body: { text: 'Hello', channel: '#operations' } },
    ]);
  });

  it('is given no markup: nobody is woken by what a template is filled with', async () => {
    await slack()({ ...message, recipients: ['#x'], message: '<!channel> <http://evil|click> a & b' });
    expect(posted(receiver)[0]?.body.text).toBe('&lt;!channel&gt; &lt;http://evil|click&gt; a &amp; b');
  });

  it('posts to the webhook that a recipient is, and shows it nowhere', async () => {
    const usual = getGlobalDispatcher();
    const port = receiver.port;
    // The name leads to the receiver, and its TLS ends before it.
    setGlobalDispatcher(
      new Agent({
        connect: (_options, callback) => {
          const socket = connect(port, '127.0.0.1');
          socket.once('connect', () => callback(null, socket));
        },
      }),
    );
    const delivery = await slackChannel(undefined)({ ...message, recipients: [WEBHOOK, WEBHOOK] });
    setGlobalDispatcher(usual);
    expect(delivery).toEqual({ delivered: ['webhook'], refused: [] });
    expect(posted(receiver)).toMatchObject([
      {
        path: '/services/T000/B000/secretsecret',
        headers: { host: 'hooks.slack.com' },
        body: { text: 'Hello' },
      },
    ]);
  });

  it.each([
    'http://hooks.slack.com/services/T/B/x',
    'https://hooks.slack.com.evil.example/services/T/B/secretsecret',
    'https://evil.example/services/T/B/secretsecret',
    'https://hooks.slack.com@evil.example/services/T/B/secretsecret',
    'https://hooks.slack.com/services/../../T/B/secretsecret',
    'http://169.254.169.254/latest/secretsecret',
  ])('takes no other URL for a recipient: %s', async (recipient) => {
    expect(await failureOf(slack()({ ...message, recipients: [recipient] }))).toMatchObject({
      code: 'RECIPIENT_INVALID',
      isFinal: true,
    });
    expect(receiver.received).toEqual([]);
  });

  it('says that it is not configured, or posts to one channel', async () => {
    expect(await failureOf(slackChannel(undefined)({ ...message, recipients: ['#x'] }))).toMatchObject({
      code: 'CHANNEL_NOT_CONFIGURED',
    });
    expect(await failureOf(slack()({ ...message, recipients: ['#x', '#y'] }))).toMatchObject({
      code: 'RECIPIENT_INVALID',
    });
    expect(
      await failureOf(slack()({ ...message, recipients: ['#x'], message: 'x'.repeat(40_001) })),
    ).toMatchObject({
      code: 'MESSAGE_INVALID',
    });
    expect(receiver.received).toEqual([]);
  });
});

describe('a text message', () => {
  it('is posted for each number with a key of its own and the token', async () => {
    const recipients = ['+1 (555) 010-0001', '+15550100002', '+15550100001'];
    expect((await sms()({ ...message, recipients })).delivered).toEqual(['+15550100001', '+15550100002']);
    expect(posted(receiver).map(({ path, body }) => ({ path, body }))).toEqual(
      ['+15550100001', '+15550100002'].map((to) => ({
        path: '/messages',
        body: { to, from: '+15550100', text: 'Hello', idempotencyKey: `key-1/${to}` },
      })),
    );
    expect(receiver.received[0]?.headers).toMatchObject({
      authorization: 'Bearer gateway-token',
      'idempotency-key': 'key-1/+15550100001',
      'content-type': 'application/json',
    });
  });

  it.each([
    '555',
    '+0123456789',
    'owner',
    '+1555010000112345678',
    '',
  ])('is not sent to %j', async (recipient) => {
    const sending = sms()({ ...message, recipients: ['+15550100001', recipient] });
    expect(await failureOf(sending)).toMatchObject({ code: 'RECIPIENT_INVALID', isFinal: true });
    expect(receiver.received).toEqual([]);
  });

  it('is not sent where it is too long', async () => {
    const sending = sms()({ ...message, recipients: ['+15550100001'], message: 'x'.repeat(1_601) });
    expect(await failureOf(sending)).toMatchObject({ code: 'MESSAGE_INVALID' });
  });
});

describe('an answer of', () => {
  const send = () => sms()({ ...message, recipients: ['+15550100001'] });
  const answered = (status: number, headers: Record<string, string> = {}) => {
    answer = { status, headers, body: 'gateway-token secret' };
  };

  it.each([400, 401, 403, 404, 410, 422, 501, 301, 302, 307, 308])('%d is final', async (status) => {
    answered(status, { location: `${receiver.url}/elsewhere`, 'retry-after': '5' });
    const failure = await failureOf(send());
    expect(failure).toMatchObject({ code: 'DELIVERY_REFUSED', isFinal: true, retryAfterMs: undefined });
    expect(failure.message).toBe(`The SMS gateway answered with status ${status}.`);
    expect(receiver.received).toHaveLength(1);
  });

  it.each([408, 425, 429, 500, 502, 503, 504])('%d is tried again, when it says', async (status) => {
    answered(status, { 'retry-after': '7' });
    expect(await failureOf(send())).toMatchObject({
      code: 'DELIVERY_REFUSED',
      isFinal: false,
      retryAfterMs: 7_000,
    });
    answered(status);
    expect((await failureOf(send())).retryAfterMs).toBeUndefined();
  });

  it('endless length is not read', async () => {
    answer = (response) => {
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536)));
      };
      response.on('drain', more);
      more();
    };
    expect((await send()).delivered).toEqual(['+15550100001']);
  });

  it('nobody is tried again', async () => {
    await receiver.close();
    expect(await failureOf(send())).toMatchObject({
      code: 'DELIVERY_FAILED',
      isFinal: false,
      message: 'The SMS gateway did not answer (ECONNREFUSED).',
    });
  });

  it('a server that is silent is waited for no longer than the time there is', async () => {
    answer = () => {};
    const config = { url: receiver.url, from: '+15550100' };
    const send = smsChannel(config, { timeoutMs: 100 });
    expect(await failureOf(send({ ...message, recipients: ['+15550100001'] }))).toMatchObject({
      code: 'DELIVERY_FAILED',
      isFinal: false,
      message: 'The SMS gateway did not answer within 0.1 s.',
    });
  });

  it('a server that is silent ends with the step', async () => {
    const cancelling = new AbortController();
    const reason = new Error('the run was cancelled');
    answer = () => cancelling.abort(reason);
    const sending = sms()({ ...message, recipients: ['+15550100001'], signal: cancelling.signal });
    await expect(sending).rejects.toBe(reason);
  });
});

describe('Retry-After', () => {
  const now = Date.parse('2026-11-22T09:30:00Z');
  it.each([
    ['120', 120_000],
    ['Sun, 22 Nov 2026 09:31:00 GMT', 60_000],
    ['Sun, 22 Nov 2026 09:29:00 GMT', 0],
    ['9999999999', 86_400_000],
    ['soon', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('%j is %j ms', (header, ms) => {
    expect(retryAfterMs(header, now)).toBe(ms);
  });
});
