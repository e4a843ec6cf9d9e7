/**
 * Wake-ups for one subscriber, coalesced: however many arrive while nobody waits, the next wait ends once. They may
 * be lost, doubled or late; rows tell.
 */
export interface Wakeups extends Disposable {
  /** Resolves at once if anything arrived since the last call, else when it does, or when the signal aborts. */
  wait(signal: AbortSignal): Promise<void>;
  /** Ids named since the last call; undefined where hints may have been lost and any may have changed. */
  take(): ReadonlySet<string> | undefined;
}

/** More ids than that are not worth remembering one by one: the subscriber looks for itself what has changed. */
const MAX_NAMED = 1000;

export class Waiter implements Wakeups {
  #named: Set<string> | undefined = new Set();
  #isPending = false;
  #wake: (() => void) | undefined;
  readonly #leave: (waiter: Waiter) => void;

  /** @param leave called once, when the subscriber is gone */
  constructor(leave: (waiter: Waiter) => void) {
    this.#leave = leave;
  }

  /** @param id the execution that changed; without one any may have */
  notify(id?: string): void {
    if (id === undefined || (this.#named && this.#named.size >= MAX_NAMED)) this.#named = undefined;
    else this.#named?.add(id);
    this.#isPending = true;
    this.#wake?.();
  }

  async wait(signal: AbortSignal): Promise<void> {
    if (!this.#isPending && !signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const wake = () => resolve();
      this.#wake = wake;
      signal.addEventListener('abort', wake, { once: true });
      await promise;
      this.#wake = undefined;
      signal.removeEventListener('abort', wake);
    }
    this.#isPending = false;
  }

  take(): ReadonlySet<string> | undefined {
    const named = this.#named;
    this.#named = new Set();
    return named;
  }

  [Symbol.dispose](): void {
    this.#leave(this);
  }
}
