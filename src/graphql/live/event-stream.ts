import type { ServerResponse } from 'node:http';
import type { ExecutionResult } from 'graphql';
import { Frame } from './frame.ts';
import type { LiveOperation } from './operations.ts';
import type { Outlets } from './outlet.ts';

/** A proxy between closes a response that is silent for a minute. */
const PING_MS = 12_000;
const PING = Buffer.from(':\n\n');
const COMPLETE = 'event: complete\ndata:\n\n';

/**
 * Follows an operation over server-sent events, one response an operation ("distinct connections" of graphql-sse). A client
 * that goes away leaves it; one that does not read is cut off, and comes back with its cursor.
 *
 * @param json of a last result, as clients see it
 * @returns ends it: with one more result, or by breaking off
 */
export function followOverResponse(
  operation: LiveOperation,
  response: ServerResponse,
  outlets: Outlets,
  json: (result: ExecutionResult) => string,
): { end(last: ExecutionResult): void } {
  begin(response);
  const outlet = outlets.open(response, () => response.destroy());
  const ping = setInterval(() => outlet.isReady && outlet.write(PING), PING_MS);
  const end = (last?: ExecutionResult) => {
    // Its token may expire while its end waits to be read.
    if (response.writableEnded) return;
    clearInterval(ping);
    if (last) response.write(new Frame(json(last)).serverSent());
    response.end(COMPLETE);
    outlet.finish();
  };
  const leave = operation.follow({
    get isReady() {
      return outlet.isReady;
    },
    whenReady: (callback) => outlet.whenReady(callback),
    next(frame) {
      outlet.write(frame.serverSent());
    },
    end,
  });
  response.once('close', () => {
    clearInterval(ping);
    outlet.close();
    leave();
  });
  return {
    end(last) {
      leave();
      end(last);
    },
  };
}

/** The answer to an operation that was refused: one result, as if it had been followed. */
export function endResponse(response: ServerResponse, json: string): void {
  begin(response);
  response.write(new Frame(json).serverSent());
  response.end(COMPLETE);
}

function begin(response: ServerResponse): void {
  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache',
    // Tells nginx not to gather.
    'x-accel-buffering': 'no',
  });
  response.write(PING);
}
