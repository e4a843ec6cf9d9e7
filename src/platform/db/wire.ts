import { Socket } from 'node:net';
import { Client } from 'pg';

/**
 * A client and the socket below it. A peer that is gone sends no reset, and a client waits for the answer to its goodbye:
 * only the socket can be closed in any case.
 */
export type Wire = { client: Client; socket: Socket };

/** Whoever says goodbye waits no longer than this for it to be heard. */
const GOODBYE_MS = 1_000;

/** @param applicationName what pg_stat_activity shows */
export function newWire(url: string, applicationName: string): Wire {
  const socket = new Socket();
  const client = new Client({
    connectionString: url,
    application_name: applicationName,
    keepAlive: true,
    stream: () => socket,
  });
  return { client, socket };
}

/** Does something over a wire, and cuts it where that fails or takes longer. */
export async function withinTime<T>(
  wire: Wire,
  ms: number,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const late = Object.assign(new Error(`Postgres has not answered within ${ms} ms.`), { code: 'ETIMEDOUT' });
  const timer = setTimeout(() => wire.socket.destroy(late), ms);
  try {
    return await work(wire.client);
  } catch (error) {
    wire.socket.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

export async function endWire({ client, socket }: Wire): Promise<void> {
  const timer = setTimeout(() => socket.destroy(), GOODBYE_MS);
  await client.end().catch(() => {});
  clearTimeout(timer);
}
