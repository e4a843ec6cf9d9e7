import type { RuncastError } from './errors.ts';

/**
 * `connecting`: nothing comes in, and `error` says why after a failure. `behind`: it comes in, but older events than the
 * newest. `live`: everything so far has come. `ended`: nothing more will come.
 */
export type WatchState = 'connecting' | 'live' | 'behind' | 'ended';

/**
 * Called when the state changes, and again for each attempt to connect that failed.
 *
 * @param error why it is connecting again, or ended before the end; what an own callback threw is passed on as it is
 */
export type OnState = (state: WatchState, error: unknown) => void;

/** What a watch is from its start to its end, whatever it watches. */
export type Life<End> = {
  readonly state: WatchState;
  readonly error: unknown;
  readonly done: Promise<End>;
  become(state: 'connecting' | 'live' | 'behind', error?: RuncastError): void;
  end(end: End): void;
  fail(error: unknown): void;
};

/** @param onOver called once, when it has ended in whatever way, with the error it ended with */
export function createLife<End>(onState: OnState | undefined, onOver: (error: unknown) => void): Life<End> {
  let state: WatchState = 'connecting';
  let error: unknown;
  let resolve: (end: End) => void;
  let reject: (error: unknown) => void;
  const done = new Promise<End>((...settle) => {
    [resolve, reject] = settle;
  });
  // Who does not ask for `done` hears of a failure by the state, or where the events are iterated.
  done.catch(() => {});

  function become(next: WatchState, why: unknown): void {
    state = next;
    error = why;
    onState?.(state, error);
  }

  function over(why: unknown, settle: () => void): void {
    if (state === 'ended') return;
    try {
      become('ended', why);
      settle();
    } catch (thrown) {
      error ??= thrown;
      reject(error);
    }
    onOver(error);
  }

  const fail = (why: unknown) => over(why, () => reject(why));

  return {
    get state() {
      return state;
    },
    get error() {
      return error;
    },
    done,
    become(next, why) {
      if (state === 'ended' || (next === state && why === undefined)) return;
      try {
        become(next, why);
      } catch (thrown) {
        fail(thrown);
      }
    },
    end: (end) => over(undefined, () => resolve(end)),
    fail,
  };
}
