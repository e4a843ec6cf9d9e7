import { z } from 'zod';

export const EXECUTION_KINDS = ['training', 'agent', 'workflow'] as const;
export type ExecutionKind = (typeof EXECUTION_KINDS)[number];

/** Names one execution, and with it one stream of events. */
export type ExecutionRef = { kind: ExecutionKind; id: string };

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

const progress = z.strictObject({
  percent: z.int().min(0).max(100),
  step: z.number().optional(),
  totalSteps: z.number().optional(),
  etaSeconds: z.number().optional(),
});

const log = z.strictObject({
  level: z.enum(LOG_LEVELS),
  message: z.string(),
  /** Who wrote the line, e.g. `stdout`, `stderr`, `runcast`; lines that came through the row say `external`. */
  source: z.string(),
});

const metric = z.strictObject({
  step: z.number(),
  epoch: z.number().optional(),
  /** By metric name; null for a value that is no finite number, such as a loss that became NaN. */
  values: z.record(z.string(), z.number().nullable()),
});

const status = z.strictObject({
  /** Filled in by the database where it is left out; null in a stream's first event. */
  from: z.string().nullish(),
  to: z.string(),
  reason: z.string().optional(),
});

const step = z.strictObject({
  stepId: z.string(),
  name: z.string(),
  type: z.string(),
  state: z.string(),
  attempt: z.int(),
  error: z.unknown().optional(),
});

const approval = z.strictObject({
  stepId: z.string(),
  prompt: z.string(),
  decision: z.string().optional(),
  by: z.string().optional(),
});

/** What `appendEvents` takes: one event, not yet numbered. The database checks the same and has the last word. */
export const eventInput = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('status'), payload: status }),
  z.strictObject({ type: z.literal('progress'), payload: progress }),
  z.strictObject({ type: z.literal('log'), payload: log }),
  z.strictObject({ type: z.literal('metric'), payload: metric }),
  z.strictObject({ type: z.literal('step'), payload: step }),
  z.strictObject({ type: z.literal('output'), payload: z.strictObject({ delta: z.string() }) }),
  z.strictObject({ type: z.literal('approval'), payload: approval }),
  z.strictObject({ type: z.literal('provider'), payload: z.strictObject({ raw: z.unknown() }) }),
  z.strictObject({ type: z.literal('gap'), payload: z.strictObject({ reason: z.string() }) }),
]);

export type EventInput = z.infer<typeof eventInput>;
export type EventType = EventInput['type'];

export const TERMINAL_STATUSES = ['completed', 'failed', 'cancelled'] as const;
export type TerminalStatus = (typeof TERMINAL_STATUSES)[number];

/** Whether nothing may follow an event: it ends its execution, of whatever kind. */
export function endsExecution(event: EventInput): boolean {
  return event.type === 'status' && TERMINAL_STATUSES.some((status) => status === event.payload.to);
}

/** An event as it stands in the feed. `seq` counts from 1 without gaps within its execution. */
export type ExecutionEvent = EventInput & { seq: number; at: Date; attempt: number };

/** An event as JSON that Postgres can store. */
export function eventJson(event: EventInput): string {
  return storableJson(event);
}

/** How JSON spells what `storable` takes out. */
const REFUSED = /\\u(?:0000|d[89a-f])/;

/** JSON that Postgres can store. Looked through as text first, since walking a value takes longer than writing it. */
export function storableJson(value: unknown): string {
  const json = JSON.stringify(value);
  return REFUSED.test(json) ? JSON.stringify(storable(value)) : json;
}

/** A value without what neither text nor jsonb can hold: U+0000 and halves of surrogate pairs become U+FFFD. */
export function storable(value: unknown): unknown {
  if (typeof value === 'string') return value.replaceAll('\u0000', '\uFFFD').toWellFormed();
  if (Array.isArray(value)) return value.map(storable);
  if (typeof value !== 'object' || value === null || 'toJSON' in value) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [storable(key), storable(inner)]));
}
