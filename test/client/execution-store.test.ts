import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createExecutionStore } from '../../src/client/execution-store.ts';
import type { Client, ExecutionEvent, WatchOptions } from '../../src/client/index.ts';
import { range, seqs } from '../support/client.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** A client whose watches say what a test has them say. */
function toldClient() {
  const watches: (WatchOptions & { isStopped: boolean })[] = [];
  const client = {
    watchExecution(_id: string, options: WatchOptions = {}) {
      const watch = { ...options, isStopped: false };
      watches.push(watch);
      const stop = () => {
        watch.isStopped = true;
        options.onState?.('ended', undefined);
      };
      return { stop };
    },
  };
  const tell = (...events: object[]) => {
    for (const event of events) watches.at(-1)?.onEvent?.(event as ExecutionEvent);
  };
  // Of a client the store uses no more than this.
  return { client: client as unknown as Client, watches, tell };
}

const lines = (from: number, to: number) => range(from, to).map((seq) => ({ type: 'LOG', seq }));

describe('what a component shows of a run', () => {
  it('changes at most twenty times a second', () => {
    const { client, tell } = toldClient();
    const store = createExecutionStore(client, 'exec_1', {});
    const render = vi.fn();
    store.subscribe(render);
    for (const at of range(0, 99)) {
      tell(...lines(at * 10 + 1, at * 10 + 10));
      vi.advanceTimersByTime(10);
    }
    expect(render.mock.calls.length).toBeLessThanOrEqual(20);
    vi.runAllTimers();
    expect(store.snapshot()).toMatchObject({ lastSeq: 1_000 });
  });

  it('holds the newest events, and what the older ones said of status and progress', () => {
    const { client, tell } = toldClient();
    const store = createExecutionStore(client, 'exec_1', { newest: 10 });
    store.subscribe(() => {});
    tell(
      { type: 'STATUS', seq: 1, to: 'running' },
      { type: 'PROGRESS', seq: 2, percent: 40 },
      ...lines(3, 500),
    );
    vi.runAllTimers();
    const { events, ...rest } = store.snapshot();
    expect(seqs(events)).toEqual(range(491, 500));
    expect(rest).toMatchObject({ status: 'running', progress: { percent: 40 }, lastSeq: 500 });
  });

  it('is the same object until something is new', () => {
    const { client, tell } = toldClient();
    const store = createExecutionStore(client, 'exec_1', {});
    store.subscribe(() => {});
    const before = store.snapshot();
    tell(...lines(1, 3));
    expect(store.snapshot()).toBe(before);
    vi.runAllTimers();
    expect(store.snapshot()).not.toBe(before);
    expect(before.events).toEqual([]);
  });

  it('goes on where it was when a component comes back, as in StrictMode', () => {
    const { client, watches, tell } = toldClient();
    const store = createExecutionStore(client, 'exec_1', { after: 5 });
    const leave = store.subscribe(() => {});
    tell(...lines(6, 8));
    leave();
    expect(vi.getTimerCount()).toBe(0);
    store.subscribe(() => {});
    tell(...lines(9, 9));
    vi.runAllTimers();
    expect(watches.map(({ after, isStopped }) => ({ after, isStopped }))).toEqual([
      { after: 5, isStopped: true },
      { after: 8, isStopped: false },
    ]);
    expect(seqs(store.snapshot().events)).toEqual([6, 7, 8, 9]);
    expect(store.snapshot().state).toBe('connecting');
  });

  it('watches once for all who look, and not again after the end', () => {
    const { client, watches } = toldClient();
    const store = createExecutionStore(client, 'exec_1', {});
    const leave = [store.subscribe(() => {}), store.subscribe(() => {})];
    expect(watches).toHaveLength(1);
    watches[0]?.onState?.('ended', undefined);
    for (const left of leave) left();
    store.subscribe(() => {});
    expect(watches).toHaveLength(1);
  });

  it('is nothing where there is no run yet', () => {
    const { client, watches } = toldClient();
    const store = createExecutionStore(client, undefined, {});
    store.subscribe(() => {})();
    expect(watches).toEqual([]);
    expect(store.snapshot()).toMatchObject({ events: [], state: 'connecting' });
  });
});
