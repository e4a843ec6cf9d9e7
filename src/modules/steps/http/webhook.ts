import { Webhook } from 'standardwebhooks';
import type { z } from 'zod';
import type { stepConfigs } from '../definition/step-configs.ts';
import type { StepRunner } from '../step.ts';
import { filledIn, invalid } from './filled.ts';
import { assertSuccess, type HttpOutput, outputOf } from './response.ts';
import { type HttpOptions, nameOf, type StepRequest, send, stepRequest } from './send.ts';

export type WebhookConfig = z.infer<typeof stepConfigs.webhook>;

/**
 * Sends a webhook, signed where the config has a secret. Redirects are not followed: a signature is for one receiver. Which
 * statuses are tried again is as in API steps.
 */
export function createWebhookRunner({ outbound, ...options }: HttpOptions): StepRunner<WebhookConfig> {
  return async (config, scope, call): Promise<HttpOutput> => {
    const filled = await filledIn(config, scope, call, options);
    const { headers, body = scope.state ?? null, secret } = filled.config;
    const url = filled.url(filled.config.url, 'url');
    const request = stepRequest(filled, { url, method: config.method, headers, body }, call);
    const key = secret === undefined ? undefined : filled.text(secret, 'secret');
    if (key !== undefined) filled.redactor.add(key);
    const sent = key === undefined ? request : signed(request, key, call.idempotencyKey);
    const response = await send(outbound, { ...sent, maxRedirects: 0 }, call, filled.redactor);
    const what = nameOf(request);
    call.log(filled.redactor.text(`${what} answered ${response.status}`), 'debug');
    assertSuccess(what, response, filled.redactor);
    return outputOf(response, filled.redactor);
  };
}

/** By standardwebhooks.com: the same id in every attempt, the time of this one. */
function signed(request: StepRequest, secret: string, id: string): StepRequest {
  const at = new Date();
  return {
    ...request,
    headers: {
      ...request.headers,
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
      'webhook-signature': signerOf(secret).sign(id, at, request.body ?? ''),
    },
  };
}

function signerOf(secret: string): Webhook {
  try {
    return new Webhook(secret);
  } catch {
    throw invalid('SECRET_INVALID', 'secret must be base64, with or without whsec_ before it.');
  }
}
