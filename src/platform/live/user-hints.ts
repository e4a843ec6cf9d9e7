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

  notifyAll(): void {
    for (const listeners of this.#byUser.values()) for (const listener of listeners) listener();
  }
}
