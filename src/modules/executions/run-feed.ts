import { setTimeout as wait } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { ServiceDatabase } from '../../platform/db/service.ts';
import type { Sql } from '../../platform/db/sql.ts';
import { codeOf, messageOf } from '../../platform/errors.ts';
import { FeedError } from '../../platform/feed/errors.ts';
import {
  type EventInput,
  type ExecutionEvent,
  type ExecutionKind,
  type ExecutionRef,
  eventJson,
} from '../../platform/feed/events.ts';
import {
  appendEvents,
  type Finish,
  finishExecution,
  readEvents,
  releaseExecution,
} from '../../platform/feed/feed.ts';
import type { Logger } from '../../platform/logger.ts';

const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 2_000;
/** SQLSTATE classes that trying again does not mend: wrong data, broken constraints, no right, our own refusals. */
const PERMANENT = /^(0A|22|23|42|P0|RC)/;
/** Events that others may have added to a stream while we did not know whether ours were. */
const FOREIGN_EVENTS = 1_000;

/** What locks the row of an execution. */
const LOCKS: Record<ExecutionKind, string> = {
  training: 'select from public.training_executions where id = $1 for no key update',
  agent: 'select from public.agent_executions where id = $1 for no key update',
  workflow: 'select from public.workflow_executions where id = $1 for no key update',
};

/** One attempt's way into the feed. Each call outlasts a database that is away and writes once. */
export type RunFeed = {
  append(events: readonly EventInput[]): Promise<void>;
  finish(finish: Omit<Finish, keyof ExecutionRef | 'attempt'>): Promise<void>;
  /** Hands the execution back, to be taken again. */
  release(reason: string): Promise<void>;
};

/**
 * @param lastSeq number of the stream's last event when the attempt began
 * @param giveUp aborted when nothing is worth waiting for any more
 * @throws (each method) {FeedError} once the stream is closed or belongs to a later attempt
 */
export function createRunFeed(options: {
  database: ServiceDatabase;
  execution: ExecutionRef;
  attempt: number;
  lastSeq: number;
  giveUp: AbortSignal;
  log: Logger;
}): RunFeed {
  const { database, execution, attempt, giveUp, log } = options;
  let { lastSeq } = options;

  const persist = createPersist({ giveUp, log });

  async function appendOnce(sql: Sql, events: readonly EventInput[]): Promise<number> {
    // Also waits for a statement of ours that lost its client and is still at work.
    await sql.query(LOCKS[execution.kind], [execution.id]);
    const newer = await readEvents(sql, {
      ...execution,
      after: lastSeq,
      limit: events.length + FOREIGN_EVENTS,
    });
    return findBatch(newer, events, attempt) ?? (await appendEvents(sql, { ...execution, attempt, events }));
  }

  return {
    append: (events) =>
      persist(async (again) => {
        lastSeq = again
          ? await database.transaction((sql) => appendOnce(sql, events))
          : await appendEvents(database.sql, { ...execution, attempt, events });
      }),
    finish: (finish) =>
      persist(async (again) => {
        await finishExecution(database.sql, { ...execution, ...finish, attempt }).catch(
          unless(again, 'STREAM_CLOSED'),
        );
      }),
    release: (reason) =>
      persist(async (again) => {
        await releaseExecution(database.sql, { ...execution, attempt, reason }).catch(
          unless(again, 'INVALID_EVENT'),
        );
      }),
  };
}

/**
 * Writes in a loop that outlasts a database that is away.
 *
 * @returns takes a write, which is told by `again` that an earlier try may have been committed although its answer was lost
 */
export function createPersist({ giveUp, log }: { giveUp: AbortSignal; log: Logger }) {
  return async function persist<T>(write: (again: boolean) => Promise<T>): Promise<T> {
    for (let tries = 0; ; tries += 1) {
      try {
        return await write(tries > 0);
      } catch (error) {
        if (PERMANENT.test(codeOf(error) ?? '') || error instanceof FeedError || giveUp.aborted) throw error;
        if (tries === 0) log.warn({ error: messageOf(error) }, 'the feed cannot be written, trying again');
        await wait(Math.min(FIRST_RETRY_MS * 2 ** tries, LAST_RETRY_MS), undefined, { signal: giveUp });
      }
    }
  };
}

/** Swallows the refusal that tells a second try that the first one had been committed. */
function unless(again: boolean, code: FeedError['code']): (error: unknown) => void {
  return (error) => {
    if (!(again && error instanceof FeedError && error.code === code)) throw error;
  };
}

/** @returns the number of the batch's last event where the batch is among `stored` */
export function findBatch(
  stored: readonly ExecutionEvent[],
  events: readonly EventInput[],
  attempt: number,
): number | undefined {
  const wanted = events.map((event) => JSON.parse(eventJson(event)) as EventInput);
  for (let start = 0; start + wanted.length <= stored.length; start += 1) {
    const found = wanted.every((event, i) => {
      const other = stored[start + i];
      return (
        other?.attempt === attempt &&
        other.type === event.type &&
        isDeepStrictEqual(other.payload, event.payload)
      );
    });
    if (found) return stored[start + wanted.length - 1]?.seq;
  }
  return undefined;
}
