import type { Random } from './random.ts';

export type Measurements = Readonly<Record<string, number>>;

/** A stretch of a run with one objective and a learning rate schedule of its own. */
export interface Phase {
  readonly name: 'sft' | 'dpo';
  readonly steps: number;
  readonly learningRate: number;
  /** Passes over the training data that `steps` steps make. */
  epochsAfter(steps: number): number;
  /** Called once, before the phase's first step, and not when a checkpoint takes up the phase after it. */
  begin(): void;
  /** What a checkpoint must keep beside weights, moments and generator; empty where there is nothing. */
  state(): Float64Array;
  restore(state: Float64Array): void;
  /** Adds one batch's gradient to the zeroed `gradient`; the result has `loss`. */
  step(gradient: Float64Array, random: Random): Measurements;
  /** Measured on what was held out; names start with `eval_`. */
  evaluate(): Measurements;
}
