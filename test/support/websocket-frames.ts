/** Frames of RFC 6455, section 5.2, by hand: for what a library would refuse to send. */
export const OPCODES = {
  continuation: 0x0,
  text: 0x1,
  binary: 0x2,
  close: 0x8,
  ping: 0x9,
  pong: 0xa,
} as const;

export type Frame = { opcode: number; isFinal: boolean; payload: Buffer };

export type FrameOptions = {
  payload?: string | Buffer;
  /** Default: true. */
  isFinal?: boolean;
  /** Default: true, as a client must. */
  isMasked?: boolean;
  /** RSV1 to RSV3, which belong to extensions; default: 0. */
  reserved?: number;
  /** What the header says instead of the payload's length. */
  claimedLength?: number;
};

export function encodeFrame(opcode: number, options: FrameOptions = {}): Buffer {
  const { isFinal = true, isMasked = true, reserved = 0 } = options;
  const payload = Buffer.from(options.payload ?? '');
  const first = (isFinal ? 0x80 : 0) | (reserved << 4) | opcode;
  const length = lengthOf(options.claimedLength ?? payload.length, isMasked);
  if (!isMasked) return Buffer.concat([Buffer.of(first), length, payload]);
  const mask = Buffer.of(0x12, 0x34, 0x56, 0x78);
  return Buffer.concat([
    Buffer.of(first),
    length,
    mask,
    payload.map((byte, at) => byte ^ (mask[at % 4] ?? 0)),
  ]);
}

function lengthOf(length: number, isMasked: boolean): Buffer {
  const bit = isMasked ? 0x80 : 0;
  if (length < 126) return Buffer.of(bit | length);
  const bytes = Buffer.alloc(length < 65_536 ? 3 : 9);
  bytes[0] = bit | (length < 65_536 ? 126 : 127);
  if (length < 65_536) bytes.writeUInt16BE(length, 1);
  else bytes.writeBigUInt64BE(BigInt(length), 1);
  return bytes;
}

/** The first frame of what a server sent, and the bytes after it; undefined while it is not whole. */
export function decodeFrame(bytes: Buffer): { frame: Frame; rest: Buffer } | undefined {
  if (bytes.length < 2) return undefined;
  const short = bytes.readUInt8(1) & 0x7f;
  const start = short < 126 ? 2 : short === 126 ? 4 : 10;
  if (bytes.length < start) return undefined;
  const length =
    short < 126 ? short : short === 126 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
  if (bytes.length < start + length) return undefined;
  const first = bytes.readUInt8(0);
  return {
    frame: {
      opcode: first & 0x0f,
      isFinal: (first & 0x80) !== 0,
      payload: bytes.subarray(start, start + length),
    },
    rest: bytes.subarray(start + length),
  };
}
