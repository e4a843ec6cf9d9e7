import type { Client } from 'graphql-ws/client';
import { RENEW_TOKEN } from './documents.ts';
import { refusalOf } from './errors.ts';
import { expiryOf, type Tokens } from './tokens.ts';

/** Time enough for a slow answer of whoever issues tokens, and to ask once more. */
const MARGIN_MS = 60_000;
/** A token function that still gives the old token is asked again, but not in a loop. */
const SHORTEST_MS = 1_000;
/** setTimeout takes 31 bits of milliseconds; a token that lives longer is looked at again then. */
const LONGEST_MS = 2 ** 31 - 1;

/** How long from now to renew a token, in milliseconds; undefined for one that does not expire or already has. */
export function renewalDelay(token: string, now: number): number | undefined {
  const expiry = expiryOf(token);
  if (expiry === undefined || expiry <= now) return undefined;
  const left = expiry - now;
  return Math.min(Math.max(SHORTEST_MS, left - Math.min(MARGIN_MS, left / 2)), LONGEST_MS);
}

/**
 * Takes a new token a minute before the old one expires, at half of what is left of it where that is less than two, and
 * hands it on. What fails is tried again until the expiry; then the server closes the socket, and the client connects
 * anew with whatever token there is.
 *
 * @param renew tells the server; resolves to false where it refuses
 * @returns how to stop
 */
export function keepRenewed(
  tokens: Tokens,
  first: string,
  renew: (token: string) => Promise<boolean>,
): () => void {
  let current = first;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isStopped = false;

  function schedule(): void {
    const delay = renewalDelay(current, Date.now());
    if (delay === undefined || isStopped) return;
    timer = setTimeout(() => void attempt().then(schedule, schedule), delay);
  }

  async function attempt(): Promise<void> {
    const token = await tokens.take();
    if (token === current || isStopped) return;
    if (await renew(token)) current = token;
  }

  schedule();
  return () => {
    isStopped = true;
    clearTimeout(timer);
  };
}

/**
 * Renews the token of an open socket: by the mutation, or, where the server does not run it because it runs a list of
 * operations in which it is not, by a ping, which is answered by closing the socket where the token is no good.
 *
 * @returns false where the server did not take the token, or the socket is gone
 */
export async function renewOver(client: Client, socket: unknown, token: string): Promise<boolean> {
  const answer = await new Promise<'renewed' | 'failed' | 'unknown'>((resolve) => {
    client.subscribe<{ renewToken: { __typename: string } }>(
      { query: RENEW_TOKEN, variables: { token } },
      {
        next: ({ data }) => resolve(data?.renewToken.__typename === 'TokenRenewal' ? 'renewed' : 'failed'),
        error: (error) => resolve(Array.isArray(error) && refusalOf(error).isFinal ? 'unknown' : 'failed'),
        complete: () => resolve('failed'),
      },
    );
  });
  if (answer === 'unknown') (socket as WebSocket).send(JSON.stringify({ type: 'ping', payload: { token } }));
  return answer !== 'failed';
}
