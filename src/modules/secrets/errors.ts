/** Why a secret that a definition names cannot be had. */
export class SecretError extends Error {
  override name = 'SecretError';
  readonly code: 'SECRET_UNKNOWN' | 'SECRET_UNREADABLE' | 'SECRETS_NOT_CONFIGURED';

  /** @param message names the secret, and never holds it */
  constructor(code: SecretError['code'], message: string) {
    super(message);
    this.code = code;
  }
}
