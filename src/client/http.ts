import { connectionLost, type GraphqlError, RuncastError, refusalOf } from './errors.ts';

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

type Post = {
  fetch: Fetch;
  url: string;
  token: string;
  accept: string;
  body: object;
  signal?: AbortSignal;
};

/**
 * Sends an operation.
 *
 * @throws {RuncastError} CONNECTION_LOST where nothing answered
 */
export function post({ fetch, url, token, accept, body, signal }: Post): Promise<Response> {
  const headers = {
    accept,
    'content-type': 'application/json',
    ...(token !== '' && { authorization: `Bearer ${token}` }),
  };
  const init = { method: 'POST', headers, body: JSON.stringify(body), ...(signal && { signal }) };
  return fetch(url, init).catch((cause) => {
    throw connectionLost('The server could not be reached.', cause);
  });
}

/** What an answer says that is not what was asked for. Proxies say less than servers: without a code, try again. */
export async function refusalBy(response: Response): Promise<RuncastError> {
  const seconds = Number(response.headers.get('retry-after'));
  const options = seconds > 0 ? { retryAfterMs: seconds * 1_000 } : {};
  const text = await response.text().catch(() => '');
  const [error] = errorsIn(text);
  if (response.status === 401) {
    return new RuncastError('UNAUTHENTICATED', error?.message ?? 'The token was refused.');
  }
  if (response.status === 429 || response.status === 503) {
    const code = error?.extensions?.code ?? (response.status === 429 ? 'RATE_LIMITED' : 'CONNECTION_LOST');
    return new RuncastError(
      String(code),
      error?.message ?? `The server answered ${response.status}.`,
      options,
    );
  }
  if (error?.extensions?.code !== undefined) return refusalOf([error]);
  return connectionLost(`The server answered ${response.status}.`);
}

function errorsIn(text: string): GraphqlError[] {
  try {
    const { errors } = JSON.parse(text);
    return Array.isArray(errors) ? errors : [];
  } catch {
    return [];
  }
}
