import type { IncomingHttpHeaders } from 'node:http';
import { jsonValue } from '../../../graphql/validation.ts';

/** What is a secret between the two sides, and none of the run's business. */
const WITHHELD = ['authorization', 'proxy-authorization', 'cookie', 'webhook-signature'];

/** What a run is given that a request has started. */
export type WebhookInput = {
  method: string;
  /** Of a name that comes several times a list. */
  query: Record<string, string | string[]>;
  headers: Record<string, string>;
  /** JSON where it is JSON, else text; null where there is none. */
  body: unknown;
};

/** @throws {RangeError} for JSON that is nested too deep, or holds what cannot be stored */
export function webhookInput(request: {
  method: string;
  search: string;
  headers: IncomingHttpHeaders;
  body: Buffer;
}): WebhookInput {
  return {
    method: request.method,
    query: queryOf(new URLSearchParams(request.search)),
    headers: headersOf(request.headers),
    body: bodyOf(request.body.toString('utf8')),
  };
}

function queryOf(parameters: URLSearchParams): WebhookInput['query'] {
  return Object.fromEntries(
    [...new Set(parameters.keys())].map((name) => {
      const values = parameters.getAll(name);
      const [only = '', ...others] = values;
      return [name, others.length > 0 ? values : only];
    }),
  );
}

function headersOf(headers: IncomingHttpHeaders): WebhookInput['headers'] {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]): [string, string][] =>
      value === undefined || WITHHELD.includes(name) ? [] : [[name, [value].flat().join(', ')]],
    ),
  );
}

function bodyOf(text: string): unknown {
  if (text === '') return null;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return text;
  }
  if (value === null) return null;
  const { error } = jsonValue.safeParse(value);
  if (error) throw new RangeError(`The body ${error.issues[0]?.message}.`);
  return value;
}
