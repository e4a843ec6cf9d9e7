import { type BarState, initialBarState, judgeBar } from './bar-progress.ts';
import { type FieldContext, readFields, showsPercentScale } from './field-line.ts';
import { type FlatFields, parseFlatLiteral } from './flat-literal.ts';
import { createLevelReader } from './log-level.ts';
import type { MetricItem, OutputItem, ProgressItem } from './output-items.ts';
import { type Bar, parseBar } from './progress-bar.ts';
import { createSegmentReader, type Segment } from './segment-reader.ts';
import { cleanText } from './text.ts';

export interface OutputParser {
  /** What these bytes complete, in order. Chunks may end anywhere, inside a character too. */
  push(chunk: Uint8Array): OutputItem[];
  /** What is left once the stream has ended: a last line without newline. Nothing may be pushed after it. */
  end(): OutputItem[];
}

/**
 * Turns the raw output of any trainer into progress, metrics and log lines, incrementally: one parser a stream and run.
 *
 * - Lines of JSON and of Python dicts: see `readFields`; a metric that names no step gets that of the running bar, or
 *   else its own number, from 1. All other lines are log lines, except that blank ones are left out.
 * - tqdm bars: see `judgeBar` for which ones count. Refreshes are no log lines; consecutive ones give one progress item
 *   a push. The values behind the rate are a metric, one a step, as last drawn for that step. Bars that do not count
 *   become one log line when they are complete.
 * - Other text before a lone carriage return has been overwritten on the screen by the text after it: only the last such
 *   text is a log line, and so is what a bar overwrites.
 * - A line longer than `maxLineBytes` is cut and says so. Time is linear in the bytes pushed, memory is bounded.
 *
 * Logs, metrics and the last progress do not depend on how the bytes are cut into chunks.
 */
export function createOutputParser({ source }: { source: 'stdout' | 'stderr' }): OutputParser {
  const reader = createSegmentReader();
  const levelOf = createLevelReader(source);
  let items: OutputItem[] = [];
  let bars: BarState = initialBarState;
  let barStep: number | undefined;
  /** The values behind the bar at its newest step, held back because the same step may be drawn with newer ones. */
  let pendingMetric: MetricItem | undefined;
  let lastBarMetric = '';
  let loggedBar = '';
  /** The newest progress of a bar, held back until something else follows. */
  let refreshed: ProgressItem | undefined;
  let lastProgress = '';
  let overwritten: string | undefined;
  let progressIsPercent = false;
  let metricLines = 0;

  const release = (): void => {
    if (!refreshed) return;
    const key = JSON.stringify(refreshed);
    if (key !== lastProgress) items.push(refreshed);
    lastProgress = key;
    refreshed = undefined;
  };
  const releaseMetric = (): void => {
    if (!pendingMetric) return;
    const key = JSON.stringify(pendingMetric);
    if (key !== lastBarMetric) items.push(pendingMetric);
    lastBarMetric = key;
    pendingMetric = undefined;
  };
  const add = (...added: OutputItem[]): void => {
    release();
    releaseMetric();
    for (const item of added) {
      if (item.kind === 'metric') bars = { ...bars, measured: true };
      if (item.kind === 'progress') lastProgress = JSON.stringify(item);
      items.push(item);
    }
  };
  const log = (message: string): void => add({ kind: 'log', level: levelOf(message), message });
  const context = (): FieldContext => ({
    progressIsPercent,
    impliedStep: () => {
      metricLines += 1;
      return barStep ?? metricLines;
    },
  });

  const takeBar = (bar: Bar, end: Segment['end']): void => {
    const { state, counts, progress, step, epoch } = judgeBar(bars, bar);
    bars = state;
    if (counts) {
      barStep = step;
      if (progress) refreshed = progress;
      if (pendingMetric?.step !== step) releaseMetric();
      if (Object.keys(bar.values).length > 0) {
        pendingMetric = {
          kind: 'metric',
          step,
          ...(epoch === undefined ? {} : { epoch }),
          values: bar.values,
        };
      }
      if (end !== 'return') releaseMetric();
      if (end !== 'return' && bar.done === bar.total) release();
    } else if (
      end !== 'return' &&
      bar.total !== undefined &&
      bar.done >= bar.total &&
      bar.text !== loggedBar
    ) {
      loggedBar = bar.text;
      add({ kind: 'log', level: 'info', message: bar.text });
    }
  };

  const takeText = (text: string, end: Segment['end']): void => {
    if (text.trim() === '') {
      if (end !== 'return' && overwritten !== undefined) log(overwritten);
      if (end !== 'return') overwritten = undefined;
      return;
    }
    const bar = parseBar(text);
    if (bar) {
      if (overwritten !== undefined) log(overwritten);
      overwritten = undefined;
      takeBar(bar, end);
      if (bar.rest !== '') takeText(bar.rest, end);
      return;
    }
    const fields = fieldsIn(text);
    overwritten = fields === undefined && end === 'return' ? text : undefined;
    if (fields) {
      progressIsPercent ||= showsPercentScale(fields);
      add(...readFields(fields, text, context()));
    } else if (end !== 'return') {
      log(text.trimEnd());
    }
  };

  const finish = (): OutputItem[] => {
    release();
    const done = items;
    items = [];
    return done;
  };
  const take = (segments: readonly Segment[]): void => {
    for (const { text, end } of segments) takeText(cleanText(text), end);
  };

  return {
    push(chunk) {
      take(reader.push(chunk));
      const unfinished = reader.glimpse();
      const bar = unfinished === undefined ? undefined : parseBar(cleanText(unfinished));
      const newest = bar && judgeBar(bars, bar).progress;
      if (newest) refreshed = newest;
      return finish();
    },
    end() {
      take(reader.close());
      if (overwritten !== undefined) log(overwritten);
      overwritten = undefined;
      releaseMetric();
      return finish();
    },
  };
}

function fieldsIn(text: string): FlatFields | undefined {
  const trimmed = text.trim();
  if (!trimmed.startsWith('{') || !trimmed.endsWith('}')) return undefined;
  try {
    return JSON.parse(trimmed) as FlatFields;
  } catch {
    return parseFlatLiteral(trimmed);
  }
}
