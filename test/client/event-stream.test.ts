import { array, assert, integer, property, string } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createEventStreamParser } from '../../src/client/event-stream.ts';

const parsed = (...pieces: string[]) => pieces.flatMap(createEventStreamParser());

describe('a stream of server-sent events', () => {
  it('is read as the server writes it', () => {
    expect(parsed(':\n\n', 'event: next\ndata: {"data":{}}\n\n:\n\nevent: complete\ndata:\n\n')).toEqual([
      { event: 'next', data: '{"data":{}}' },
      { event: 'complete', data: '' },
    ]);
  });

  it.each(['\n', '\r\n', '\r'])('may break lines with %j', (end) => {
    const lines = ['event: next', 'data: one', 'data:two', 'id: 7', '', 'data', '', ''];
    expect(parsed(...lines.join(end), end)).toEqual([
      { event: 'next', data: 'one\ntwo' },
      { event: 'message', data: '' },
    ]);
  });

  it('says the same in whatever pieces it comes', () => {
    const messages = array(
      string().map((text) => JSON.stringify(text)),
      { maxLength: 5 },
    );
    assert(
      property(messages, array(integer({ min: 1, max: 9 })), (texts, sizes) => {
        const whole = texts.map((data) => `event: next\r\ndata: ${data}\r\n\r\n`).join('');
        const pieces: string[] = [];
        for (let at = 0, n = 0; at < whole.length; n += 1) {
          const size = sizes[n] ?? 1;
          pieces.push(whole.slice(at, at + size));
          at += size;
        }
        expect(parsed(...pieces).map(({ data }) => data)).toEqual(texts);
      }),
    );
  });
});
