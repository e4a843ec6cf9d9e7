import type { EventInput } from '../../src/platform/feed/events.ts';
import type { OwnedRun } from './runs.ts';
import type { WayIn } from './ways-in.ts';

/** As many lines as a worker sends at a time when a trainer is talkative. */
export const BATCH = 50;

/** Fills each run from a writer of its own, one batch after another, and tells how many lines a second that gave. */
export async function fill(runs: readonly OwnedRun[], way: WayIn, seconds: number): Promise<number> {
  const before = linesOf(runs);
  const started = performance.now();
  const end = started + seconds * 1_000;
  await Promise.all(
    runs.map(async (run, writer) => {
      while (performance.now() < end) {
        await way({ run, writer, events: nextLines(run) });
        run.lastSeq += BATCH;
      }
    }),
  );
  return (linesOf(runs) - before) / ((performance.now() - started) / 1_000);
}

function linesOf(runs: readonly OwnedRun[]): number {
  return runs.reduce((sum, { lastSeq }) => sum + lastSeq, 0);
}

/** Each names its run and its number, and is as long as lines of logs are. */
function nextLines({ id, lastSeq }: OwnedRun): EventInput[] {
  return Array.from({ length: BATCH }, (_, at) => {
    const seq = lastSeq + at + 1;
    const message = `${id} #${seq} epoch 1/3 step ${seq} loss 0.4312 lr 2.0e-05 grad 1.07 412 tokens/s`;
    return { type: 'log', payload: { level: 'info', message, source: 'stdout' } };
  });
}
