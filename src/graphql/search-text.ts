import { searchable } from './ids.ts';

/** Enough for any sentence; a longer text is somebody's log, and every word of it would be looked for. */
export const MAX_SEARCH = 1_000;

/** What stands for a text in an index of its words; the migration error_search has the same list. */
const PUNCTUATION = '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~';

/**
 * A search text as `websearch_to_tsquery` shall read it: words are cut where the index cuts them, so a phrase in
 * quotes, `or` and a `-` in front of a word or phrase keep their meaning and all other punctuation is space. Takes any
 * text.
 */
export function searchWords(text: string): string {
  return searchable(text.slice(0, MAX_SEARCH))
    .replaceAll(/[!#-,./:-@[-`{-~]/g, ' ')
    .split('"')
    .map((part, at) => part.replaceAll(at % 2 === 0 ? /(?<=\S)-|-(?=[\s-])/g : /-/g, ' '))
    .join('"');
}

/**
 * SQL for the words of a text, cut like those that are searched for. More than 50,000 characters of one text are not
 * looked at: a tsvector ends at 1 MB and raises an error beyond.
 */
export function wordsOf(expression: string): string {
  const punctuation = PUNCTUATION.replaceAll("'", "''");
  return `to_tsvector('simple', translate(left(${expression}, 50000), '${punctuation}', '${' '.repeat(PUNCTUATION.length)}'))`;
}

/**
 * A word that every match has in it, letter by letter, for a cheap look before text is cut into words: the longest that
 * the search asks for. Undefined where nothing is sure, as with `or`. Only words of ASCII letters are: the parser makes
 * one word of each, of whatever else perhaps two.
 *
 * @param words as `searchWords` returns them
 */
export function certainWord(words: string): string | undefined {
  const parts = words.split('"');
  // An open quote, and `or` in quotes, are rare enough to look at every line for.
  if (parts.length % 2 === 0 || /(?<![^\s"])or(?![^\s"])/i.test(words)) return undefined;
  const wanted = parts.flatMap((part, at) => {
    const isNegated = at % 2 === 1 && parts[at - 1]?.endsWith('-');
    return isNegated ? [] : part.split(/\s+/).filter((word) => /^[A-Za-z]+$/.test(word));
  });
  return wanted.toSorted((a, b) => b.length - a.length)[0];
}
