import { Client } from 'pg';
import { messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';

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
  close(): Promise<void>;
}

/** First and longest wait before connecting again; doubled each time, spread so that processes do not come at once. */
const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 5_000;

/**
 * A dead peer sends no reset: a connection that answers nothing for this long is given up. Failing over takes as
 * long, on top of the subscribers' slow poll, which does not need this connection.
 */
const PROBE_MS = 15_000;

/** One LISTEN connection that comes back whatever happens to it, until it is closed. */
export function createListener(options: ListenerOptions): Listener {
  const stop = new AbortController();
  const state = { isConnected: false };
  const running = keepListening(options, state, stop.signal);
  return {
    get isConnected() {
      return state.isConnected;
    },
    async close() {
      stop.abort();
      await running;
    },
  };
}

async function keepListening(
  options: ListenerOptions,
  state: { isConnected: boolean },
  signal: AbortSignal,
): Promise<void> {
  let wait = FIRST_WAIT_MS;
  while (!signal.aborted) {
    try {
      await listenUntilLost(options, signal, () => {
        state.isConnected = true;
        wait = FIRST_WAIT_MS;
        options.onConnect();
      });
    } catch (error) {
      options.log.warn({ reason: messageOf(error) }, 'the listening connection was lost; connecting again');
    }
    state.isConnected = false;
    await pause(wait * (0.5 + Math.random()), signal);
    wait = Math.min(wait * 2, LONGEST_WAIT_MS);
  }
}

/** Returns when the signal aborts; throws when the connection is lost. */
async function listenUntilLost(
  { url, channels, onNotification }: ListenerOptions,
  signal: AbortSignal,
  onConnect: () => void,
): Promise<void> {
  const client = new Client({
    connectionString: url,
    application_name: 'runcast listener',
    connectionTimeoutMillis: PROBE_MS,
    query_timeout: PROBE_MS,
    keepAlive: true,
  });
  const { promise: lost, reject, resolve } = Promise.withResolvers<void>();
  client.on('error', reject);
  client.on('end', () => reject(new Error('the server ended the connection')));
  client.on('notification', ({ channel, payload }) => onNotification(channel, payload ?? ''));
  signal.addEventListener('abort', () => resolve(), { once: true });
  let probe: NodeJS.Timeout | undefined;
  try {
    await Promise.race([client.connect(), lost]);
    for (const channel of channels) await client.query(`listen ${client.escapeIdentifier(channel)}`);
    onConnect();
    probe = setInterval(() => client.query('select 1').catch(reject), PROBE_MS);
    await lost;
  } finally {
    clearInterval(probe);
    lost.catch(() => undefined);
    await client.end().catch(() => undefined);
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end, { once: true });
  });
}
