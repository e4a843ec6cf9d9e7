import { RuncastError } from './errors.ts';

export type TokenRequest = {
  /** The token that the server has just refused, where it did: a cached copy of it will not do. */
  refused: string | undefined;
};

/** A bearer token, or what to call for one. It is called before every connection, and before a token expires. */
export type TokenSource = string | ((request: TokenRequest) => string | Promise<string>);

export type Tokens = {
  /**
   * The token to use from now on; who asks at the same time gets the same.
   *
   * @throws {RuncastError} UNAUTHENTICATED and final where it is again the one the server refused;
   *   TOKEN_UNAVAILABLE where the source threw
   */
  take(): Promise<string>;
  /** The server did not take this one. */
  refuse(token: string): void;
};

export function createTokens(source: TokenSource): Tokens {
  let refused: string | undefined;
  let taking: Promise<string> | undefined;

  async function ask(): Promise<string> {
    const token = await given(source, refused);
    const isRefused = token === refused;
    // A watch that is started after this may try again: its user has signed in anew, or the server's keys are back.
    refused = undefined;
    if (!isRefused) return token;
    throw new RuncastError('UNAUTHENTICATED', 'The server refuses the token, and there is no other.', {
      isFinal: true,
    });
  }

  return {
    take() {
      taking ??= ask().finally(() => {
        taking = undefined;
      });
      return taking;
    },
    refuse(token) {
      refused = token;
    },
  };
}

async function given(source: TokenSource, refused: string | undefined): Promise<string> {
  if (typeof source === 'string') return source;
  try {
    return await source({ refused });
  } catch (cause) {
    throw new RuncastError('TOKEN_UNAVAILABLE', 'The token function failed.', { cause });
  }
}

/** When a JSON Web Token expires, in milliseconds since the epoch; undefined where it does not say. Nothing is verified. */
export function expiryOf(token: string): number | undefined {
  try {
    const [, payload = ''] = token.split('.');
    // Bytes of characters beyond ASCII come out wrong here; the number that is wanted has none.
    const { exp } = JSON.parse(atob(payload.replaceAll('-', '+').replaceAll('_', '/')));
    return typeof exp === 'number' ? exp * 1_000 : undefined;
  } catch {
    return undefined;
  }
}
