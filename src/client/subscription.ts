import { type Retry, waitAfter } from './backoff.ts';
import { connectionLost, isOfConnection, type RuncastError } from './errors.ts';
import type { Data, Operation, Transport } from './transport.ts';

/** Who follows an operation, whatever becomes of the connections below it. What these throw ends the subscription. */
export type Follower = {
  /** It runs, from here on. */
  onOpen(): void;
  onData(data: Data): void;
  /** Its connection is gone; it is run again over another one. */
  onBroken(error: RuncastError): void;
  /** The server says that this was all. @returns whether it can be; else it is started again */
  onComplete(): boolean;
  /** Trying again cannot help, or a function of the follower's threw. The last call. */
  onFailed(error: unknown): void;
};

export type Subscription = {
  /** Runs it anew, after a moment that grows with each time that nothing was accomplished in between. */
  restart(): void;
  /** Leaves it; `resume` runs it again. */
  pause(): void;
  resume(): void;
  stop(): void;
};

/** What operations go over, and how long to wait before one is tried again. */
export type Carrier = { transport: Transport; retry: Retry };

/** Keeps an operation running: it is sent again, with the variables of then, whenever it broke off. */
export function keepSubscribed(
  { transport, retry }: Carrier,
  operation: Operation,
  follower: Follower,
): Subscription {
  let failures = 0;
  let leave: (() => void) | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isStopped = false;

  run();
  return { restart, pause: halt, resume: run, stop };

  function run(): void {
    halt();
    if (isStopped) return;
    /** Whether what is heard is of this run, and not of one that was left. */
    let isCurrent = true;
    const heard = (take: () => void) => {
      if (isCurrent) guarded(take);
    };
    const leaveOperation = transport.subscribe(operation, {
      open: () => heard(() => follower.onOpen()),
      next: (data) => heard(() => accomplished(data)),
      complete: () => heard(completed),
      failed: (error) => heard(() => failed(error)),
    });
    leave = () => {
      isCurrent = false;
      leaveOperation();
    };
  }

  function accomplished(data: Data): void {
    failures = 0;
    follower.onData(data);
  }

  function completed(): void {
    if (follower.onComplete()) stop();
    else {
      restart();
      follower.onBroken(connectionLost('The operation was completed before its end.'));
    }
  }

  function failed(error: RuncastError): void {
    if (error.isFinal) end(error);
    else {
      // A connection waits at the client's gate, where all its operations wait together.
      if (isOfConnection(error)) run();
      else restart(error.retryAfterMs);
      follower.onBroken(error);
    }
  }

  function restart(atLeastMs = 0): void {
    halt();
    failures += 1;
    timer = setTimeout(run, atLeastMs + waitAfter(failures, retry));
  }

  function guarded(take: () => void): void {
    try {
      take();
    } catch (error) {
      end(error);
    }
  }

  function end(error: unknown): void {
    stop();
    follower.onFailed(error);
  }

  function halt(): void {
    clearTimeout(timer);
    leave?.();
    leave = undefined;
  }

  function stop(): void {
    isStopped = true;
    halt();
  }
}
