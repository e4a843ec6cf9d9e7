/** Items between who brings them and the one who takes them, at most `limit` of them. */
export type Inbox<Item> = {
  /** @returns whether there is room for another */
  put(item: Item): boolean;
  /** No more will come: who takes gets what is there, and then the end, or the error. */
  end(error?: unknown): void;
  /** Forgets what nobody has taken. */
  clear(): void;
  iterator: AsyncIterableIterator<Item, undefined>;
};

type Taker<Item> = {
  resolve(result: IteratorResult<Item, undefined>): void;
  reject(error: unknown): void;
};

type InboxOptions<Item> = {
  limit: number;
  /** Told of each item that is handed over. */
  onTaken(item: Item): void;
  /** Told when a full inbox has become half empty. */
  onRoom(): void;
  /** The taker wants no more. */
  onLeft(): void;
};

export function createInbox<Item>({ limit, onTaken, onRoom, onLeft }: InboxOptions<Item>): Inbox<Item> {
  const takers: Taker<Item>[] = [];
  let items: Item[] = [];
  /** How many of `items` are taken: shifting each of ten thousand would move all the others. */
  let taken = 0;
  let isFull = false;
  let ended: { error?: unknown } | undefined;

  function take(): IteratorResult<Item, undefined> {
    const value = items[taken] as Item;
    taken += 1;
    onTaken(value);
    if (taken * 2 >= limit || taken === items.length) {
      items = items.slice(taken);
      taken = 0;
    }
    if (isFull && items.length - taken <= limit / 2) {
      isFull = false;
      onRoom();
    }
    return { done: false, value };
  }

  function settle({ resolve, reject }: Taker<Item>): void {
    const error = ended?.error;
    if (taken < items.length) resolve(take());
    else if (error === undefined) resolve({ done: true, value: undefined });
    else {
      // Thrown once, as by a generator.
      ended = {};
      reject(error);
    }
  }

  const iterator: AsyncIterableIterator<Item, undefined> = {
    [Symbol.asyncIterator]: () => iterator,
    next: () =>
      new Promise((resolve, reject) => {
        const taker = { resolve, reject };
        if (ended || taken < items.length) settle(taker);
        else takers.push(taker);
      }),
    async return() {
      onLeft();
      return { done: true, value: undefined };
    },
  };

  return {
    iterator,
    put(item) {
      items.push(item);
      const taker = takers.shift();
      if (taker) settle(taker);
      isFull = items.length - taken >= limit;
      return !isFull;
    },
    clear() {
      items = [];
      taken = 0;
      isFull = false;
    },
    end(error) {
      ended ??= { error };
      for (const taker of takers.splice(0)) settle(taker);
    },
  };
}
