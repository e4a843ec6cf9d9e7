import { Suspended } from '../failure.ts';

/**
 * Does things at the same time, at most so many, and all of them although one fails.
 *
 * @throws what the first of them failed with; Suspended only where nothing else failed
 */
export async function concurrently<Item, Result>(
  items: readonly Item[],
  limit: number,
  task: (item: Item, index: number) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  const failures: unknown[] = [];
  let next = 0;
  async function lane(): Promise<void> {
    while (next < items.length) {
      const index = next;
      next += 1;
      try {
        results[index] = await task(items[index] as Item, index);
      } catch (error) {
        failures.push(error);
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, lane));
  if (failures.length > 0) throw failures.find((error) => !(error instanceof Suspended)) ?? failures[0];
  return results;
}
