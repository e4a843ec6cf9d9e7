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
  async receive(message: string): Promise<void> {
    const { type, id } = headerOf(message);
    if (id === undefined) return this.#take(message);
    const before = this.#running.get(id);
    if (!before?.isCompleted) {
      if (type === 'subscribe') return this.#begin(id, message);
      if (before) before.isCompleted = true;
      return this.#take(message);
    }
    if (type === 'complete') before.next = undefined;
    else if (before.next !== undefined) this.#refuse(id);
    else before.next = message;
  }

  async #begin(id: string, message: string): Promise<void> {
    const running: Running = { isCompleted: false };
    this.#running.set(id, running);
    await this.#take(message);
    // Another one where the id was taken, for which the socket closes.
    if (this.#running.get(id) === running) this.#running.delete(id);
    if (running.next !== undefined) await this.#begin(id, running.next);
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
