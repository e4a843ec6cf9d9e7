/** WebSocket frames (RFC 6455) as a client needs them; a full client took more of the two cores than the server. */
export const TEXT = 1;
export const CLOSE = 8;
export const PING = 9;
export const PONG = 10;

const FINAL = 0x80;
const MASKED = 0x80;

/** Where a frame's payload lies in the bytes that came. */
export type Frame = { opcode: number; start: number; end: number };

/** The frame that begins at an offset; undefined where it has not come as a whole. */
export function frameAt(bytes: Buffer, offset: number): Frame | undefined {
  if (bytes.length < offset + 2) return undefined;
  const opcode = bytes.readUInt8(offset) & 0x0f;
  const short = bytes.readUInt8(offset + 1) & 0x7f;
  const start = offset + 2 + (short === 126 ? 2 : short === 127 ? 8 : 0);
  if (bytes.length < start) return undefined;
  const length =
    short === 126
      ? bytes.readUInt16BE(offset + 2)
      : short === 127
        ? Number(bytes.readBigUInt64BE(offset + 2))
        : short;
  const end = start + length;
  return bytes.length < end ? undefined : { opcode, start, end };
}

/** A frame as clients send it: masked, with zeros, which leave the payload as it is. */
export function clientFrame(opcode: number, payload: Buffer): Buffer {
  const { length } = payload;
  if (length > 0xffff) throw new Error(`A frame of ${length} bytes is none that this client sends.`);
  const head = length < 126 ? [MASKED | length] : [MASKED | 126, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([FINAL | opcode, ...head, 0, 0, 0, 0]), payload]);
}
