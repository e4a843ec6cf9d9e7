/** Wake-ups of those who follow all executions of a user. They may be lost, doubled or late; rows tell. */
export interface UserHints {
  /**
   * @param onHint called with the execution that changed; without one where any may have
   * @returns ends it
   */
  onUser(userId: string, onHint: (executionId?: string) => void): () => void;
}

type Listener = (executionId?: string) => void;

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

  notify(userId: string, executionId: string | undefined): void {
    for (const listener of this.#byUser.get(userId) ?? []) listener(executionId);
  }

  notifyAll(): void {
    for (const listeners of this.#byUser.values()) for (const listener of listeners) listener();
  }
}
