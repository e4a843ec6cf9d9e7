import { setTimeout } from 'node:timers/promises';

/**
 * The longest turn of this process's event loop while some work is done, in milliseconds of processor time: however busy
 * the machine is with others, that is what the work holds up.
 */
export async function longestTurn(work: () => Promise<unknown>): Promise<number> {
  let longest = 0;
  let isDone = false;
  const watch = async () => {
    for (let last = processorMs(); !isDone; last = processorMs()) {
      await setTimeout(1);
      longest = Math.max(longest, processorMs() - last);
    }
  };
  const watching = watch();
  await work().finally(() => {
    isDone = true;
  });
  await watching;
  return longest;
}

function processorMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}
