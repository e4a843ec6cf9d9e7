import { scheduler } from 'node:timers/promises';
import type { Sql } from '../../../src/platform/db/sql.ts';
import { appendEvents } from '../../../src/platform/feed/feed.ts';
import type { Result, User } from '../api.ts';
import { line } from '../feed.ts';

/** Appends lines and resolves with the number of the last one's event once that is acknowledged. */
export type Write = (lines: readonly string[]) => Promise<number>;

export type Writer = {
  /** The lines of writes that were acknowledged, in order. */
  readonly acknowledged: readonly string[];
  /** Resolves with the number of the last event of a write that begins and is acknowledged from now on. */
  next(): Promise<number>;
  /** Writes that failed; whether their lines are in the feed nobody knows. */
  readonly failed: number;
  /** Resolves once its last write is answered. */
  stop(): Promise<void>;
};

/** Some 100 writes a second and writer: enough that whatever happens, happens to some of them. */
const PAUSE_MS = 10;

/** Writes one to three lines at a time, each of them once: a write that failed is not tried again. */
export function startWriter(name: string, write: Write): Writer {
  const stop = new AbortController();
  const acknowledged: string[] = [];
  let next = Promise.withResolvers<number>();
  let failed = 0;

  async function run(): Promise<void> {
    for (let turn = 0; !stop.signal.aborted; turn += 1) {
      const lines = Array.from({ length: 1 + (turn % 3) }, (_, i) => `${name} ${turn}.${i}`);
      const waiting = next;
      next = Promise.withResolvers();
      try {
        const lastSeq = await write(lines);
        acknowledged.push(...lines);
        waiting.resolve(lastSeq);
      } catch {
        next.promise.then(waiting.resolve);
        failed += 1;
      }
      await scheduler.wait(PAUSE_MS, { signal: stop.signal }).catch(() => undefined);
    }
  }

  const running = run();
  return {
    acknowledged,
    next: () => next.promise,
    get failed() {
      return failed;
    },
    async stop() {
      stop.abort();
      await running;
    },
  };
}

/** As a worker writes. */
export function bySql(sql: Sql, id: string): Write {
  return (lines) => appendEvents(sql, { kind: 'training', id, events: lines.map(line) });
}

/** Ends the run, as a worker does. */
export function completion(sql: Sql, id: string): Promise<number> {
  return appendEvents(sql, {
    kind: 'training',
    id,
    events: [{ type: 'status', payload: { to: 'completed' } }],
  });
}

const APPEND = `mutation ($id: ID!, $lines: [TrainingLogInput!]!) {
  appendTrainingLogs(id: $id, lines: $lines) { ... on AppendedEvents { lastSeq } ... on Error { message } }
}`;

/** As a run's owner writes. */
export function byMutation(
  ask: (query: string, variables: object, user: User) => Promise<Result>,
  user: User,
  id: string,
): Write {
  return async (lines) => {
    const variables = { id, lines: lines.map((message) => ({ message })) };
    const { data, errors } = await ask(APPEND, variables, user);
    const lastSeq = data?.appendTrainingLogs?.lastSeq;
    if (typeof lastSeq !== 'number') throw new Error(JSON.stringify(errors ?? data));
    return lastSeq;
  };
}
