/**
 * Bytes of one line that are kept; what is longer is cut here and says how much is missing. A trainer that prints 10 MB
 * without a newline must cost neither memory nor an event of that size.
 */
export const maxLineBytes = 16 * 1024;

/**
 * Unfinished text up to this length is looked at before its end: a bar's newest refresh has no end before the next one
 * comes, which may be minutes later.
 */
const maxGlimpse = 512;

export interface Segment {
  readonly text: string;
  /** `return`: a lone carriage return, so the next segment is written over this one. */
  readonly end: 'newline' | 'return' | 'close';
}

export interface SegmentReader {
  /** The segments that these bytes complete. `\n` and `\r\n` (also `\r\r\n`) end a line, a lone `\r` a refresh. */
  push(chunk: Uint8Array): Segment[];
  /** What is left when the stream has ended. */
  close(): Segment[];
  /** The unfinished text where it may be a whole bar: short, and ending with a bracket or a carriage return. */
  glimpse(): string | undefined;
}

const newline = 0x0a;
const carriageReturn = 0x0d;
const closingBracket = 0x5d;

/** Cuts a byte stream into lines and refreshes; text is decoded a segment at a time, so chunks may split characters. */
export function createSegmentReader(): SegmentReader {
  const kept = new Uint8Array(maxLineBytes);
  let length = 0;
  let dropped = 0;
  // Whether this return ends a line or a refresh depends on the byte after it, which may be in the next chunk.
  let returned = false;

  const take = (chunk: Uint8Array, start: number, end: number): void => {
    if (start === end) return;
    const fitting = Math.min(end - start, maxLineBytes - length);
    kept.set(chunk.subarray(start, start + fitting), length);
    length += fitting;
    dropped += end - start - fitting;
  };
  const finish = (end: Segment['end']): Segment => {
    const text = decodeLine(kept.subarray(0, length), dropped);
    length = 0;
    dropped = 0;
    returned = false;
    return { text, end };
  };

  return {
    push(chunk) {
      const segments: Segment[] = [];
      let start = 0;
      for (let i = 0; i < chunk.length; i += 1) {
        const byte = chunk[i];
        if (byte === newline) {
          take(chunk, start, i);
          segments.push(finish('newline'));
          start = i + 1;
        } else if (byte === carriageReturn) {
          take(chunk, start, i);
          returned = true;
          start = i + 1;
        } else if (returned) {
          segments.push(finish('return'));
        }
      }
      take(chunk, start, chunk.length);
      return segments;
    },
    close: () => (length > 0 ? [finish('close')] : []),
    glimpse() {
      const mayBeWhole = returned || kept[length - 1] === closingBracket;
      if (length === 0 || length > maxGlimpse || !mayBeWhole) return undefined;
      return decodeLine(kept.subarray(0, length), 0);
    },
  };
}

function decodeLine(bytes: Uint8Array, dropped: number): string {
  if (dropped === 0) return decode(bytes);
  const whole = bytes.subarray(0, endOfLastCharacter(bytes));
  return `${decode(whole)}… [truncated ${dropped + bytes.length - whole.length} bytes]`;
}

/** Bytes that are not UTF-8 become U+FFFD. A BOM is text here: only a file's first bytes could be one. */
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

function decode(bytes: Uint8Array): string {
  return bytes.length === 0 ? '' : decoder.decode(bytes);
}

/** Where to cut so that a character which did not fit is left out whole. */
function endOfLastCharacter(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(4, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte < 0x80) break;
    if (byte < 0xc0) continue;
    const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    return needed > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}
