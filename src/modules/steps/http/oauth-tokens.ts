import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Outbound, OutboundResponse } from '../../../platform/outbound/outbound.ts';
import { Redactor } from '../../../platform/redactor.ts';
import { untilAborted } from '../../../platform/until-aborted.ts';
import { isObject } from '../json.ts';
import { type StepCall, StepError } from '../step.ts';
import { invalid } from './filled.ts';
import { retryAfterOf } from './retry-after.ts';
import { send } from './send.ts';

/** A client that asks in its own name. */
export type OauthClient = {
  tokenUrl: URL;
  clientId: string;
  clientSecret: string;
  scope: string | undefined;
  audience: string | undefined;
  clientAuthentication: 'basic' | 'post';
};

type Call = Pick<StepCall, 'owner' | 'signal' | 'hosts'>;

/** Access tokens by client credentials, each fetched once and kept until it runs out. */
export type OauthTokens = {
  /** @throws {StepError} where the server gives none; the signal's reason */
  get(client: OauthClient, call: Call): Promise<string>;
  /** For a token that was refused although it had not run out. */
  forget(client: OauthClient, call: Call): void;
};

type Token = { value: string; expiresAt: number };

/** A token is used no longer than that before its end, or half its life if that is shorter: clocks differ. */
const MARGIN_MS = 30_000;
/** Of a server that does not say. */
const LIFE_MS = 300_000;
const MAX_TOKENS = 1_000;

export function createOauthTokens(outbound: Outbound, now: () => number = Date.now): OauthTokens {
  const tokens = new LRUCache<string, Promise<Token>>({ max: MAX_TOKENS });

  /** Whoever comes while one is fetched waits for it: nobody's signal ends what others wait for. */
  function fetched(key: string, client: OauthClient, call: Call): Promise<Token> {
    const token = fetchToken(outbound, client, call, now);
    tokens.set(key, token);
    token.catch(() => {
      if (tokens.peek(key) === token) tokens.delete(key);
    });
    return token;
  }

  return {
    async get(client, call) {
      const key = keyOf(client, call);
      const known = tokens.get(key);
      const token = await untilAborted(known ?? fetched(key, client, call), call.signal);
      if (token.expiresAt > now()) return token.value;
      if (tokens.peek(key) === known) tokens.delete(key);
      return (await untilAborted(tokens.get(key) ?? fetched(key, client, call), call.signal)).value;
    },
    forget: (client, call) => void tokens.delete(keyOf(client, call)),
  };
}

/** Of an owner and a client, and of the hosts it was fetched under; as a hash, so that no key holds a secret. */
function keyOf(client: OauthClient, { owner, hosts }: Call): string {
  const whose = owner.tenantId ?? `user ${owner.userId}`;
  return createHash('sha256')
    .update(JSON.stringify([whose, client, hosts]))
    .digest('base64');
}

async function fetchToken(
  outbound: Outbound,
  client: OauthClient,
  { hosts }: Call,
  now: () => number,
): Promise<Token> {
  const { tokenUrl, clientId, clientSecret, scope, audience, clientAuthentication } = client;
  const inForm = clientAuthentication === 'post' && { client_id: clientId, client_secret: clientSecret };
  const form = {
    grant_type: 'client_credentials',
    ...(scope && { scope }),
    ...(audience && { audience }),
    ...inForm,
  };
  const request = {
    url: tokenUrl,
    method: 'POST',
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      accept: 'application/json',
      ...(!inForm && { authorization: `Basic ${basicOf(clientId, clientSecret)}` }),
    },
    body: new URLSearchParams(form).toString(),
    // A form with a secret in it goes where it was meant to go.
    maxRedirects: 0,
  };
  const redactor = new Redactor([clientSecret]);
  const response = await send(outbound, request, { signal: new AbortController().signal, hosts }, redactor);
  return tokenOf(response, redactor, now());
}

/** Encoded as in a form first: RFC 6749, 2.3.1. */
function basicOf(clientId: string, clientSecret: string): string {
  const encoded = [clientId, clientSecret].map((text) =>
    new URLSearchParams({ '': text }).toString().slice(1),
  );
  return Buffer.from(encoded.join(':')).toString('base64');
}

function tokenOf(
  { status, headers, body }: OutboundResponse<Buffer>,
  redactor: Redactor,
  now: number,
): Token {
  const said = objectOf(body);
  if (status !== 200) {
    const why = typeof said.error === 'string' ? `: ${redactor.text(said.error).slice(0, 100)}` : '';
    const isFinal = status < 500 && status !== 429;
    const retryAfterMs = retryAfterOf(headers['retry-after'], now);
    throw new StepError(
      { code: 'OAUTH_REFUSED', message: `The token server answered ${status}${why}.` },
      { isFinal, ...(!isFinal && retryAfterMs !== undefined && { retryAfterMs }) },
    );
  }
  const { access_token: value, token_type: type = 'Bearer', expires_in: seconds } = said;
  if (typeof value !== 'string' || !/^[\x21-\x7e]+$/.test(value) || String(type).toLowerCase() !== 'bearer') {
    throw invalid('OAUTH_INVALID', 'The token server answered without a bearer token.');
  }
  const life = Number(seconds) > 0 ? Number(seconds) * 1_000 : LIFE_MS;
  return { value, expiresAt: now + Math.max(life - MARGIN_MS, life / 2) };
}

function objectOf(body: Buffer): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}
