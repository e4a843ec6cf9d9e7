import { OutboundError } from '../../../platform/outbound/error.ts';
import type { Outbound, OutboundResponse } from '../../../platform/outbound/outbound.ts';
import type { Redactor } from '../../../platform/redactor.ts';
import { isObject } from '../json.ts';
import { type StepCall, StepError } from '../step.ts';
import { type Filled, type FilledOptions, invalid } from './filled.ts';
import { requestBody } from './request-body.ts';

/** What the steps that call others stand on. */
export type HttpOptions = FilledOptions & { outbound: Outbound };

export type StepRequest = {
  url: URL;
  method: string;
  /** By name in lower case. */
  headers: Record<string, string>;
  body: string | undefined;
};

/** Asking for these twice changes nothing, so receivers need not recognise them. */
const SAFE = ['GET', 'HEAD', 'OPTIONS'];

/** A request with its secrets in; what is not safe to repeat says by which key it is the same. */
export function stepRequest<Config>(
  filled: Filled<Config>,
  { url, method, headers, body }: { url: URL; method: string; headers: unknown; body: unknown },
  call: Pick<StepCall, 'idempotencyKey'>,
): StepRequest {
  const given = Object.entries(isObject(headers) ? headers : {}).map(([name, value]) => {
    const line = filled.text(value, `headers.${name}`);
    if (/[\r\n]/.test(line)) throw invalid('VALUE_INVALID', `headers.${name} must be a single line.`);
    return [name.toLowerCase(), line];
  });
  const all: Record<string, string> = {
    ...(!SAFE.includes(method) && { 'idempotency-key': call.idempotencyKey }),
    ...Object.fromEntries(given),
  };
  const sent = requestBody(filled.json(body), all['content-type']);
  return {
    ...{ url, method, body: sent.body },
    headers: { ...all, ...(sent.contentType !== undefined && { 'content-type': sent.contentType }) },
  };
}

/**
 * @returns the response, whatever its status
 * @throws {StepError} where there is none; the signal's reason
 */
export async function send(
  outbound: Outbound,
  request: StepRequest & { maxRedirects?: number },
  call: Pick<StepCall, 'signal' | 'hosts'>,
  redactor: Redactor,
): Promise<OutboundResponse<Buffer>> {
  try {
    return await outbound.request({ ...request, signal: call.signal, hosts: call.hosts });
  } catch (error) {
    if (!(error instanceof OutboundError)) throw error;
    const message = redactor.text(`${nameOf(request)}: ${error.message}`);
    throw new StepError({ code: error.code, message }, { isFinal: !error.isTransient });
  }
}

/** Without the query, which may hold secrets. */
export function nameOf({ method, url }: Pick<StepRequest, 'method' | 'url'>): string {
  return `${method} ${url.origin}${url.pathname}`;
}
