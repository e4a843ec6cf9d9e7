import type { ExecutionResult } from 'graphql';
import { type Frame, type OperationId, operationId } from './frame.ts';
import type { LiveOperation } from './operations.ts';
import type { Outlet } from './outlet.ts';
import type { Sink } from './sink.ts';

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
  const sink = new SocketSink(outlet, operationId(id));
  return new LastWord(sink, operation.follow(sink, from));
}

class SocketSink implements Sink {
  readonly #outlet: Outlet;
  readonly #id: OperationId;
  readonly #ended = Promise.withResolvers<ExecutionResult | undefined>();

  constructor(outlet: Outlet, id: OperationId) {
    this.#outlet = outlet;
    this.#id = id;
  }

  get isReady(): boolean {
    return this.#outlet.isReady;
  }

  whenReady(callback: () => void): void {
    this.#outlet.whenReady(callback);
  }

  next(frame: Frame): void {
    frame.sendOverSocket(this.#id, this.#outlet);
  }

  end(last?: ExecutionResult): void {
    this.#ended.resolve(last);
  }

  get ended(): Promise<ExecutionResult | undefined> {
    return this.#ended.promise;
  }
}

const OVER = { done: true, value: undefined } as const;

/** What graphql-ws iterates, and returns when the client completes the operation or its socket closes. */
class LastWord implements AsyncGenerator<ExecutionResult, undefined> {
  readonly #sink: SocketSink;
  readonly #leave: () => void;
  #isOver = false;

  constructor(sink: SocketSink, leave: () => void) {
    this.#sink = sink;
    this.#leave = leave;
  }

  async next(): Promise<IteratorResult<ExecutionResult, undefined>> {
    const last = await this.#sink.ended;
    if (this.#isOver || !last) return OVER;
    this.#isOver = true;
    return { done: false, value: last };
  }

  async return(): Promise<IteratorResult<ExecutionResult, undefined>> {
    this.#isOver = true;
    this.#leave();
    this.#sink.end();
    return OVER;
  }

  async throw(error: unknown): Promise<never> {
    await this.return();
    throw error;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }
}
