/** An operation from its subscribe message until graphql-ws has done with it. */
type Running = {
  /** Whether its client has completed it: it only winds up. */
  isCompleted: boolean;
  /** The subscribe message of the one that comes after it. */
  next?: string | undefined;
};

/**
 * Lets an operation begin under an id only once the one before has gone. graphql-ws knows an operation by nothing but its
 * id, which is free again as soon as the client completes it: one that was still winding up took its successor for itself,
 * answered in its place and ended it.
 */
export class OperationOrder {
  readonly #take: (message: string) => Promise<void>;
  readonly #refuse: (id: string) => void;
  readonly #running = new Map<string, Running>();

  /**
   * @param take graphql-ws's handler of a socket's messages
   * @param refuse for a second operation under an id that one waits for already
   */
  constructor(take: (message: string) => Promise<void>, refuse: (id: string) => void) {
    this.#take = take;
    this.#refuse = refuse;
  }

  /** @returns when the message has been dealt with; of one that begins an operation, when that is over */
  receive(message: string): Promise<void> {
    const { type, id } = headerOf(message);
    if (id === undefined) return this.#take(message);
    const before = this.#running.get(id);
    if (before?.isCompleted) {
      this.#follow(id, before, type === 'subscribe' ? message : undefined);
      return Promise.resolve();
    }
    if (type === 'subscribe') return this.#begin(id, message);
    if (before) before.isCompleted = true;
    return this.#take(message);
  }

  /** @param next undefined where the client has completed it before it began */
  #follow(id: string, before: Running, next: string | undefined): void {
    if (next !== undefined && before.next !== undefined) this.#refuse(id);
    else before.next = next;
  }

  /** Without a function that waits: each would keep a stack's worth of memory for as long as a subscription lasts. */
  #begin(id: string, message: string): Promise<void> {
    const running: Running = { isCompleted: false };
    this.#running.set(id, running);
    return this.#take(message).then(() => this.#over(id, running));
  }

  #over(id: string, running: Running): Promise<void> | undefined {
    // Another one has taken the id where it was not free, for which the socket closes.
    if (this.#running.get(id) === running) this.#running.delete(id);
    return running.next === undefined ? undefined : this.#begin(id, running.next);
  }
}

/** Of a message about an operation; nothing of any other, nor of what graphql-ws will say is no message. */
function headerOf(message: string): { type?: 'subscribe' | 'complete'; id?: string } {
  if (!message.includes('"subscribe"') && !message.includes('"complete"')) return {};
  try {
    const { type, id } = JSON.parse(message);
    return (type === 'subscribe' || type === 'complete') && typeof id === 'string' ? { type, id } : {};
  } catch {
    return {};
  }
}
