export type LogLevel = 'debug' | 'info' | 'warning' | 'error';

export interface ProgressItem {
  readonly kind: 'progress';
  /** 0–100, one decimal, rounded down: 100 is only said at the end. */
  readonly percent: number;
  readonly step?: number;
  readonly totalSteps?: number;
  readonly etaSeconds?: number;
}

export interface MetricItem {
  readonly kind: 'metric';
  readonly step: number;
  readonly epoch?: number;
  /** Finite numbers only; never empty. */
  readonly values: Readonly<Record<string, number>>;
}

export interface LogItem {
  readonly kind: 'log';
  readonly level: LogLevel;
  /** One line: no colour codes or control characters but tabs, no NUL, well-formed. */
  readonly message: string;
}

export type OutputItem = ProgressItem | MetricItem | LogItem;

export function percentOf(done: number, total: number): number {
  return clampPercent((100 * done) / total);
}

export function clampPercent(percent: number): number {
  // The nudge keeps 29/100, which is 28.999999999999996 after the division, at 29.
  return Math.max(0, Math.min(100, Math.floor(percent * 10 + 1e-6) / 10));
}
