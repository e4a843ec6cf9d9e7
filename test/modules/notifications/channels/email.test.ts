import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { emailChannel } from '../../../../src/modules/notifications/channels/email.ts';
import { type MailServer, startMailServer } from '../../../support/mail-server.ts';

const from = { name: 'Runcast', address: 'runcast@example.com' };
const owner = { userId: 'u', tenantId: null };
const password = 'p@ss/word';

let server: MailServer;
beforeEach(async () => {
  server = await startMailServer({
    authOptional: false,
    onAuth({ username, password: given }, _session, done) {
      if (given === password) done(null, { user: String(username) });
      else done(new Error('Invalid login'));
    },
  });
});
afterEach(() => server.close());

const url = (path = '') => `smtp://someone:${encodeURIComponent(password)}@localhost:${server.port}${path}`;
const message = { recipients: ['a@example.com'], message: 'Hello', idempotencyKey: 'key-1', owner };

function channel(overrides: { url?: string; ca?: string } = {}) {
  return emailChannel({ url: overrides.url ?? url(), from }, { ca: overrides.ca ?? server.cert });
}

async function failureOf(sending: Promise<unknown>) {
  const error = await sending.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toMatchObject({ name: 'ChannelError' });
  const { message: text } = error as Error;
  expect(text).not.toContain(password);
  expect(text).not.toContain(encodeURIComponent(password));
  return error as Error & { code: string; isFinal: boolean };
}

const headOf = (raw = '') => raw.split('\r\n\r\n')[0] ?? '';
/** A header's value, unfolded. */
const headerOf = (raw: string, name: string) =>
  new RegExp(`^${name}: (.*(?:\r\n[ \t].*)*)`, 'im').exec(headOf(raw))?.[1]?.replaceAll('\r\n', '');

describe('an e-mail', () => {
  it('goes out over TLS with a login, to all recipients together', async () => {
    const recipients = ['a@example.com', 'b@example.com', 'a@example.com'];
    const delivery = await channel()({ ...message, recipients, subject: 'Done', message: 'All is well.\n' });
    expect(delivery).toEqual({ delivered: ['a@example.com', 'b@example.com'], refused: [] });
    expect(server.mails).toMatchObject([
      { from: from.address, to: ['a@example.com', 'b@example.com'], secure: true, user: 'someone' },
    ]);
    const [{ raw = '' } = {}] = server.mails;
    expect(headerOf(raw, 'Subject')).toBe('Done');
    expect(headerOf(raw, 'From')).toBe('Runcast <runcast@example.com>');
    expect(headerOf(raw, 'Content-Type')).toContain('text/plain');
    expect(raw).toContain('All is well.');
  });

  it('has a Message-ID that hangs on its key alone', async () => {
    const send = channel();
    for (const idempotencyKey of ['key-1', 'key-1', 'key-2']) await send({ ...message, idempotencyKey });
    const ids = server.mails.map(({ raw }) => headerOf(raw, 'Message-ID'));
    expect(ids[0]).toMatch(/^<[0-9a-f]{40}@example\.com>$/);
    expect(ids[1]).toBe(ids[0]);
    expect(ids[2]).not.toBe(ids[0]);
  });

  it.each([
    ['a subject', { subject: 'Hello\r\nBcc: victim@example.com\r\n\r\nBody' }],
    ['a subject with bare line ends', { subject: 'Hello\nBcc: victim@example.com' }],
    ['a subject with a line separator', { subject: 'Hello\u2028Bcc: victim@example.com' }],
    ['a message in place of a subject', { message: 'Hello\nBcc: victim@example.com' }],
    ['a message that ends early', { subject: 'x', message: 'Hello\r\n.\r\nMAIL FROM:<x@example.com>' }],
  ])('takes no header and no command from %s', async (_name, hostile) => {
    await channel()({ ...message, ...hostile });
    expect(server.mails).toHaveLength(1);
    expect(server.mails[0]?.to).toEqual(['a@example.com']);
    expect(headerOf(server.mails[0]?.raw ?? '', 'Bcc')).toBeUndefined();
    expect(headOf(server.mails[0]?.raw)).not.toContain('victim');
  });

  it.each([
    'a@example.com\r\nBcc: victim@example.com',
    'a@example.com, victim@example.com',
    'Somebody <victim@example.com>',
    '"a b"@example.com',
    'a@example.com>\r\nRCPT TO:<victim@example.com',
    'a(victim@example.com)@example.com',
    'nobody',
    '@example.com',
    'a@localhost',
    '',
  ])('is not sent to %j', async (recipient) => {
    const sending = channel()({ ...message, recipients: ['a@example.com', recipient] });
    expect(await failureOf(sending)).toMatchObject({ code: 'RECIPIENT_INVALID', isFinal: true });
    expect(server.mails).toEqual([]);
  });

  it.each([
    '',
    ' \n ',
    'x'.repeat(500_001),
  ])('is not sent with a message that is empty or too long', async (text) => {
    expect(await failureOf(channel()({ ...message, message: text }))).toMatchObject({
      code: 'MESSAGE_INVALID',
    });
    expect(server.mails).toEqual([]);
  });
});

