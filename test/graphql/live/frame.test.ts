import { describe, expect, it } from 'vitest';
import * as ws from 'ws';
import { Frame, type MessageWriter, operationId } from '../../../src/graphql/live/frame.ts';
import { seededRandom } from '../../support/random.ts';

const TEXT = 1;

/** What its types leave out. */
const { Sender } = ws as unknown as { Sender: { frame(data: Buffer, options: object): Buffer[] } };

/** What `ws` makes of a message that it sends as a server. */
function framedByWs(message: string): Buffer {
  const options = { fin: true, rsv1: false, opcode: TEXT, mask: false, readOnly: true };
  return Buffer.concat(Sender.frame(Buffer.from(message), options));
}

const message = (id: string, json: string) => `{"id":${JSON.stringify(id)},"type":"next","payload":${json}}`;
const madeBy = (id: string, json: string) => Buffer.concat(sent(new Frame(json), id));

/** The pieces of a message as they are handed to a connection, which sends them at once or keeps them for later. */
function sent(frame: Frame, id: string, isSent = true): readonly Buffer[] {
  const written: Buffer[] = [];
  const connection: MessageWriter = {
    write(...pieces) {
      written.push(...pieces);
      return isSent;
    },
  };
  frame.sendOverSocket(operationId(id), connection);
  return written;
}

/** JSON that makes a message of so many bytes. */
function jsonFor(id: string, bytes: number): string {
  const rest = bytes - Buffer.byteLength(message(id, '""'));
  return JSON.stringify('x'.repeat(rest));
}

describe('a frame for a WebSocket', () => {
  const lengths = [40, 64, 123, 124, 125, 126, 127, 128, 255, 256, 65_534, 65_535, 65_536, 65_537, 1_048_576];

  it.each(lengths)('of %d bytes is, byte for byte, what ws would send', (bytes) => {
    const frame = madeBy('1', jsonFor('1', bytes));
    expect(frame.equals(framedByWs(message('1', jsonFor('1', bytes))))).toBe(true);
    expect(frame.length - bytes).toBe(bytes <= 125 ? 2 : bytes <= 65_535 ? 4 : 10);
  });

  it.each([
    ['a uuid', 'a9a3a4f0-7f4b-4d83-8a5e-3f0a7a1c9f11'],
    ['quotes and backslashes', '"\\"'],
    ['lines', 'a\nb\r\u2028'],
    ['other scripts', 'läuft 運行 🏃'],
    ['half a character', 'x\ud83c'],
    ['nothing', ''],
    ['as much as a message may hold', 'i'.repeat(70_000)],
  ])('carries an id of %s as it is', (_what, id) => {
    const json = '{"data":{"text":"läuft 🏃"}}';
    const frame = madeBy(id, json);
    expect(frame.equals(framedByWs(message(id, json)))).toBe(true);
  });

  it('is written again with another id in place, once it has been sent', () => {
    const frame = new Frame('{"data":1}');
    const [first] = sent(frame, 'one');
    for (const id of ['two', 'one', 'lä', 'six']) {
      const [bytes] = sent(frame, id);
      expect(bytes).toBe(first);
      expect(bytes?.equals(framedByWs(message(id, '{"data":1}')))).toBe(true);
    }
  });

  it('is shared by operations of one id, also while it waits to be sent', () => {
    const frame = new Frame('{"data":1}');
    const [first] = sent(frame, '1', false);
    expect(sent(frame, '1')[0]).toBe(first);
    expect(sent(frame, '1', false)[0]).toBe(first);
    expect(sent(frame, '2')[0]).not.toBe(first);
  });

  it('stays as it is for a connection that still has it to send, whoever comes after', () => {
    const random = seededRandom(7);
    const frame = new Frame('{"data":"läuft"}');
    const kept: { bytes: Buffer | undefined; id: string }[] = [];
    for (let i = 0; i < 2_000; i += 1) {
      const id = String(Math.floor(random() * 120));
      const isSent = random() < 0.7;
      const [bytes] = sent(frame, id, isSent);
      expect(bytes?.equals(framedByWs(message(id, '{"data":"läuft"}')))).toBe(true);
      if (!isSent) kept.push({ bytes, id });
    }
    for (const { bytes, id } of kept) {
      expect(bytes?.equals(framedByWs(message(id, '{"data":"läuft"}')))).toBe(true);
    }
  });

  it('shares a large payload among all, copied for none', () => {
    const frame = new Frame(jsonFor('1', 20_000));
    const [, one] = sent(frame, '1');
    const [, two] = sent(frame, '2');
    expect(one).toBeDefined();
    expect(two).toBe(one);
  });
});

describe('a frame for server-sent events', () => {
  it('is one event of one line, whatever lines are in its strings', () => {
    const json = JSON.stringify({
      data: { message: 'one\ntwo\r\nthree\r\ndata: four\n\nevent: complete\u2028' },
    });
    const text = new Frame(json).serverSent().toString();
    expect(text).toBe(`event: next\ndata: ${json}\n\n`);
    expect(text.split(/\r\n|\n|\r/)).toHaveLength(4);
  });

  it('is made once', () => {
    const frame = new Frame('{"data":1}');
    expect(frame.serverSent()).toBe(frame.serverSent());
  });
});
