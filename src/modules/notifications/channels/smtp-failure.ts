import { codeOf } from '../../../platform/errors.ts';
import { ChannelError } from './channel-error.ts';

/** What nodemailer says of a failure. */
type SmtpError = { code: string; responseCode: number | undefined; response: string };

/** Node's codes of certificates that do not fit, and OpenSSL's of peers that speak no TLS. */
const INSECURE = /CERT|SELF_SIGNED|VERIFY_LEAF|ALTNAME|^ERR_(TLS|SSL)|^ETLS$/;

/** The server's own words may be long, and are anybody's. */
const MAX_REASON = 200;

/** Without an answer of the server: the configuration stays as it is. */
const FINAL_CODES = ['ECONFIG', 'EENVELOPE', 'EREQUIRETLS'];

/** What a failed e-mail is to whoever sent it. Replies of class 4 are to be tried again, those of class 5 are final. */
export function smtpFailure(cause: unknown): ChannelError {
  const { code, responseCode } = read(cause);
  if (code === 'EAUTH' || code === 'ENOAUTH') {
    return new ChannelError(
      'DELIVERY_FAILED',
      `The mail server refuses the login${responseCode ? ` (${responseCode})` : ''}: correct SMTP_URL.`,
      { isFinal: responseCode === undefined || responseCode >= 500 },
    );
  }
  if (INSECURE.test(code)) {
    return new ChannelError(
      'DELIVERY_FAILED',
      'The connection to the mail server could not be secured: its certificate must be valid for its name, or it does not offer STARTTLS.',
    );
  }
  if (responseCode !== undefined) {
    const isFinal = responseCode >= 500;
    return new ChannelError('DELIVERY_REFUSED', `The mail server answered ${smtpReason(cause)}.`, {
      isFinal,
    });
  }
  return new ChannelError('DELIVERY_FAILED', `The mail server could not be reached (${code}).`, {
    isFinal: FINAL_CODES.includes(code),
  });
}

export function tooLate(timeoutMs: number): ChannelError {
  const message = `The mail server did not take the message within ${timeoutMs / 1_000} s.`;
  return new ChannelError('DELIVERY_FAILED', message, { isFinal: false });
}

/** The server's reply in a line, or a code. */
export function smtpReason(cause: unknown): string {
  const { code, response } = read(cause);
  return (response || code).replaceAll(/[^\x20-\x7e]+/g, ' ').slice(0, MAX_REASON);
}

function read(cause: unknown): SmtpError {
  const of = (name: string): unknown =>
    typeof cause === 'object' && cause !== null ? Reflect.get(cause, name) : undefined;
  const [responseCode, response, originalCode] = [of('responseCode'), of('response'), of('originalCode')];
  return {
    code: typeof originalCode === 'string' ? originalCode : (codeOf(cause) ?? 'no answer'),
    responseCode: typeof responseCode === 'number' && responseCode > 0 ? responseCode : undefined,
    response: typeof response === 'string' ? response : '',
  };
}
