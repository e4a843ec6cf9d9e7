import { searchable } from './ids.ts';

/** Enough for any sentence; a longer text is somebody's log, and every word of it would be looked for. */
export const MAX_SEARCH = 1_000;

/** What stands for a text in an index of its words; the migration error_search has the same list. */
const PUNCTUATION = '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~';

/**
 * A search text as `websearch_to_tsquery` shall read it: words are cut where the index cuts them, so a phrase in
 * quotes, `or` and a `-` in front of a word keep their meaning and all other punctuation is space. Takes any text.
 */
export function searchWords(text: string): string {
  return searchable(text.slice(0, MAX_SEARCH))
    .replaceAll(/[!#-,./:-@[-`{-~]/g, ' ')
    .replaceAll(/(?<=[^\s"])-|-(?=[\s"-]|$)/g, ' ');
}

/**
 * SQL for the words of a text, cut like those that are searched for. More than 50,000 characters of one text are not
 * looked at: a tsvector ends at 1 MB and raises an error beyond.
 */
export function wordsOf(expression: string): string {
  const punctuation = PUNCTUATION.replaceAll("'", "''");
  return `to_tsvector('simple', translate(left(${expression}, 50000), '${punctuation}', '${' '.repeat(PUNCTUATION.length)}'))`;
}
