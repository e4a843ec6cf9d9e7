/**
 * What worker and guard say to each other, a line each. The worker's first line is the order as JSON; then it beats,
 * and says `terminate` (SIGTERM to the trainer's group) or `kill`. The guard answers on descriptor 3.
 */
export type Order = {
  program: string;
  args: string[];
  folder: string;
  environment: Record<string, string>;
  executionId: string;
};

export type Command = 'beat' | 'terminate' | 'kill';

export type Report =
  | { event: 'started'; pid: number }
  | { event: 'not-started'; message: string }
  | ({ event: 'ended' } & TrainerEnd);

export type TrainerEnd = {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** The guard killed it because the worker was silent: frozen, or dead. */
  orphaned: boolean;
};

export const BEAT_MS = 1_000;
/**
 * A worker that was silent for so long is taken for dead or frozen. pg-boss hands its job over 10 s after its last
 * heartbeat at the earliest, and that may be 2 s older than the last beat: 3 s are left to kill.
 */
export const SILENCE_MS = 5_000;