describe('the connection', () => {
  it('is refused where the certificate is nobody’s that is trusted', async () => {
    const sending = emailChannel({ url: url(), from })(message);
    expect(await failureOf(sending)).toMatchObject({
      code: 'DELIVERY_FAILED',
      isFinal: true,
      message: expect.stringContaining('could not be secured'),
    });
    expect(server.mails).toEqual([]);
  });

  it('is refused where the certificate is another host’s', async () => {
    const sending = channel({ url: url().replace('@localhost', '@127.0.0.1') })(message);
    expect(await failureOf(sending)).toMatchObject({ code: 'DELIVERY_FAILED', isFinal: true });
    expect(server.mails).toEqual([]);
  });

  it('never shows the password to a server that offers no STARTTLS, unless the operator says so', async () => {
    const seen: string[] = [];
    const plain = await startMailServer({
      hideSTARTTLS: true,
      allowInsecureAuth: true,
      onAuth({ password: given }, _session, done) {
        seen.push(String(given));
        done(null, { user: 'someone' });
      },
    });
    const to = `smtp://someone:secret-password@localhost:${plain.port}`;
    expect(await failureOf(emailChannel({ url: to, from })(message))).toMatchObject({
      code: 'DELIVERY_FAILED',
    });
    expect(seen).toEqual([]);
    await emailChannel({ url: `${to}?tls=off`, from })(message);
    expect(seen).toEqual(['secret-password']);
    expect(plain.mails).toMatchObject([{ secure: false }]);
    await plain.close();
  });

  it('is TLS from the first byte with smtps://', async () => {
    const secure = await startMailServer({ secure: true });
    const send = emailChannel({ url: `smtps://localhost:${secure.port}`, from }, { ca: secure.cert });
    await send(message);
    expect(secure.mails).toMatchObject([{ secure: true }]);
    await secure.close();
  });

  it('that nobody answers is tried again', async () => {
    const gone = await startMailServer();
    await gone.close();
    const send = emailChannel({ url: `smtp://localhost:${gone.port}`, from });
    expect(await failureOf(send(message))).toMatchObject({ code: 'DELIVERY_FAILED', isFinal: false });
  });

  it('to a server that is silent ends after the time there is', async () => {
    const silent = await startMailServer({ onConnect: () => {} });
    const send = emailChannel({ url: `smtp://localhost:${silent.port}`, from }, { timeoutMs: 100 });
    expect(await failureOf(send(message))).toMatchObject({ code: 'DELIVERY_FAILED', isFinal: false });
    await silent.close();
  });

  it('ends where the step is cancelled', async () => {
    const cancelling = new AbortController();
    const reason = new Error('the run was cancelled');
    const slow = await startMailServer({ onConnect: () => cancelling.abort(reason) });
    const send = emailChannel({ url: `smtp://localhost:${slow.port}`, from }, { ca: slow.cert });
    await expect(send({ ...message, signal: cancelling.signal })).rejects.toBe(reason);
    await slow.close();
  });
});

describe('what the mail server refuses', () => {
  const refusing = (responseCode: number) =>
    startMailServer({
      onRcptTo({ address }, _session, done) {
        if (address.startsWith('bad')) done(Object.assign(new Error('No such mailbox'), { responseCode }));
        else done();
      },
    });

  it.each([
    [550, true],
    [450, false],
  ])('with %d is final: %s', async (responseCode, isFinal) => {
    const mail = await refusing(responseCode);
    const send = emailChannel({ url: `smtp://localhost:${mail.port}`, from }, { ca: mail.cert });
    expect(await failureOf(send({ ...message, recipients: ['bad@example.com'] }))).toMatchObject({
      code: 'DELIVERY_REFUSED',
      isFinal,
      message: expect.stringContaining(`${responseCode} No such mailbox`),
    });
    await mail.close();
  });

  it('for some recipients is said of these, and the others have it', async () => {
    const mail = await refusing(550);
    const send = emailChannel({ url: `smtp://localhost:${mail.port}`, from }, { ca: mail.cert });
    expect(await send({ ...message, recipients: ['bad@example.com', 'a@example.com'] })).toEqual({
      delivered: ['a@example.com'],
      refused: [{ recipient: 'bad@example.com', reason: '550 No such mailbox' }],
    });
    expect(mail.mails).toMatchObject([{ to: ['a@example.com'] }]);
    await mail.close();
  });

  it('as a login names the setting, not the password', async () => {
    const wrong = url().replace(encodeURIComponent(password), 'not-the-password');
    expect(await failureOf(channel({ url: wrong })(message))).toMatchObject({
      code: 'DELIVERY_FAILED',
      isFinal: true,
      message: 'The mail server refuses the login (535): correct SMTP_URL.',
    });
  });
});
