import type { Client } from 'pg';
import { newWire } from '../db/wire.ts';
import type { Logger } from '../logger.ts';
import { ClockOffset } from './clock-offset.ts';
import { type Connection, KeptConnection } from './kept-connection.ts';

export type ListenerOptions = {
  url: string;
  channels: readonly string[];
  log: Logger;
  onNotification(channel: string, payload: string): void;
  /** Runs after every (re)connection: whatever was notified in between is lost. */
  onConnect(): void;
};

export interface Listener {
  readonly isConnected: boolean;
  /** Resolves once it listens for the first time; never rejects. */
  readonly started: Promise<void>;
  /** What the database's clock is ahead of this process's, in milliseconds; 0 until it was measured. */
  readonly clockOffsetMs: number;
  readonly reconnections: number;
  close(): Promise<void>;
}

/** One LISTEN connection that comes back whatever happens to it, until it is closed. */
export function createListener(options: ListenerOptions): Listener {
  const clock = new ClockOffset();
  const kept = new KeptConnection({
    name: `listener of ${options.channels.join(' and ')}`,
    open: (onLost) => openListening(options, clock, onLost),
    onConnect: options.onConnect,
    log: options.log,
  });
  return {
    get isConnected() {
      return kept.isConnected;
    },
    started: kept.started,
    get clockOffsetMs() {
      return clock.ms;
    },
    get reconnections() {
      return kept.reconnections;
    },
    close: async () => kept.close(),
  };
}

function openListening(
  { url, channels, onNotification }: ListenerOptions,
  clock: ClockOffset,
  onLost: (error: Error) => void,
): Connection {
  const { client, socket } = newWire(url, 'runcast listener');
  client.on('error', onLost);
  client.on('end', () => onLost(new Error('the server ended the connection')));
  client.on('notification', ({ channel, payload }) => onNotification(channel, payload ?? ''));
  const listen = channels.map((channel) => `listen ${client.escapeIdentifier(channel)}`).join('; ');
  const probe = () => clock.measure(() => timeOf(client));
  const open = async () => {
    await client.connect();
    await client.query(listen);
    await probe();
  };
  return {
    opened: open(),
    probe,
    close: () => {
      client.end().catch(() => undefined);
      socket.destroySoon();
    },
    destroy: () => void socket.destroy(),
  };
}

async function timeOf(client: Client): Promise<number> {
  const { rows } = await client.query<{ ms: number }>(
    'select extract(epoch from clock_timestamp())::float8 * 1000 as ms',
  );
  return rows[0]?.ms ?? Number.NaN;
}
