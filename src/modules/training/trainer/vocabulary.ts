import type { Turn } from './records.ts';

/** Tokens below `firstCharacter` are no text: padding before a document, unknown, end of document, who speaks. */
export const token = { pad: 0, unknown: 1, end: 2, system: 3, user: 4, assistant: 5, tool: 6 } as const;
export const firstCharacter = 7;

export interface Vocabulary {
  /** Characters (code points) in token order, from `firstCharacter` on. */
  readonly characters: readonly string[];
  /** Tokens in all, special ones included. */
  readonly size: number;
  /** The token of a character; `token.unknown` for one that is not in the vocabulary. */
  encode(character: string): number;
}

export function vocabularyOf(characters: readonly string[]): Vocabulary {
  const tokens = new Map(characters.map((character, index) => [character, firstCharacter + index]));
  return {
    characters,
    size: firstCharacter + characters.length,
    encode: (character) => tokens.get(character) ?? token.unknown,
  };
}

/** The `limit` most frequent characters of the texts, ties in code point order, so that one text gives one vocabulary. */
export function learnVocabulary(texts: Iterable<string>, limit: number): Vocabulary {
  const counts = new Map<string, number>();
  for (const text of texts) {
    for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
  }
  const ranked = [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  return vocabularyOf(ranked.slice(0, limit).map(([character]) => character));
}

/** Who speaks, then what is said, for each turn. */
export function encodeTurns(vocabulary: Vocabulary, turns: readonly Turn[]): number[] {
  const tokens: number[] = [];
  for (const turn of turns) {
    tokens.push(token[turn.role]);
    for (const character of turn.text) tokens.push(vocabulary.encode(character));
  }
  return tokens;
}

/** The token as text: the start of a turn is a new line, unknown is U+FFFD, padding and end are nothing. */
export function decodeToken(vocabulary: Vocabulary, id: number): string {
  if (id >= firstCharacter) return vocabulary.characters[id - firstCharacter] ?? '';
  if (id === token.unknown) return '\ufffd';
  return id === token.pad || id === token.end ? '' : '\n';
}
