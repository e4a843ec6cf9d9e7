import type { ExecutionResult } from 'graphql';
import { operationId } from './frame.ts';
import type { LiveOperation } from './operations.ts';
import type { Outlet } from './outlet.ts';

export type SocketOperationOptions = {
  outlet: Outlet;
  /** The operation's id on its socket. */
  id: string;
  /** Number of the last event that the client has, where it said so on connecting; else 0. */
  from: number;
};

/**
 * Follows an operation over a WebSocket. Its frames go straight to the connection; graphql-ws, which keeps the protocol's
 * state, is given an iterator that says nothing but the last result and the end.
 */
export function followOverSocket(
  operation: LiveOperation,
  { outlet, id, from }: SocketOperationOptions,
): AsyncGenerator<ExecutionResult, undefined> {
  const frames = operationId(id);
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  let last: ExecutionResult | undefined;
  const leave = operation.follow(
    {
      get isReady() {
        return outlet.isReady;
      },
      whenReady: (callback) => outlet.whenReady(callback),
      next: (frame) => outlet.write(frame.webSocket(frames)),
      end(result) {
        last = result;
        resolve();
      },
    },
    from,
  );
  const over = { done: true, value: undefined } as const;

  return {
    async next() {
      await ended;
      if (!last) return over;
      const value = last;
      last = undefined;
      return { done: false, value };
    },
    async return() {
      leave();
      last = undefined;
      resolve();
      return over;
    },
    async throw(error) {
      leave();
      resolve();
      throw error;
    },
    [Symbol.asyncIterator]() {
      return this;
    },
    async [Symbol.asyncDispose]() {
      leave();
    },
  };
}
