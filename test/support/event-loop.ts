import { monitorEventLoopDelay } from 'node:perf_hooks';

/**
 * The longest that the event loop of this process is held up by some work, in milliseconds: the least of several rounds,
 * as whatever else runs on the machine only adds to it.
 */
export async function longestDelay(work: () => Promise<unknown>, rounds = 3): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round++) {
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    await work();
    delay.disable();
    least = Math.min(least, delay.max / 1e6);
  }
  return least;
}
