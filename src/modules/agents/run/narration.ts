import type { EventInput, LogLevel } from '../../../platform/feed/events.ts';
import type { EventPump } from '../../executions/event-pump.ts';
import type { StepFailure } from '../../steps/step.ts';

/** Tokens come by the hundred; nobody reads more changes a second, and each event is a row for good. */
const DELTAS_MS = 100;

export type Narration = {
  log(message: string, level?: LogLevel, source?: string): void;
  step(step: {
    key: string;
    name: string;
    type: string;
    state: string;
    tries: number;
    error?: StepFailure;
  }): void;
  /** A piece of the output; pieces that come together become one event. */
  delta(text: string): void;
  /** Resolves when all is written. */
  flush(): Promise<void>;
};

/** What a run tells of itself, in order. The pump's own failure is for who flushes. */
export function createNarration(pump: EventPump): Narration {
  let deltas = '';
  let timer: NodeJS.Timeout | undefined;

  function release(): void {
    clearTimeout(timer);
    timer = undefined;
    if (deltas === '') return;
    const event: EventInput = { type: 'output', payload: { delta: deltas } };
    deltas = '';
    void pump.add([event]);
  }

  function add(event: EventInput): void {
    release();
    void pump.add([event]);
  }

  return {
    log(message, level = 'info', source = 'runcast') {
      add({ type: 'log', payload: { level, message, source } });
    },
    step({ key, name, type, state, tries, error }) {
      const payload = { stepId: key, name, type, state, attempt: tries, ...(error && { error }) };
      add({ type: 'step', payload });
    },
    delta(text) {
      deltas += text;
      timer ??= setTimeout(release, DELTAS_MS);
    },
    async flush() {
      release();
      await pump.flush();
    },
  };
}
