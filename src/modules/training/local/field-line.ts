import type { FlatFields } from './flat-literal.ts';
import { levelNamed, levelNumbered } from './log-level.ts';
import { clampPercent, type LogItem, type MetricItem, type OutputItem, percentOf } from './output-items.ts';
import { cleanText } from './text.ts';

/** What lines before tell about how to read this one. */
export interface FieldContext {
  /** A `progress` above 1 was seen: it is a percentage, and 0.5 means half a percent. */
  readonly progressIsPercent: boolean;
  /** For a metric line that names no step, as Hugging Face's do not. */
  readonly impliedStep: () => number;
}

const stepNames = ['step', 'global_step', 'iteration'] as const;
const totalNames = ['total_steps', 'totalSteps', 'max_steps', 'num_steps', 'total'] as const;
const percentNames = ['percent', 'percentage', 'pct'] as const;
const etaNames = ['etaSeconds', 'eta_seconds', 'eta'] as const;
const bookkeeping: ReadonlySet<string> = new Set([
  ...stepNames,
  ...totalNames,
  ...percentNames,
  ...etaNames,
  ...[
    'progress',
    'epoch',
    'time',
    'timestamp',
    'ts',
    'created',
    'level',
    'pid',
    'rank',
    'v',
    'lineno',
    'thread',
  ],
]);
const trainingTypes: ReadonlySet<unknown> = new Set([
  'metric',
  'metrics',
  'eval',
  'train',
  'progress',
  'step',
]);
const metricName =
  /(?:^|[_/.])(?:loss|accuracy|acc|perplexity|ppl|grad_norm|learning_rate|lr|reward|rewards|margins?|runtime|bleu|f1)(?:$|[_/.])/;

/**
 * What a line of fields (JSON, or a Python dict) says: progress, metric values, a message, or several of them.
 *
 * `percent`, `percentage` and `pct` are 0–100. `progress` is 0–100 where it or one before it was above 1; else step and
 * total steps decide where the line has both; else it is a share of 1. Values are the finite numbers that are neither
 * position nor bookkeeping, also those in an object called `metrics` or `values`. A line with a number that is not finite
 * is kept as a log line too, and so is a line that tells nothing of training.
 */
export function readFields(fields: FlatFields, raw: string, context: FieldContext): OutputItem[] {
  if (!isOfTraining(fields)) return [logOf(fields, raw)];
  const items: OutputItem[] = [];
  const step = numberAt(fields, stepNames);
  const total = numberAt(fields, totalNames);
  const percent = percentIn(fields, step, total, context.progressIsPercent);
  const eta = numberAt(fields, etaNames);
  if (percent !== undefined) {
    items.push({
      kind: 'progress',
      percent,
      ...(step === undefined ? {} : { step }),
      ...(total === undefined ? {} : { totalSteps: total }),
      ...(eta === undefined ? {} : { etaSeconds: eta }),
    });
  }
  const numbers = numbersIn(fields);
  const finite = numbers.filter(([, value]) => Number.isFinite(value));
  if (finite.length > 0) items.push(metricOf(fields, finite, step ?? context.impliedStep()));
  const isWhole = finite.length === numbers.length;
  if (textAt(fields) !== undefined || !isWhole || items.length === 0) {
    const log = logOf(fields, raw);
    items.push(isWhole ? log : { ...log, level: 'warning' });
  }
  return items;
}

/** Whether the line's `progress` is on the scale to 100; lines after it are then read so too. */
export function showsPercentScale(fields: FlatFields): boolean {
  return typeof fields.progress === 'number' && fields.progress > 1;
}

function isOfTraining(fields: FlatFields): boolean {
  if (trainingTypes.has(fields.type)) return true;
  if ([...stepNames, ...percentNames, 'progress', 'epoch'].some((name) => typeof fields[name] === 'number')) {
    return true;
  }
  return numbersIn(fields).some(([name]) => metricName.test(name.slice(0, 120)));
}

function percentIn(
  fields: FlatFields,
  step: number | undefined,
  total: number | undefined,
  progressIsPercent: boolean,
): number | undefined {
  const percent = numberAt(fields, percentNames);
  if (percent !== undefined) return clampPercent(percent);
  const progress = numberAt(fields, ['progress']);
  if (progress !== undefined && (progress > 1 || progressIsPercent)) return clampPercent(progress);
  if (step !== undefined && total !== undefined && total > 0) return percentOf(step, total);
  return progress === undefined ? undefined : clampPercent(progress * 100);
}

function metricOf(fields: FlatFields, values: readonly [string, number][], step: number): MetricItem {
  const epoch = numberAt(fields, ['epoch']);
  return {
    kind: 'metric',
    step,
    ...(epoch === undefined ? {} : { epoch }),
    values: Object.fromEntries(values.map(([name, value]) => [cleanText(name), value])),
  };
}

function numbersIn(fields: FlatFields): [string, number][] {
  return Object.entries(fields).flatMap(([name, value]): [string, number][] => {
    if (typeof value === 'number') return bookkeeping.has(name) ? [] : [[name, value]];
    if ((name !== 'metrics' && name !== 'values') || typeof value !== 'object' || value === null) return [];
    return Object.entries(value).filter((entry): entry is [string, number] => typeof entry[1] === 'number');
  });
}

function logOf(fields: FlatFields, raw: string): LogItem {
  const { level } = fields;
  const named = typeof level === 'string' ? levelNamed(level) : undefined;
  const numbered = typeof level === 'number' ? levelNumbered(level) : undefined;
  return { kind: 'log', level: named ?? numbered ?? 'info', message: cleanText(textAt(fields) ?? raw) };
}

function textAt(fields: FlatFields): string | undefined {
  const text = fields.message ?? fields.msg;
  return typeof text === 'string' && text.trim() !== '' ? text : undefined;
}

function numberAt(fields: FlatFields, names: readonly string[]): number | undefined {
  for (const name of names) {
    const value = fields[name];
    if (typeof value === 'number' && Number.isFinite(value)) return value;
  }
  return undefined;
}
