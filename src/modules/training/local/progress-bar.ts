/** One refresh of a tqdm bar (Hugging Face, Lightning, TRL and Axolotl all print these). */
export interface Bar {
  /** What stands before the bar, without the colon; '' for none. */
  readonly prefix: string;
  readonly done: number;
  /** Absent where the loop does not know its end. */
  readonly total?: number;
  /** Seconds left as the bar estimates them. */
  readonly etaSeconds?: number;
  /** What the rate counts, such as `it`, `B` or `examples`; '' where there is no rate yet. */
  readonly unit: string;
  /** The postfix behind the rate: `loss=2.3` and the like, numbers only. */
  readonly values: Readonly<Record<string, number>>;
  /** The bar itself, and what was printed right behind it. */
  readonly text: string;
  readonly rest: string;
}

const elapsed = /^(?:\d{1,4}:)?\d{1,2}:\d\d(?=[<,\]])/;
const count = /^(\d{1,15}(?:\.\d{1,6})?)([kKMGTP]?)(?:i?B|it)?$/;
const percentBefore = /(\d{1,3})%$/;
const rate = /^(?:\?|[\d.]{1,16}[kKMGTP]?)\s?(?:(s)\/(.{1,40})|([^/]{1,40})\/s)$/;
const scale: Readonly<Record<string, number>> = { '': 1, k: 1e3, K: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15 };

/**
 * Reads `prefix:  10%|█   | 10/100 [00:01<00:09,  9.9it/s, loss=2.3]` and its forms without a total. Every pattern is
 * tried on a short piece whose place is found with indexOf, so a long line costs one pass.
 */
export function parseBar(text: string): Bar | undefined {
  for (let open = text.indexOf('['); open !== -1; open = text.indexOf('[', open + 1)) {
    const time = elapsed.exec(text.slice(open + 1, open + 16));
    if (time) return readBar(text, open, time[0].length);
  }
  return undefined;
}

function readBar(text: string, open: number, timeLength: number): Bar | undefined {
  const close = text.indexOf(']', open);
  if (close === -1) return undefined;
  const head = readHead(text.slice(0, open).trimEnd());
  if (!head) return undefined;
  const [times = '', rateText = '', ...postfix] = text.slice(open + 1, close).split(',');
  const left = times.slice(timeLength + 1);
  const match = rate.exec(rateText.trim());
  return {
    ...head,
    ...(elapsed.test(`${left}]`) ? { etaSeconds: secondsOf(left) } : {}),
    unit: match?.[2] ?? match?.[3] ?? '',
    values: readPostfix(match ? postfix : [rateText, ...postfix]),
    text: text.slice(0, close + 1).trim(),
    rest: text.slice(close + 1).trim(),
  };
}

/** What stands before the times: `prefix:  10%|█   | 10/100`, `prefix: |   | 10/?` or `prefix: 10it`. */
function readHead(head: string): Pick<Bar, 'prefix' | 'done' | 'total'> | undefined {
  const start = Math.max(head.lastIndexOf(' '), head.lastIndexOf('|')) + 1;
  const [doneText = '', totalText] = head.slice(start).split('/');
  const done = countOf(doneText);
  if (done === undefined) return undefined;
  const lead = head.slice(0, start).trimEnd();
  const total = totalText === undefined ? undefined : countOf(totalText);
  if (!lead.endsWith('|')) {
    const bare = lead === '' || lead.endsWith(':');
    return bare && totalText === undefined ? { prefix: prefixOf(lead), done } : undefined;
  }
  const barStart = lead.lastIndexOf('|', lead.length - 2);
  if (barStart === -1) return undefined;
  const before = lead.slice(0, barStart);
  const percent = percentBefore.exec(before.slice(-4));
  const prefix = prefixOf(percent ? before.slice(0, before.length - percent[0].length) : before);
  return total ? { prefix, done, total } : { prefix, done };
}

function prefixOf(text: string): string {
  let end = text.length;
  while (end > 0 && ' :'.includes(text.charAt(end - 1))) end -= 1;
  return text.slice(0, end).trimStart();
}

function countOf(text: string): number | undefined {
  const match = count.exec(text);
  if (!match) return undefined;
  return Math.round(Number(match[1]) * (scale[match[2] ?? ''] ?? 1));
}

function readPostfix(parts: readonly string[]): Record<string, number> {
  const values: [string, number][] = [];
  for (const part of parts) {
    const equals = part.indexOf('=');
    const name = part.slice(0, equals).trim();
    const text = part.slice(equals + 1).trim();
    const value = Number(text);
    // v_num is Lightning's number of the log folder.
    if (equals > 0 && name !== '' && name !== 'v_num' && text !== '' && Number.isFinite(value)) {
      values.push([name, value]);
    }
  }
  return Object.fromEntries(values);
}

function secondsOf(clock: string): number {
  return clock.split(':').reduce((sum, part) => sum * 60 + Number(part), 0);
}
