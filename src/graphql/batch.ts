/**
 * Loads by key, all keys that one level of a query asks for at once: `load` runs after every resolver of the level
 * has asked, as in DataLoader.
 *
 * @param load values by key; a key it leaves out has none
 */
export function createBatch<Value>(
  load: (keys: string[]) => Promise<Map<string, Value>>,
): (key: string) => Promise<Value | undefined> {
  let gathering: { keys: Set<string>; loaded: Promise<Map<string, Value>> } | undefined;

  function gather() {
    const keys = new Set<string>();
    const loaded = afterThisLevel().then(() => {
      gathering = undefined;
      return load([...keys]);
    });
    return { keys, loaded };
  }

  return async (key) => {
    gathering ??= gather();
    gathering.keys.add(key);
    return (await gathering.loaded).get(key);
  };
}

/** Resolvers of one level run in promise callbacks of one tick: the next tick comes after all of them. */
function afterThisLevel(): Promise<void> {
  return new Promise((resolve) => {
    Promise.resolve().then(() => process.nextTick(resolve));
  });
}
