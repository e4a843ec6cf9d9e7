/** Frames of one payload for operations that have different ids; more than that are not worth remembering. */
const REMEMBERED = 4;

/**
 * From that size on a payload is handed to each connection as it is. Copied for each of a hundred that are behind it made
 * 80 MB of garbage a second; below, three pieces cost more than one copy.
 */
const SHARED = 16_384;

const END = '}'.charCodeAt(0);
const END_ALONE = Buffer.of(END);
const SSE_START = Buffer.from('event: next\ndata: ');
const SSE_END = Buffer.from('\n\n');

/** One result, serialised once for everybody it goes to. */
export class Frame {
  readonly #payload: Buffer;
  readonly #webSocket = new Map<string, Buffer>();
  #serverSent: Buffer | undefined;

  /** @param json of the result */
  constructor(json: string) {
    this.#payload = Buffer.from(json);
  }

  /**
   * A `next` message of graphql-transport-ws as an unmasked, unfragmented text frame (RFC 6455, 5.2), in pieces that are
   * to be written one right after the other.
   */
  webSocket(operation: OperationId): readonly Buffer[] {
    if (this.#payload.length < SHARED) return [this.#copied(operation)];
    const { start } = operation;
    const length = start.length + this.#payload.length + 1;
    const head = headLength(length);
    const beginning = Buffer.allocUnsafe(head + start.length);
    writeHead(beginning, length);
    beginning.set(start, head);
    return [beginning, this.#payload, END_ALONE];
  }

  #copied({ id, start }: OperationId): Buffer {
    const known = this.#webSocket.size < REMEMBERED ? this.#webSocket.get(id) : undefined;
    if (known) return known;
    const length = start.length + this.#payload.length + 1;
    const head = headLength(length);
    const frame = Buffer.allocUnsafe(head + length);
    writeHead(frame, length);
    frame.set(start, head);
    frame.set(this.#payload, head + start.length);
    frame[frame.length - 1] = END;
    if (this.#webSocket.size < REMEMBERED) this.#webSocket.set(id, frame);
    return frame;
  }

  /** A `next` event as server-sent events have it. */
  serverSent(): Buffer {
    this.#serverSent ??= Buffer.concat([SSE_START, this.#payload, SSE_END]);
    return this.#serverSent;
  }
}

/** An operation's id on its socket, with the beginning of its messages. */
export type OperationId = { readonly id: string; readonly start: Uint8Array };

export function operationId(id: string): OperationId {
  const start = `{"id":${JSON.stringify(id)},"type":"next","payload":`;
  // Kept as long as the operation: bytes of its own, not a part of a slab that would be kept with them.
  return { id, start: new TextEncoder().encode(start) };
}

/** The final fragment of a text message. */
const FIN_TEXT = 0x81;
const SHORT = 125;
const SIXTEEN_BITS = 126;
const SIXTY_FOUR_BITS = 127;

function headLength(length: number): number {
  if (length <= SHORT) return 2;
  return length < 2 ** 16 ? 4 : 10;
}

function writeHead(frame: Buffer, length: number): void {
  frame[0] = FIN_TEXT;
  if (length <= SHORT) frame[1] = length;
  else if (length < 2 ** 16) {
    frame[1] = SIXTEEN_BITS;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = SIXTY_FOUR_BITS;
    frame.writeBigUInt64BE(BigInt(length), 2);
  }
}
