import { openProtocolSocket, type ProtocolSocket } from './protocol-socket.ts';
import { Received } from './received.ts';
import { WATCH } from './watching-client.ts';
import { within } from './within.ts';

export type Watched = { url: string; token: string; run: string; lineBytes: number };

/** A reader that stopped reading after its first batch; it does not come back by itself. */
export type StalledReader = {
  received: Received;
  /** Number of the event that it began after. */
  after: number;
  /** How the server closed it; while it does not read it does not know. */
  closed: Promise<number>;
} & Pick<ProtocolSocket, 'resume' | 'drop'>;

const FIRST_BATCH_MS = 60_000;
/** To read what the kernel holds, at the end of which there is the close. */
const PARTING_MS = 15_000;

/** Resolves as soon as the first batch has come, which is when it stops reading. */
export async function stall({ url, token, run, lineBytes }: Watched, after: number): Promise<StalledReader> {
  const received = new Received(run, { after, lineBytes });
  const { promise: stalled, resolve: stop } = Promise.withResolvers<void>();
  const { promise: closed, resolve: close } = Promise.withResolvers<number>();
  const socket = openProtocolSocket({
    ...{ url, init: { authorization: `Bearer ${token}` } },
    onMessage(message) {
      const payload = { query: WATCH, variables: { id: run, after } };
      if (message.type === 'connection_ack') socket.send({ id: 'events', type: 'subscribe', payload });
      if (message.type !== 'next') return;
      if (received.cursor === after) socket.pause();
      for (const event of message.payload.data?.executionEvents.events ?? []) received.take(event);
      stop();
    },
    onClose: close,
  });
  await within(FIRST_BATCH_MS, 'that a reader had its first batch', stalled);
  return { received, after, closed, resume: socket.resume, drop: socket.drop };
}

/**
 * Lets them read what was still on its way, and counts how their connections were closed: by code, and `open` where
 * they were not.
 */
export async function partings(readers: readonly StalledReader[]): Promise<Record<string, number>> {
  const codes: Record<string, number> = {};
  const part = async ({ resume, closed, drop }: StalledReader) => {
    resume();
    const code = await within(PARTING_MS, 'that a stalled reader was closed', closed).catch(() => 'open');
    drop();
    codes[code] = (codes[code] ?? 0) + 1;
  };
  await Promise.all(readers.map(part));
  return codes;
}
