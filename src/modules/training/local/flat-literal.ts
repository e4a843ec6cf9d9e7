export type FlatFields = Readonly<Record<string, unknown>>;

const numberOrName = /[-+\w.]/;
const names: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ['None', null],
  ['null', null],
  ['True', true],
  ['true', true],
  ['False', false],
  ['false', false],
  ['nan', Number.NaN],
  ['NaN', Number.NaN],
  ['inf', Number.POSITIVE_INFINITY],
  ['-inf', Number.NEGATIVE_INFINITY],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
]);

/**
 * Reads a one-level dict as Python prints it, `{'loss': 2.3, 'grad_norm': nan, 'epoch': '0.1'}`, which is also what
 * Python's json makes of NaN. Strings that are numbers become numbers: newer Hugging Face trainers quote them.
 * undefined for anything else; nested values are anything else.
 */
export function parseFlatLiteral(text: string): FlatFields | undefined {
  const entries: [string, unknown][] = [];
  let at = skipSpace(text, 0);
  if (text[at] !== '{') return undefined;
  at = skipSpace(text, at + 1);
  while (text[at] !== '}') {
    const key = readString(text, at);
    if (!key) return undefined;
    at = skipSpace(text, key.end);
    if (text[at] !== ':') return undefined;
    const value = readValue(text, skipSpace(text, at + 1));
    if (!value) return undefined;
    entries.push([key.value, value.value]);
    at = skipSpace(text, value.end);
    if (text[at] === ',') at = skipSpace(text, at + 1);
    else if (text[at] !== '}') return undefined;
  }
  return skipSpace(text, at + 1) === text.length ? Object.fromEntries(entries) : undefined;
}

interface Read<T> {
  readonly value: T;
  readonly end: number;
}

function readValue(text: string, start: number): Read<unknown> | undefined {
  const quoted = readString(text, start);
  if (quoted) return { value: numberIn(quoted.value) ?? quoted.value, end: quoted.end };
  let end = start;
  while (end < text.length && numberOrName.test(text.charAt(end))) end += 1;
  const word = text.slice(start, end);
  if (names.has(word)) return { value: names.get(word), end };
  const value = numberIn(word);
  return value === undefined ? undefined : { value, end };
}

function numberIn(word: string): number | undefined {
  if (!/^[-+]?[\d.]/.test(word)) {
    const named = names.get(word);
    return typeof named === 'number' ? named : undefined;
  }
  const value = Number(word);
  return Number.isNaN(value) ? undefined : value;
}

function readString(text: string, start: number): Read<string> | undefined {
  const quote = text[start];
  if (quote !== "'" && quote !== '"') return undefined;
  let value = '';
  for (let i = start + 1; i < text.length; i += 1) {
    if (text[i] === quote) return { value, end: i + 1 };
    if (text[i] === '\\') i += 1;
    value += text.charAt(i);
  }
  return undefined;
}

function skipSpace(text: string, start: number): number {
  let at = start;
  while (text[at] === ' ' || text[at] === '\t') at += 1;
  return at;
}
