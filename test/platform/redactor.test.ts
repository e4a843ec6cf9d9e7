import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Redactor } from '../../src/platform/redactor.ts';

const SECRET = 'p&ss "wörd"/+=\n$2 <b>';
const redactor = new Redactor([SECRET]);

describe('a secret is blotted out', () => {
  it.each([
    ['as it is', SECRET],
    ['in JSON', JSON.stringify({ a: SECRET })],
    ['in JSON within JSON', JSON.stringify(JSON.stringify(JSON.stringify(SECRET)))],
    ['in a URL', encodeURIComponent(SECRET)],
    ['in a URL in lower case', encodeURIComponent(SECRET).replaceAll(/%../g, (code) => code.toLowerCase())],
    ['in a form', new URLSearchParams({ a: SECRET }).toString()],
    ['in base64', Buffer.from(SECRET).toString('base64')],
    ['in base64 for URLs', Buffer.from(SECRET).toString('base64url')],
    ['in the base64 of a user and a password', Buffer.from(`user:${SECRET}`).toString('base64')],
    ['in the base64 of something longer', Buffer.from(`{"ab":"${SECRET}"}`).toString('base64')],
    [
      'in HTML',
      SECRET.replaceAll('&', '&amp;')
        .replaceAll('<', '&lt;')
        .replaceAll('>', '&gt;')
        .replaceAll('"', '&quot;'),
    ],
  ])('%s', (_how, text) => {
    const blotted = redactor.text(`before ${text} after`);
    expect(blotted).toContain('[secret]');
    expect(blotted).toMatch(/^before .*after$/s);
    for (const part of ['wörd', 'w%C3', 'w%c3', Buffer.from('wörd').toString('base64').slice(0, 4)]) {
      expect(blotted).not.toContain(part);
    }
  });

  it('in base64 of whatever is around it', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 9 }), fc.uint8Array({ maxLength: 9 }), (before, after) => {
        const text = Buffer.concat([before, Buffer.from('s3cr3t-t0ken'), after]).toString('base64');
        const blotted = new Redactor(['s3cr3t-t0ken']).text(text);
        return blotted.includes('[secret]') && !Buffer.from(blotted, 'base64').includes('s3cr3t');
      }),
    );
  });

  it('line by line, where it has several', () => {
    const key = '-----BEGIN KEY-----\nMIIEvQIBADANBgkq\nhkiG9w0BAQEFAASC\n-----END KEY-----\n';
    expect(new Redactor([key]).text('line: hkiG9w0BAQEFAASC')).toBe('line: [secret]');
  });

  it('in every text of a JSON value, its keys and its numbers', () => {
    const value = {
      'key-abcdefgh': ['x abcdefgh y', { n: 12345678, m: 1, b: true, z: null }],
      deep: [[['abcdefgh']]],
    };
    expect(new Redactor(['abcdefgh', '12345678']).json(value)).toEqual({
      'key-[secret]': ['x [secret] y', { n: '[secret]', m: 1, b: true, z: null }],
      deep: [[['[secret]']]],
    });
  });

  it('that was added later, and the longer one of two first', () => {
    const later = new Redactor(['password']);
    later.add('password-and-more');
    expect(later.text('password-and-more, password')).toBe('[secret], [secret]');
  });
});

it('leaves everything alone that holds none, and texts that are too short to be told from others', () => {
  const value = { a: ['b', 1, null] };
  expect(new Redactor(['', 'abc', '\n']).json(value)).toEqual(value);
  expect(new Redactor().text('anything')).toBe('anything');
});
