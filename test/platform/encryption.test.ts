import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { createCipher, keyOf, UnreadableError } from '../../src/platform/encryption.ts';

const [first, second] = [randomBytes(32), randomBytes(32)] as const;

it('opens what it has sealed, and seals the same text differently every time', () => {
  const cipher = createCipher([first]);
  const sealed = [cipher.seal('päss\nword', 'a'), cipher.seal('päss\nword', 'a')];
  expect(sealed.map((text) => cipher.open(text, 'a'))).toEqual(['päss\nword', 'päss\nword']);
  expect(sealed[0]).not.toBe(sealed[1]);
  expect(sealed.join()).not.toContain('word');
});

it('opens nothing in another context, nothing that was changed, and nothing of another key', () => {
  const cipher = createCipher([first]);
  const sealed = cipher.seal('password', 'a');
  const [version, key, text = ''] = sealed.split('.');
  const bytes = Buffer.from(text, 'base64url');
  const changed = [...bytes.keys()].map((at) => {
    const copy = Buffer.from(bytes);
    copy[at] = (copy[at] ?? 0) ^ 1;
    return [version, key, copy.toString('base64url')].join('.');
  });
  const short = [version, key, bytes.subarray(0, 20).toString('base64url')].join('.');
  for (const wrong of [...changed, short, '', 'v1', 'v2.x.y', `v2.${key}.${text}`]) {
    expect(() => cipher.open(wrong, 'a')).toThrow(UnreadableError);
  }
  expect(() => cipher.open(sealed, 'b')).toThrow(UnreadableError);
  expect(() => createCipher([second]).open(sealed, 'a')).toThrow(UnreadableError);
});

it('opens with an older key what that has sealed, and seals with the first', () => {
  const old = createCipher([first]).seal('password', 'a');
  const rotated = createCipher([second, first]);
  expect(rotated.open(old, 'a')).toBe('password');
  expect(createCipher([second]).open(rotated.seal('password', 'a'), 'a')).toBe('password');
});

it('takes keys of 32 bytes in base64 alone', () => {
  expect(keyOf(first.toString('base64'))).toEqual(first);
  expect(keyOf(first.toString('base64url'))).toEqual(first);
  for (const wrong of [
    '',
    'secret',
    randomBytes(31).toString('base64'),
    first.toString('hex'),
    `${'a'.repeat(42)}!`,
  ]) {
    expect(keyOf(wrong)).toBeUndefined();
  }
});
