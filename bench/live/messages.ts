import { SHARED_ID } from './protocol.ts';

/** A `next` message that was read and checked, by which the same one for another socket is known without reading it. */
type Known = { run: string; idAt: number; bytes: Buffer; seqs: readonly number[] };

/** Frames of so many batches may be under way at the same time. */
const REMEMBERED = 8;

/**
 * Reads `next` messages. What differs between the sockets that are sent one batch is the id, so the first of them is
 * parsed and the others are compared with it, byte by byte: parsing all took longer than sending them.
 */
export class Messages {
  readonly #sharesFrame: boolean;
  #known: Known[] = [];

  constructor({ sharesFrame }: { sharesFrame: boolean }) {
    this.#sharesFrame = sharesFrame;
  }

  /**
   * The numbers of its events; nothing but them and `lastSeq` is in question once this returns.
   *
   * @param id of the subscription, which the message must name
   * @throws with the message's text where it is no batch of this run's
   */
  seqsOf(run: string, id: Buffer, message: { bytes: Buffer; start: number; end: number }): readonly number[] {
    for (const known of this.#known) {
      if (known.run === run && this.#isSame(known, id, message)) return known.seqs;
    }
    const known = this.#read(run, id, message);
    this.#known = [known, ...this.#known.slice(0, REMEMBERED - 1)];
    return known.seqs;
  }

  #isSame(
    known: Known,
    id: Buffer,
    { bytes, start, end }: { bytes: Buffer; start: number; end: number },
  ): boolean {
    if (known.bytes.length !== end - start) return false;
    if (!this.#sharesFrame) known.bytes.set(id, known.idAt);
    return known.bytes.compare(bytes, start, end) === 0;
  }

  #read(run: string, id: Buffer, message: { bytes: Buffer; start: number; end: number }): Known {
    const bytes = Buffer.from(message.bytes.subarray(message.start, message.end));
    const text = bytes.toString('utf8');
    const expected = this.#sharesFrame ? SHARED_ID : id.toString('latin1');
    const seqs = text.includes(`"id":"${expected}"`) ? batchOf(text, run) : undefined;
    if (seqs === undefined) throw new Error(`Not a batch of ${run} for ${expected}: ${text}`);
    return { run, idAt: bytes.indexOf(expected), bytes, seqs };
  }
}

/** The numbers of a batch's events; undefined where it is none or holds a line of another run or number. */
function batchOf(text: string, run: string): number[] | undefined {
  const { type, payload } = JSON.parse(text);
  const batch = payload?.data?.executionEvents;
  if (type !== 'next' || payload.errors || !Array.isArray(batch?.events)) return undefined;
  const seqs: number[] = [];
  for (const { seq, message } of batch.events) {
    // What was there before the bench's own lines has no message.
    if (message !== undefined && !message.startsWith(`${run} #${seq} `)) return undefined;
    seqs.push(seq);
  }
  return seqs.length === 0 || seqs.at(-1) === batch.lastSeq ? seqs : undefined;
}
