/** Why a token was not accepted; stable, for clients to tell apart. */
export type AuthErrorCode =
  | 'TOKEN_MALFORMED'
  | 'TOKEN_ALGORITHM'
  | 'TOKEN_SIGNATURE'
  | 'TOKEN_EXPIRED'
  | 'TOKEN_NOT_YET_VALID'
  | 'TOKEN_ISSUER'
  | 'TOKEN_AUDIENCE'
  | 'TOKEN_CLAIMS'
  /** Not the token's fault: the keys to check it with cannot be fetched at the moment. */
  | 'KEYS_UNAVAILABLE';

/** A bearer token that was not accepted. The sentence never repeats any part of the token. */
export class AuthError extends Error {
  readonly code: AuthErrorCode;

  constructor(code: AuthErrorCode, sentence: string, options?: { cause: unknown }) {
    super(sentence, options);
    this.name = 'AuthError';
    this.code = code;
  }
}
