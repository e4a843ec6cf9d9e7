import type { z } from 'zod';
import type { OutboundResponse } from '../../../platform/outbound/outbound.ts';
import type { Auth } from '../definition/auth.ts';
import type { stepConfigs } from '../definition/step-configs.ts';
import type { StepCall, StepRunner } from '../step.ts';
import { authorized, clientOf } from './authorize.ts';
import { type Filled, filledIn } from './filled.ts';
import { createOauthTokens } from './oauth-tokens.ts';
import { assertSuccess, type HttpOutput, outputOf } from './response.ts';
import { type HttpOptions, nameOf, send, stepRequest } from './send.ts';

export type ApiConfig = z.infer<typeof stepConfigs.api>;

/**
 * Calls an HTTP API. Its output is what came back; secrets and tokens in it are blotted out. A status of 400 to 499 is final
 * but for 408, 425 and 429; those, 500 and above, and what was not reached may be tried again.
 */
export function createApiRunner({ outbound, ...options }: HttpOptions): StepRunner<ApiConfig> {
  const tokens = createOauthTokens(outbound);

  /** A token that is refused before its time is fetched anew, once: the request was not carried out. */
  async function asCaller(
    filled: Filled<ApiConfig>,
    auth: Auth | undefined,
    request: ReturnType<typeof stepRequest>,
    call: StepCall,
  ): Promise<OutboundResponse<Buffer>> {
    const attempt = async () => {
      const asked = auth ? await authorized(request, auth, filled, { tokens, call }) : request;
      return await send(outbound, asked, call, filled.redactor);
    };
    const response = await attempt();
    if (response.status !== 401 || auth?.type !== 'oauth') return response;
    tokens.forget(clientOf(auth, filled), call);
    return await attempt();
  }

  return async (config, scope, call): Promise<HttpOutput> => {
    const filled = await filledIn(config, scope, call, options);
    const { endpoint, headers, body } = filled.config;
    const url = filled.url(endpoint, 'endpoint');
    const request = stepRequest(filled, { url, method: config.method, headers, body }, call);
    // Filled in, its kind is the config's; its texts are checked where they are used.
    const auth = filled.config.auth as Auth | undefined;
    const response = await asCaller(filled, auth, request, call);
    const what = nameOf(request);
    call.log(filled.redactor.text(`${what} answered ${response.status}`), 'debug');
    assertSuccess(what, response, filled.redactor);
    return outputOf(response, filled.redactor);
  };
}
