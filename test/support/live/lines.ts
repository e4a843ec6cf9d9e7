import type { EventInput } from '../../../src/platform/feed/events.ts';

/** The text of a run's event, which follows from the run and the number: whoever receives it can tell whether it is right. */
export function lineOf(run: string, seq: number, bytes = 0): string {
  return `${run} line ${seq} `.padEnd(bytes, '.');
}

/** Events for the feed of a run, the first of which will get the number `from`. */
export function linesFrom(run: string, from: number, count: number, bytes = 0): EventInput[] {
  return Array.from({ length: count }, (_, i) => ({
    type: 'log',
    payload: { level: 'info', message: lineOf(run, from + i, bytes), source: 'stdout' },
  }));
}
