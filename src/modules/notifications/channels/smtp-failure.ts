import { codeOf } from '../../../platform/errors.ts';
import { ChannelError } from './channel-error.ts';

/** What nodemailer says of a failure. */
type SmtpError = { code: string; responseCode: number | undefined; response: string };

/** The server's own words may be long, and are anybody's. */
const MAX_REASON = 200;

/** Without an answer of the server: the certificate, the login and the configuration stay as they are. */
const FINAL_CODES = ['ETLS', 'EAUTH', 'ENOAUTH', 'ECONFIG', 'EENVELOPE', 'EREQUIRETLS'];

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
  if (isCertificate(cause)) {
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

/** The server's reply in a line, or a code. */
export function smtpReason(cause: unknown): string {
  const { code, response } = read(cause);
  return (response || code).replaceAll(/[^\x20-\x7e]+/g, ' ').slice(0, MAX_REASON);
}

function isCertificate(cause: unknown): boolean {
  const code = codeOf(cause) ?? '';
  return code === 'ETLS' || /CERT|SELF_SIGNED|ALTNAME|UNABLE_TO_VERIFY/.test(code + String(cause));
}

function read(cause: unknown): SmtpError {
  const of = (name: string): unknown =>
    typeof cause === 'object' && cause !== null ? Reflect.get(cause, name) : undefined;
  const [responseCode, response] = [of('responseCode'), of('response')];
  return {
    code: codeOf(cause) ?? 'unknown',
    responseCode: typeof responseCode === 'number' && responseCode > 0 ? responseCode : undefined,
    response: typeof response === 'string' ? response : '',
  };
}
