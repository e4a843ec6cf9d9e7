/** Patterns that backtrack without end in V8, each with a text that makes them. */
const a = 'a'.repeat(50_000);

export const backtracking: readonly (readonly [pattern: string, text: string])[] = [
  ['^(a+)+$', `${a}!`],
  ['^(a*)*$', `${a}!`],
  ['^(a|a)*$', `${a}!`],
  ['^(a|aa)+$', `${a}!`],
  ['^(a|a?)+$', `${a}!`],
  ['^([a-z]+)*$', `${a}1`],
  ['^(([a-z])+.)+[A-Z]([a-z])+$', a],
  ['^(.*a){20}$', `${a}!`],
  ['(x+x+)+y', 'x'.repeat(50_000)],
  ['^(\\w+\\s?)*$', `${'word '.repeat(10_000)}!`],
  ['^(\\d+)*[^\\d]$', '1'.repeat(50_000)],
  ['(.*?,){20}P', '1,'.repeat(25_000)],
  ['\\s+$', `${' '.repeat(50_000)}x`],
  ['^\\s*(.*)\\s*:\\s*(.*)\\s*$', ' '.repeat(50_000)],
  ['^([\\w.-]+)+@([\\w-]+\\.)+com$', `${'a.'.repeat(25_000)}@`],
  ['^(https?://)?([\\da-z.-]+)\\.([a-z.]{2,6})([/\\w .-]*)*/?$', `http://a.bc${'/a'.repeat(25_000)}!`],
  ['<([a-z]+)([^<]+)*(?:>(.*)</a>|\\s+/>)', `<${'a '.repeat(25_000)}`],
  ['^(?:(?:(?:(?:a+)+)+)+)+$', `${a}!`],
  ['(a?){25}(a){25}$', 'a'.repeat(24)],
  ['^(a+)+\\1$', `${a}!`],
];
