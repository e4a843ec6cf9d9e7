import type { IncomingMessage, ServerResponse } from 'node:http';

/** A tenth of what common servers take, and ten times the largest request anybody needs. */
export const MAX_BODY_BYTES = 1 << 20;

/** A request whose body cannot be used; the message may be shown. */
export class BodyError extends Error {
  readonly status: 400 | 413;

  constructor(status: 400 | 413, message: string) {
    super(message);
    this.name = 'BodyError';
    this.status = status;
  }
}

/** A request's body as it is. @throws {BodyError} where it is too large */
export async function readBody(request: IncomingMessage, maxBytes = MAX_BODY_BYTES): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    // The rest is read and dropped: a socket closed in mid-upload would lose the answer.
    if (size <= maxBytes) chunks.push(chunk);
  }
  if (size > maxBytes) throw new BodyError(413, `The body may have at most ${maxBytes} bytes.`);
  return Buffer.concat(chunks);
}

/** The JSON object in a request's body. @throws {BodyError} where it is too large, no JSON, or no object */
export async function readJson(request: IncomingMessage): Promise<Record<string, unknown>> {
  const body = parsed((await readBody(request)).toString('utf8'));
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new BodyError(400, 'The body must be a JSON object.');
  }
  return { ...body };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new BodyError(400, 'The body must be JSON.');
  }
}

export function sendJson(response: ServerResponse, status: number, body: object): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'cache-control': 'no-store',
  });
  response.end(JSON.stringify(body));
}
