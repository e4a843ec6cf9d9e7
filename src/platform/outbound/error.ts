/** What an outgoing request can be refused or fail for. Codes are a promise to whoever matches them. */
export const OUTBOUND_CODES = {
  URL_REFUSED:
    'The URL is none, is neither http nor https, holds a user name, or names a port that is not allowed.',
  HOST_REFUSED: 'The host is blocked, not among those that are allowed, or a name of this machine.',
  ADDRESS_REFUSED: 'The host is, or resolves to, an address that is not on the public internet.',
  HEADER_REFUSED: 'A header is not for callers to set, or is not well formed.',
  REDIRECT_REFUSED: 'The response leads to where a request may not go, or to too many places.',
  CONNECTION_FAILED: 'The host was not found or not reached, or ended the connection.',
  TIMEOUT: 'The response was not complete in time.',
  TOO_LARGE: 'The response holds more bytes than are read.',
  RESPONSE_INVALID: 'The response is no HTTP, or not compressed as it says.',
} as const;

export type OutboundCode = keyof typeof OUTBOUND_CODES;

/** Of these another try may go well; the others are the same every time. */
const TRANSIENT: readonly OutboundCode[] = ['CONNECTION_FAILED', 'TIMEOUT'];

/** Why an outgoing request came to nothing. The message names hosts as the caller wrote them, and never an address behind one. */
export class OutboundError extends Error {
  override name = 'OutboundError';
  readonly code: OutboundCode;

  constructor(code: OutboundCode, message: string) {
    super(message);
    this.code = code;
  }

  get isTransient(): boolean {
    return TRANSIENT.includes(this.code);
  }
}
