import type { ExecutionResult } from 'graphql';
import type { Frame } from './frame.ts';

/** Where an operation's results go: an operation on a socket, an SSE response, or whoever iterates. */
export interface Sink {
  /** Whether it takes a frame now. False while what was sent before has not left this process. */
  readonly isReady: boolean;
  /** Calls back once, when it is ready again; not after the operation has been left. */
  whenReady(callback: () => void): void;
  /** Takes a frame, of which it keeps nothing but what it is: the same one goes to others. */
  next(frame: Frame): void;
  /** The operation is over, after one more result where there is one. Nothing comes after that. */
  end(last?: ExecutionResult): void;
}

/** Waits until the sink is ready, or until whoever waits calls `resume`, e.g. because the operation was left. */
export function whenReady(waiting: { readonly sink: Sink; resume?: () => void }): Promise<void> {
  return new Promise((resolve) => {
    waiting.resume = resolve;
    waiting.sink.whenReady(resolve);
  });
}
