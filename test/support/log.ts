import { pino } from 'pino';
import type { Logger } from '../../src/platform/logger.ts';

export type LogEntry = { msg: string } & Record<string, unknown>;

export type CapturedLog = {
  log: Logger;
  /** Resolves with the first entry, earlier ones included, for which this holds. */
  until(holds: (entry: LogEntry) => boolean): Promise<LogEntry>;
};

/** A logger whose entries a test can wait for. */
export function captureLog(): CapturedLog {
  const entries: LogEntry[] = [];
  const waiting = new Set<(entry: LogEntry) => void>();
  const write = (line: string): void => {
    const entry = JSON.parse(line) as LogEntry;
    entries.push(entry);
    for (const look of waiting) look(entry);
  };
  return {
    log: pino({ level: 'debug' }, { write }),
    until(holds) {
      const earlier = entries.find(holds);
      if (earlier) return Promise.resolve(earlier);
      const { promise, resolve } = Promise.withResolvers<LogEntry>();
      const look = (entry: LogEntry): void => {
        if (!holds(entry)) return;
        waiting.delete(look);
        resolve(entry);
      };
      waiting.add(look);
      return promise;
    },
  };
}
