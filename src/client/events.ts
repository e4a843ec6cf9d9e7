/** What every event says. */
type Recorded = {
  /** Its number within the run: 1, 2, 3, … without gaps. */
  seq: number;
  /** When it was recorded, as ISO 8601 text. */
  at: string;
  /** How often the run had been taken by a worker by then; 0 before the first. */
  attempt: number;
};

export type StatusEvent = Recorded & {
  type: 'STATUS';
  /** Null in a run's first event. */
  from: string | null;
  to: string;
  reason: string | null;
};

export type ProgressEvent = Recorded & {
  type: 'PROGRESS';
  /** 0 to 100. */
  percent: number;
  step: number | null;
  totalSteps: number | null;
  etaSeconds: number | null;
};

export type LogEvent = Recorded & {
  type: 'LOG';
  level: 'debug' | 'info' | 'warn' | 'error';
  /** Without its line break. */
  message: string;
  /** Who wrote it: stdout, stderr, runcast, client or external. */
  source: string;
};

export type MetricEvent = Recorded & {
  type: 'METRIC';
  step: number;
  epoch: number | null;
  /** By name; null for what is no finite number. */
  values: Record<string, number | null>;
};

export type StepEvent = Recorded & {
  type: 'STEP';
  stepId: string;
  name: string;
  stepType: string;
  state: string;
  /** From 1. */
  stepAttempt: number;
  error: unknown;
};

export type OutputEvent = Recorded & {
  type: 'OUTPUT';
  /** Text to append to what came before. */
  delta: string;
};

export type ApprovalEvent = Recorded & {
  type: 'APPROVAL';
  stepId: string;
  prompt: string;
  /** Null while it is open. */
  decision: string | null;
  by: string | null;
};

export type ProviderEvent = Recorded & { type: 'PROVIDER'; raw: unknown };

export type GapEvent = Recorded & {
  type: 'GAP';
  /** What was lost before it reached the server, and why; the numbering has no gap. */
  lost: string;
};

/** What happened in a run, told apart by `type`. Take a `type` that is not listed for one of a newer server. */
export type ExecutionEvent =
  | StatusEvent
  | ProgressEvent
  | LogEvent
  | MetricEvent
  | StepEvent
  | OutputEvent
  | ApprovalEvent
  | ProviderEvent
  | GapEvent;

/** Events as they come: in order, `lastSeq` the number of the last, and whether more were there already. */
export type EventBatch = {
  events: readonly ExecutionEvent[];
  lastSeq: number;
  hasMore: boolean;
  ended: boolean;
};
