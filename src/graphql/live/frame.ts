/**
 * From that size on a payload is handed to each connection as it is. Copied for each of a hundred that are behind it made
 * 80 MB of garbage a second; below, three pieces cost more than one copy.
 */
const SHARED = 16_384;

const END = '}'.charCodeAt(0);
const END_ALONE = Buffer.of(END);
const SSE_START = Buffer.from('event: next\ndata: ');
const SSE_END = Buffer.from('\n\n');

/** Takes the pieces of one message; returns whether they are the caller's again: the kernel has them all, or nobody. */
export type MessageWriter = { write(...pieces: readonly Buffer[]): boolean };

type Message = {
  readonly bytes: Buffer;
  /** Of how many bytes the frame's own head is; `idLength` bytes with the operation's id come after it. */
  readonly head: number;
  readonly idLength: number;
  id: string;
  /** Whether a connection still has it to send. */
  isHeld: boolean;
};

/** One result, serialised once for everybody it goes to. */
export class Frame {
  readonly #payload: Buffer;
  /** As it was last laid out for a WebSocket. */
  #message: Message | undefined;
  #serverSent: Buffer | undefined;

  /** @param json of the result */
  constructor(json: string) {
    this.#payload = Buffer.from(json);
  }

  /**
   * Writes a `next` message of graphql-transport-ws, as an unmasked, unfragmented text frame (RFC 6455, 5.2).
   *
   * What a thousand watchers are sent differs in nothing but their operation's id, so a message that has left the process is
   * written again with another id in it. Copied for each, it was 6 MB of garbage a second outside the heap, for which V8
   * went through the whole heap every few seconds.
   */
  sendOverSocket(operation: OperationId, to: MessageWriter): void {
    if (this.#payload.length >= SHARED) this.#sendInPieces(operation, to);
    else {
      const message = this.#messageFor(operation);
      if (!to.write(message.bytes)) message.isHeld = true;
    }
  }

  #messageFor(operation: OperationId): Message {
    const last = this.#message;
    if (last?.isHeld && last.id === operation.id) return last;
    const isFree = last && !last.isHeld && last.idLength === operation.start.length;
    const message = isFree ? last : this.#layOut(operation);
    message.id = operation.id;
    message.bytes.set(operation.start, message.head);
    this.#message = message;
    return message;
  }

  /** Everything but the id. */
  #layOut({ id, start }: OperationId): Message {
    const length = start.length + this.#payload.length + 1;
    const head = headLength(length);
    const bytes = Buffer.allocUnsafe(head + length);
    writeHead(bytes, length);
    bytes.set(this.#payload, head + start.length);
    bytes[bytes.length - 1] = END;
    return { bytes, head, id, idLength: start.length, isHeld: false };
  }

  #sendInPieces({ start }: OperationId, to: MessageWriter): void {
    const length = start.length + this.#payload.length + 1;
    const head = headLength(length);
    const beginning = Buffer.allocUnsafe(head + start.length);
    writeHead(beginning, length);
    beginning.set(start, head);
    to.write(beginning, this.#payload, END_ALONE);
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
