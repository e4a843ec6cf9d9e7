import type { RunFeed } from '../executions/run-feed.ts';
import type { RunInput } from './run-input.ts';

export const PROVIDERS = ['local', 'huggingface', 'openai', 'colab'] as const;
export type ProviderName = (typeof PROVIDERS)[number];

export type Availability =
  | { available: true }
  /** One sentence, for the caller of the API. */
  | { available: false; reason: string };

export type Outcome =
  | { status: 'completed'; result?: Record<string, unknown> }
  | { status: 'failed'; error: string }
  | { status: 'cancelled' }
  /** Not at its end: handed back, to be taken again. */
  | { status: 'released'; reason: string }
  /** Ended by another hand, or somebody else's by now: nothing more may be written. */
  | { status: 'lost' };

export type TrainingRun = {
  input: RunInput;
  attempt: number;
  feed: RunFeed;
  /** Aborted with a StopReason; the run then comes to its end within seconds. */
  stop: AbortSignal;
};

export type TrainingProvider = {
  name: ProviderName;
  /** Whether runs can be started; asked before anything is written. */
  availability(): Availability;
  /**
   * Runs one attempt and reports its events; not the status, which the caller writes.
   *
   * @throws what the feed refuses or the database fails with
   */
  run?(run: TrainingRun): Promise<Outcome>;
};
