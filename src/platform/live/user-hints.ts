/** An execution whose feed has grown up to `seq`, or that is gone where there is no number. */
export type ChangedExecution = { kind: string; id: string; seq: number | undefined };

/** Without an execution any of the user's may have changed. */
type Listener = (changed?: ChangedExecution) => void;

/** Wake-ups of those who follow all executions of a user. They may be lost, doubled or late; rows tell. */
export interface UserHints {
  /** @returns ends it */
  onUser(userId: string, onHint: Listener): () => void;
}

export class UserListeners implements UserHints {
  readonly #byUser = new Map<string, Set<Listener>>();
  /** How many users are to be told next, with what is less than one. */
  #due = 0;

  onUser(userId: string, onHint: Listener): () => void {
    const listeners = this.#byUser.get(userId) ?? new Set();
    this.#byUser.set(userId, listeners.add(onHint));
    return () => {
      listeners.delete(onHint);
      if (listeners.size === 0 && this.#byUser.get(userId) === listeners) this.#byUser.delete(userId);
    };
  }

  notify(userId: string, changed: ChangedExecution): void {
    for (const listener of this.#byUser.get(userId) ?? []) listener(changed);
  }

  /** Tells a part of all users' listeners, the next ones each time: all of them in as many calls as there are parts. */
  notifyPart(parts: number): void {
    this.#due += this.#byUser.size / parts;
    const next = [...this.#byUser.entries().take(Math.floor(this.#due))];
    this.#due %= 1;
    for (const [userId, listeners] of next) {
      this.#byUser.delete(userId);
      this.#byUser.set(userId, listeners);
      for (const listener of listeners) listener();
    }
  }

  notifyAll(): void {
    for (const listeners of this.#byUser.values()) for (const listener of listeners) listener();
  }
}
