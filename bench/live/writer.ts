import { setTimeout as wait } from 'node:timers/promises';
import { createServiceDatabase } from '../../src/platform/db/service.ts';
import { appendEvents } from '../../src/platform/feed/feed.ts';
import { createLogger } from '../../src/platform/logger.ts';
import { microseconds } from './clock.ts';
import type { Commit } from './protocol.ts';

/** A run that nobody else writes to, so that the number of its next event is known before it is written. */
export type WrittenRun = { id: string; lastSeq: number };

/** Writes log lines as a worker does, each in a transaction of its own. */
export class Writer implements AsyncDisposable {
  readonly #database;

  /** @param url of the worker's login role */
  constructor(url: string, connections = 1) {
    this.#database = createServiceDatabase({ url, poolSize: connections, log: createLogger('warn') });
  }

  /** Appends one line, which names its run and its number and is as long as lines of logs are. */
  async append(runs: readonly WrittenRun[], watch: number): Promise<Commit> {
    const run = runs[watch];
    if (run === undefined) throw new Error(`There is no run ${watch}.`);
    const seq = run.lastSeq + 1;
    const sentAt = microseconds();
    const message = `${run.id} #${seq} epoch 1/3 step ${seq} loss 0.4312 lr 2.0e-05 sent ${sentAt}`;
    const last = await appendEvents(this.#database.sql, {
      kind: 'training',
      id: run.id,
      events: [{ type: 'log', payload: { level: 'info', message, source: 'stdout' } }],
    });
    const committedAt = microseconds();
    if (last !== seq) throw new Error(`Event ${last} of ${run.id} should have been ${seq}.`);
    run.lastSeq = seq;
    return { watch, seq, sentAt, committedAt };
  }

  /** Appends at a steady rate, one after another; what falls behind is made up for. */
  async appendSteadily(
    runs: readonly WrittenRun[],
    pace: { perSecond: number; seconds: number; next: () => number },
  ): Promise<Commit[]> {
    const commits: Commit[] = [];
    const started = performance.now();
    for (let done = 0; done < pace.perSecond * pace.seconds; done += 1) {
      const early = started + (done * 1000) / pace.perSecond - performance.now();
      if (early > 0) await wait(early);
      commits.push(await this.append(runs, pace.next()));
    }
    return commits;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#database.close();
  }
}
