import { clampPercent, type ProgressItem, percentOf } from './output-items.ts';
import type { Bar } from './progress-bar.ts';

/** What is known of a run's bars so far. */
export interface BarState {
  /** The unprefixed bar that stands for the run. */
  readonly main?: { readonly total: number; readonly complete: boolean };
  /** A bar named for training was seen: unprefixed ones are something else then. */
  readonly named: boolean;
  /** A metric was seen while `main` was running: it is the training, and what follows it is evaluation. */
  readonly measured: boolean;
  /** Epochs count from 0 (Lightning) and not from 1. */
  readonly fromZero: boolean;
}

export const initialBarState: BarState = { named: false, measured: false, fromZero: false };

export interface BarJudgement {
  readonly state: BarState;
  /** Whether the bar tells of the training at all. */
  readonly counts: boolean;
  readonly progress?: ProgressItem;
  /** The step that the bar's postfix values belong to, over all epochs. */
  readonly step: number;
  readonly epoch?: number;
}

const trainingName =
  /^(?:train(?:ing)?|epochs?|steps?|global[ _]steps?|iterations?|fit(?:ting)?|fine-?tun(?:e|ing)|sft|dpo)(?![a-z])/i;
const epochName = /epochs?[ _:#]{0,3}(\d{1,7})(?:\s?\/\s?(\d{1,7}))?/i;
/** Rates of downloads and of dataset mapping. */
const foreignUnit = /^(?:i?B|bytes|examples?|files?|ex|shards?)$/i;

/**
 * Decides what a bar says of the run. Only bars without prefix, or with one that begins with a word for training
 * (train, epoch, step, fit, …), count; those that count bytes, files or dataset examples never do. Hugging Face's
 * evaluation bars have no prefix either: an unprefixed bar with another total is taken for the run only after the
 * former one ended without a metric, as a preparation would.
 *
 * `Epoch 2/3` is a share of the whole. Where the number of epochs is not told (`Epoch 1:`), percent is the epoch's own.
 */
export function judgeBar(state: BarState, bar: Bar): BarJudgement {
  const { prefix, done, total } = bar;
  const ignored: BarJudgement = { state, counts: false, step: done };
  if (foreignUnit.test(bar.unit)) return ignored;
  const head = prefix.slice(0, 80);
  if (head !== '') return trainingName.test(head) ? judgeNamed(state, bar, head) : ignored;
  if (total === undefined) return { ...ignored, counts: true };
  const { main } = state;
  const another = main !== undefined && main.total !== total;
  if (state.named || (another && (!main.complete || state.measured))) return ignored;
  const measured = another ? false : state.measured;
  return {
    state: { ...state, main: { total, complete: done >= total }, measured },
    counts: true,
    progress: progressOf(bar, percentOf(done, total)),
    step: done,
  };
}

function judgeNamed(state: BarState, bar: Bar, head: string): BarJudgement {
  const { done, total } = bar;
  const match = epochName.exec(head);
  if (!match) {
    return {
      state: { ...state, named: true },
      counts: true,
      ...(total === undefined ? {} : { progress: progressOf(bar, percentOf(done, total)) }),
      step: done,
    };
  }
  const epoch = Number(match[1]);
  const epochs = match[2] === undefined ? undefined : Number(match[2]);
  const fromZero = state.fromZero || epoch === 0;
  const before = fromZero ? epoch : epoch - 1;
  const next = { state: { ...state, named: true, fromZero }, counts: true, epoch };
  if (total === undefined) return { ...next, step: done };
  const step = before * total + done;
  if (!epochs) return { ...next, step, progress: progressOf(bar, percentOf(done, total)) };
  const progress: ProgressItem = {
    kind: 'progress',
    percent: clampPercent((100 * (before + done / total)) / epochs),
    step,
    totalSteps: epochs * total,
  };
  return { ...next, step, progress };
}

function progressOf({ done, total, etaSeconds }: Bar, percent: number): ProgressItem {
  return {
    kind: 'progress',
    percent,
    step: done,
    ...(total === undefined ? {} : { totalSteps: total }),
    ...(etaSeconds === undefined ? {} : { etaSeconds }),
  };
}
