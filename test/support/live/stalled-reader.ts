import { Milestones } from './milestones.ts';
import { openProtocolSocket } from './protocol-socket.ts';
import { Received } from './received.ts';
import { WATCH } from './watching-client.ts';
import { within } from './within.ts';

export type Watched = { url: string; token: string; run: string; lineBytes: number };

/** How a reader was found when it read on: with the code that the server had closed it with, or still connected. */
export type Parting = number | 'open';

/** A reader that stopped reading after its first batch; it does not come back by itself. */
export type StalledReader = {
  received: Received;
  /** Number of the event that it began after. */
  after: number;
  /**
   * Reads what was still on its way, until there is the close or this event, and then disconnects.
   *
   * @param seq of an event that only somebody gets who is still connected
   */
  readOn(seq: number): Promise<Parting>;
};

const PATIENCE_MS = 60_000;

/** Resolves as soon as the first batch has come, which is when it stops reading. */
export async function stall({ url, token, run, lineBytes }: Watched, after: number): Promise<StalledReader> {
  const received = new Received(run, { after, lineBytes });
  const progress = new Milestones();
  const { promise: closed, resolve: close } = Promise.withResolvers<number>();
  const socket = openProtocolSocket({
    ...{ url, init: { authorization: `Bearer ${token}` } },
    onMessage(message) {
      const payload = { query: WATCH, variables: { id: run, after } };
      if (message.type === 'connection_ack') socket.send({ id: 'events', type: 'subscribe', payload });
      if (message.type !== 'next') return;
      if (received.cursor === after) socket.pause();
      for (const event of message.payload.data?.executionEvents.events ?? []) received.take(event);
      progress.reach(received.cursor);
    },
    onClose: close,
  });
  await within(PATIENCE_MS, 'that a reader had its first batch', progress.reached(after + 1));
  return {
    ...{ received, after },
    async readOn(seq) {
      socket.resume();
      const open = progress.reached(seq).then(() => 'open' as const);
      const parting = await within(PATIENCE_MS, 'that a reader read on', Promise.race([closed, open]));
      socket.drop();
      return parting;
    },
  };
}

/** How many there were of each. */
export function countsOf(partings: readonly Parting[]): Record<Parting, number> {
  const counts: Record<Parting, number> = { open: 0 };
  for (const parting of partings) counts[parting] = (counts[parting] ?? 0) + 1;
  return counts;
}
