import type { IncomingMessage } from 'node:http';
import { MAX_BODY_BYTES } from '../platform/http.ts';
import type { Persisted } from './limits/persisted.ts';

/** What a request asks for. */
export type Params = {
  query: string;
  variables?: Record<string, unknown> | null;
  operationName?: string | null;
  extensions?: Record<string, unknown> | null;
};

/** JSON of a known length that is not too long, and no parameters in the URL. */
export function isPlain({ method, url, headers }: IncomingMessage): boolean {
  const length = Number(headers['content-length'] ?? 0);
  return (
    method === 'POST' &&
    length > 0 &&
    length <= MAX_BODY_BYTES &&
    headers['content-encoding'] === undefined &&
    /^application\/json(; ?charset=utf-8)?$/i.test(headers['content-type'] ?? '') &&
    !url?.includes('?')
  );
}

export function bodyOf(request: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
    request.on('error', reject);
  });
}

/** The parameters in a body, where they are what they should be and nothing else. */
export function paramsOf(body: string, persisted: Persisted): Params | undefined {
  return paramsIn(parsedJson(body), persisted);
}

/** The same of a GET, whose variables and extensions are JSON. */
export function paramsOfUrl(url: string, persisted: Persisted): Params | undefined {
  const given = Object.fromEntries(new URL(url, 'http://localhost').searchParams);
  // A text that is no JSON stays one: then it is not what it should be.
  const read = ([name, text]: [string, string]) =>
    name === 'variables' || name === 'extensions' ? [name, parsedJson(text) ?? text] : [name, text];
  return paramsIn(Object.fromEntries(Object.entries(given).map(read)), persisted);
}

function paramsIn(parsed: unknown, persisted: Persisted): Params | undefined {
  if (!isRecord(parsed)) return undefined;
  const { query: sent, documentId, variables, operationName, extensions, ...others } = parsed;
  const named = persisted({ query: sent, documentId, extensions });
  if (named instanceof Error) return undefined;
  const { query } = named;
  const isUsual =
    typeof query === 'string' &&
    (variables == null || isRecord(variables)) &&
    (operationName == null || typeof operationName === 'string') &&
    (extensions == null || isRecord(extensions));
  if (!isUsual) return undefined;
  for (const _ in others) return undefined;
  return {
    query,
    ...(variables !== undefined && { variables }),
    ...(operationName !== undefined && { operationName }),
    ...(extensions !== undefined && { extensions }),
  };
}

/** Undefined for what is no JSON, which is nothing that JSON can say. */
function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
