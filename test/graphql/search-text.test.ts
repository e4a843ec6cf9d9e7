import { describe, expect, it } from 'vitest';
import { certainWord, searchWords } from '../../src/graphql/search-text.ts';
import { HOSTILE_SEARCHES } from '../support/search-texts.ts';

describe('searchWords', () => {
  it.each([
    ['model.train()', 'model train  '],
    ['a-b -c --d e-', 'a b -c   d e '],
    ['"exit -1" -"a-b"', '"exit  1" -"a b"'],
    ['a\u0000b \ud800', 'a\uFFFDb \uFFFD'],
  ])('makes of %j what the index is made of: %j', (text, words) => {
    expect(searchWords(text)).toBe(words);
  });
});

describe('certainWord', () => {
  it.each([
    ['epoch', 'epoch'],
    ['a longer word', 'longer'],
    ['"in a phrase"', 'phrase'],
    ['good -badly', 'good'],
    ['good -"very badly"', 'good'],
    ['-badly', undefined],
    ['one or another', undefined],
    ['one OR another', undefined],
    ['"one or another"', undefined],
    ['order', 'order'],
    ['"open phrase', undefined],
    ['4242 naïve a1', undefined],
    ['', undefined],
  ])('of %j is %j', (text, word) => {
    expect(certainWord(searchWords(text))).toBe(word);
  });

  it('is letters alone, whatever is searched for', () => {
    for (const text of HOSTILE_SEARCHES) {
      expect(certainWord(searchWords(text)) ?? 'none').toMatch(/^[A-Za-z]+$/);
    }
  });
});
