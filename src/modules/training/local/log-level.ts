import type { LogLevel } from './output-items.ts';

/** Levels are looked for at the beginning of a line only, in a piece this long: patterns stay cheap on any input. */
const headLength = 256;

const word = '(DEBUG|INFO|WARNING|WARN|ERROR|CRITICAL|FATAL)';
const patterns: readonly RegExp[] = [
  // [2024-05-02 10:00:00,123] [INFO] [axolotl.train:120] …, [INFO|trainer.py:2134] …, [WARNING  ] …
  new RegExp(`^.{0,60}?\\[${word}\\s{0,8}[\\]|]`),
  // ERROR: …, WARNING:root:…, INFO 05-02 10:00:00 …, warning: …
  new RegExp(`^${word}(?=[:\\s|\\]]|$)`),
  /^(debug|info|warning|warn|error|critical|fatal):/i,
  // 2024-05-02 10:00:00,123 - trl - INFO - …, 2024-05-02 10:00:00.123 | INFO | …
  new RegExp(`^\\[?\\d{4}-\\d\\d-\\d\\d[T ]\\d\\d:\\d\\d:\\d\\d.{0,80}?[\\s|-]${word}(?=[\\s|:-])`),
  // I0502 10:00:00.123456 …, 2024-05-02 10:00:00.123456: W tensorflow/…
  /^([IWEF])\d{4} \d\d:\d\d:\d\d/,
  /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{1,9}: ([IWEF]) /,
];
const levels: Readonly<Record<string, LogLevel>> = {
  debug: 'debug',
  trace: 'debug',
  info: 'info',
  notice: 'info',
  i: 'info',
  warn: 'warning',
  warning: 'warning',
  w: 'warning',
  error: 'error',
  critical: 'error',
  fatal: 'error',
  e: 'error',
  f: 'error',
};
const pythonWarning = /(?::\d{1,7}: |^)\w{0,60}Warning: /;
const exceptionLine = /^[A-Za-z_][\w.]{0,200}(?:Error|Exception|Interrupt|Exit|Iteration)(?::|$)/;
const tracebackStart = 'Traceback (most recent call last)';
const chained = /^(?:During handling of the above exception|The above exception was the direct cause)/;

/** The level that goes by this name, in any case; undefined for other names. */
export function levelNamed(name: string): LogLevel | undefined {
  return levels[name.toLowerCase()];
}

/** pino's and bunyan's numbers. */
export function levelNumbered(value: number): LogLevel {
  if (value >= 50) return 'error';
  if (value >= 40) return 'warning';
  return value >= 30 ? 'info' : 'debug';
}

/**
 * Tells the level of each line of one stream in turn. A level is only claimed where the line claims one, be it as a
 * Python traceback (every line of it is an error) or warning; all else is info, stderr included, since Python's logging
 * and bars go there. An exception's line without a traceback counts on stderr alone: on stdout it is just text.
 */
export function createLevelReader(source: 'stdout' | 'stderr'): (line: string) => LogLevel {
  let tracebackPrefix: string | undefined;
  return (line) => {
    const head = line.slice(0, headLength);
    const start = head.indexOf(tracebackStart);
    if (start !== -1) {
      // torchrun puts "[rank0]: " before every line.
      tracebackPrefix = head.slice(0, start).trimStart();
      return 'error';
    }
    if (tracebackPrefix !== undefined) {
      const inner = head.startsWith(tracebackPrefix) ? head.slice(tracebackPrefix.length) : head;
      if (/^\s/.test(inner) || chained.test(inner)) return 'error';
      tracebackPrefix = undefined;
      // The exception's own line ends the traceback, whatever its class is called.
      if (/^[A-Za-z_][\w.]{0,200}(?::|$)/.test(inner)) return 'error';
    }
    if (chained.test(head)) return 'error';
    for (const pattern of patterns) {
      const level = pattern.exec(head)?.[1];
      if (level !== undefined) return levelNamed(level) ?? 'info';
    }
    if (pythonWarning.test(head)) return 'warning';
    return source === 'stderr' && exceptionLine.test(head) ? 'error' : 'info';
  };
}
