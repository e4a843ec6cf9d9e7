import type { Auth } from '../definition/auth.ts';
import type { StepCall } from '../step.ts';
import type { Filled } from './filled.ts';
import type { OauthClient, OauthTokens } from './oauth-tokens.ts';
import type { StepRequest } from './send.ts';

type Values<Kind> = { [Key in keyof Kind]: unknown };

/** A request with what says who calls; that of the config's headers is overwritten. Tokens are added to what is blotted out. */
export async function authorized<Config>(
  request: StepRequest,
  auth: Auth,
  filled: Filled<Config>,
  { tokens, call }: { tokens: OauthTokens; call: StepCall },
): Promise<StepRequest> {
  const text = (value: unknown, name: string) => filled.text(value, `auth.${name}`);
  // Also what stands in the definition as it is: whoever reads an output need not be who reads that.
  const hidden = (value: unknown, name: string) => {
    const credential = text(value, name);
    filled.redactor.add(credential);
    return credential;
  };
  const withHeader = (name: string, value: string) => ({
    ...request,
    headers: { ...request.headers, [name.toLowerCase()]: value },
  });
  switch (auth.type) {
    case 'bearer':
      return withHeader('authorization', `Bearer ${hidden(auth.token, 'token')}`);
    case 'basic': {
      const pair = `${text(auth.username, 'username')}:${hidden(auth.password, 'password')}`;
      return withHeader('authorization', `Basic ${Buffer.from(pair).toString('base64')}`);
    }
    case 'apiKey': {
      const [name, value] = [text(auth.name, 'name'), hidden(auth.value, 'value')];
      if (auth.in === 'header') return withHeader(name, value);
      const url = new URL(request.url);
      // Not by searchParams, which writes the rest of the query anew.
      url.search = [url.search, `${encodeURIComponent(name)}=${encodeURIComponent(value)}`]
        .filter(Boolean)
        .join('&');
      return { ...request, url };
    }
    case 'oauth': {
      const token = await tokens.get(clientOf(auth, filled), call);
      filled.redactor.add(token);
      return withHeader('authorization', `Bearer ${token}`);
    }
  }
}

export function clientOf<Config>(
  auth: Values<Extract<Auth, { type: 'oauth' }>>,
  filled: Filled<Config>,
): OauthClient {
  const text = (name: 'clientId' | 'clientSecret' | 'scope' | 'audience') =>
    filled.text(auth[name], `auth.${name}`);
  return {
    tokenUrl: filled.url(auth.tokenUrl, 'auth.tokenUrl'),
    clientId: text('clientId'),
    clientSecret: text('clientSecret'),
    scope: auth.scope === undefined ? undefined : text('scope'),
    audience: auth.audience === undefined ? undefined : text('audience'),
    clientAuthentication: auth.clientAuthentication === 'post' ? 'post' : 'basic',
  };
}
