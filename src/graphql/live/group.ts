import type { ExecutionResult } from 'graphql';
import type { LiveStats } from '../../platform/live/stats.ts';
import type { Sink } from './sink.ts';

/** Subscribers that share what is executed for them. */
export interface Group {
  readonly isEmpty: boolean;
  join(subscriber: Subscriber): { leave(): void };
  close(): void;
}

export type Subscriber = {
  sink: Sink;
  /** The number of the last event that it has; of no meaning for states. */
  after: number;
  /** Called where the group ends it, before its sink is told; not where it leaves. */
  onEnd(): void;
};

export type GroupOptions = {
  /**
   * Executes the shared operation.
   *
   * @param rootValue what the root field resolves to
   * @returns the result as JSON; rejects while the database is away
   */
  execute(rootValue: unknown): Promise<string>;
  /** What subscribers are told of an error that ends them. */
  failed(error: unknown): ExecutionResult;
  /** Resolves after so many milliseconds. */
  pause(ms: number): Promise<void>;
  /** The last subscriber has left. */
  onEmpty(): void;
  stats: LiveStats;
};
