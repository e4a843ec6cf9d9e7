const escapeCode = 0x1b;
const bell = 0x07;
const tab = 0x09;

/**
 * What a terminal would show of the text: without colour and cursor sequences (CSI, OSC and two-character escapes) and
 * without control characters but tabs. NUL goes because Postgres's jsonb refuses it, and lone surrogates, which a JSON
 * escape can bring in, become U+FFFD. One pass, so that no input makes it slow.
 */
export function cleanText(text: string): string {
  let result = '';
  let kept = 0;
  let i = 0;
  while (i < text.length) {
    const code = text.charCodeAt(i);
    if ((code >= 0x20 && code !== 0x7f) || code === tab) {
      i += 1;
      continue;
    }
    result += text.slice(kept, i);
    i = code === escapeCode ? endOfEscape(text, i) : i + 1;
    kept = i;
  }
  return (result + text.slice(kept)).toWellFormed();
}

/** The index behind the escape sequence that starts at `start`; an unfinished one ends with the text. */
function endOfEscape(text: string, start: number): number {
  const kind = text[start + 1];
  if (kind !== '[' && kind !== ']') return start + 2;
  for (let i = start + 2; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (kind === '[') {
      if (code >= 0x40 && code <= 0x7e) return i + 1;
      // Not part of a sequence: what comes is text again.
      if (code < 0x20 || code > 0x7e) return i;
    } else {
      if (code === bell) return i + 1;
      if (code === escapeCode) return text[i + 1] === '\\' ? i + 2 : i;
    }
  }
  return text.length;
}
