import { EventEmitter } from 'node:events';
import type { ClientOptions, ExecutionEvent, Gap, WatchOptions } from '../../src/client/index.ts';

/** Attempts follow each other as fast as a test wants to go on. */
export const QUICKLY = { retry: { firstMs: 5, longestMs: 50 } } satisfies Partial<ClientOptions>;

/** What a watch said, and what to wait for in it. */
export type Recording = Required<Pick<WatchOptions, 'onEvent' | 'onState' | 'onGap'>> & {
  events: ExecutionEvent[];
  states: string[];
  errors: unknown[];
  gaps: Gap[];
  /** Resolves as soon as it holds, looked at whenever something is said. */
  until(holds: (recording: Recording) => boolean): Promise<void>;
};

export function record(): Recording {
  const said = new EventEmitter();
  said.setMaxListeners(0);
  const recording: Recording = {
    events: [],
    states: [],
    errors: [],
    gaps: [],
    onEvent(event) {
      recording.events.push(event);
      said.emit('news');
    },
    onState(state, error) {
      recording.states.push(state);
      if (error !== undefined) recording.errors.push(error);
      said.emit('news');
    },
    onGap(gap) {
      recording.gaps.push(gap);
      said.emit('news');
    },
    until: (holds) =>
      new Promise((resolve) => {
        const look = () => {
          if (!holds(recording)) return;
          said.off('news', look);
          resolve();
        };
        said.on('news', look);
        look();
      }),
  };
  return recording;
}

export const seqs = (events: readonly { seq: number }[]): number[] => events.map(({ seq }) => seq);

/** first, first + 1, … last */
export const range = (first: number, last: number): number[] =>
  Array.from({ length: Math.max(0, last - first + 1) }, (_, at) => first + at);

/** The messages of the log lines among events, in order. */
export const messages = (events: readonly ExecutionEvent[]): string[] =>
  events.flatMap((event) => (event.type === 'LOG' ? [event.message] : []));
