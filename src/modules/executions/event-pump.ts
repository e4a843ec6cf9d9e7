import { EventEmitter, once } from 'node:events';
import type { EventInput } from '../../platform/feed/events.ts';

/** What has gathered for so long is written; short enough to be live, long enough to make one statement of many lines. */
const GATHER_MS = 50;
/** More than one statement takes. */
const BATCH_EVENTS = 200;
const BATCH_BYTES = 256 * 1024;
/** With so much waiting, the trainer has to wait too: its pipes are not read. */
const FULL_BYTES = 1024 * 1024;
/** What an event takes besides its text. */
const EVENT_BYTES = 100;

export type EventPump = {
  /** Takes events in order and resolves when there is room for more. */
  add(events: readonly EventInput[]): Promise<void>;
  /** Resolves when all events added so far are written; rejects with the failure that stopped the pump. */
  flush(): Promise<void>;
};

/**
 * Writes events in batches, one at a time, and of several progress events in a batch the newest alone.
 *
 * @param write writes one batch; it tries again itself, so its failure is final: what is still waiting is dropped
 * @param onFailure called once, with what `write` failed with
 * @param gatherMs how long events gather for a batch, in milliseconds. Default: 50
 */
export function createEventPump(
  write: (events: readonly EventInput[]) => Promise<void>,
  onFailure: (error: unknown) => void,
  gatherMs = GATHER_MS,
): EventPump {
  const state = new EventEmitter<{ wake: []; written: [] }>();
  let waiting: { event: EventInput; bytes: number }[] = [];
  let bytes = 0;
  let hurry = false;
  let failure: { error: unknown } | undefined;
  let writing: Promise<void> | undefined;

  const isDue = (): boolean => hurry || bytes >= BATCH_BYTES || waiting.length >= BATCH_EVENTS;

  async function gather(): Promise<void> {
    if (isDue()) return;
    const signal = AbortSignal.timeout(gatherMs);
    while (!isDue() && !signal.aborted) await once(state, 'wake', { signal }).catch(() => undefined);
  }

  function takeBatch(): EventInput[] {
    let size = 0;
    let count = 0;
    for (const entry of waiting) {
      if (count === BATCH_EVENTS || (count > 0 && size + entry.bytes > BATCH_BYTES)) break;
      size += entry.bytes;
      count += 1;
    }
    const batch = waiting.slice(0, count).map(({ event }) => event);
    waiting = waiting.slice(count);
    bytes -= size;
    const newest = batch.findLastIndex(({ type }) => type === 'progress');
    return batch.filter(({ type }, i) => type !== 'progress' || i === newest);
  }

  async function writeAll(): Promise<void> {
    while (waiting.length > 0) {
      await gather();
      try {
        await write(takeBatch());
      } catch (error) {
        failure = { error };
        waiting = [];
        bytes = 0;
        onFailure(error);
      }
      state.emit('written');
    }
    hurry = false;
    writing = undefined;
  }

  return {
    async add(events) {
      if (failure !== undefined || events.length === 0) return;
      for (const event of events) {
        const size = EVENT_BYTES + textOf(event).length;
        waiting.push({ event, bytes: size });
        bytes += size;
      }
      writing ??= writeAll();
      if (isDue()) state.emit('wake');
      while (bytes >= FULL_BYTES) await once(state, 'written');
    },
    async flush() {
      hurry = true;
      state.emit('wake');
      await writing;
      hurry = false;
      if (failure) throw failure.error;
    },
  };
}

function textOf(event: EventInput): string {
  if (event.type === 'log') return event.payload.message;
  return event.type === 'output' ? event.payload.delta : '';
}
