import { beforeEach, describe, expect, it } from 'vitest';
import { Frame, operationId } from '../../../src/graphql/live/frame.ts';
import type { Outlet } from '../../../src/graphql/live/outlet.ts';
import type { Sink } from '../../../src/graphql/live/sink.ts';
import { followOverSocket } from '../../../src/graphql/live/socket-operation.ts';
import { settled } from '../../support/hub/held.ts';

const LAST = { errors: [] };

let sink: Sink;
let from: number | undefined;
let leaves: number;
let written: Buffer[];
let results: ReturnType<typeof followOverSocket>;
beforeEach(() => {
  leaves = 0;
  written = [];
  const operation = {
    follow(given: Sink, cursor?: number) {
      sink = given;
      from = cursor;
      return () => {
        leaves += 1;
      };
    },
  };
  // Of an outlet it uses nothing else.
  const outlet = { isReady: true, write: (frame: Buffer) => written.push(frame) > 0 } as unknown as Outlet;
  results = followOverSocket(operation, { outlet, id: 'one', from: 7 });
});

describe('an operation on a socket', () => {
  it('is followed from the client’s cursor, and its frames are written as they are', () => {
    const frame = new Frame('{"data":1}');
    const expected: Buffer[] = [];
    sink.next(frame);
    expect({ from, isReady: sink.isReady }).toEqual({ from: 7, isReady: true });
    frame.sendOverSocket(operationId('one'), { write: (...pieces) => expected.push(...pieces) > 0 });
    expect(written).toEqual(expected);
  });

  it('says nothing to who iterates before it ends, and then its last result', async () => {
    const seen: unknown[] = [];
    const over = (async () => {
      for await (const result of results) seen.push(result);
    })();
    sink.next(new Frame('{"data":1}'));
    await settled();
    expect(seen).toEqual([]);
    sink.end(LAST);
    await over;
    expect(seen).toEqual([LAST]);
  });

  it('ends without a result where it has none', async () => {
    sink.end();
    expect(await results.next()).toEqual({ done: true, value: undefined });
  });

  it('is left when it is returned, though a result was to come', async () => {
    const next = results.next();
    expect(await results.return(undefined)).toEqual({ done: true, value: undefined });
    sink.end(LAST);
    expect(await next).toEqual({ done: true, value: undefined });
    expect(await results.next()).toEqual({ done: true, value: undefined });
    expect(leaves).toBeGreaterThan(0);
  });

  it('is left when it is thrown at, or disposed of', async () => {
    await expect(results.throw(new Error('enough'))).rejects.toThrow('enough');
    expect(leaves).toBe(1);
    await results[Symbol.asyncDispose]();
    expect(await results.next()).toEqual({ done: true, value: undefined });
  });
});
