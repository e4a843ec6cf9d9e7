import type { StreamTransport } from './sse.ts';
import type { Transport } from './transport.ts';
import { createWatchdog } from './watchdog.ts';
import type { SocketTransport } from './websocket.ts';

type Parts = { sockets: SocketTransport; streams: StreamTransport };

export type Fallback = Transport & {
  /** How the last attempt to open a WebSocket, or a response with events, came out. */
  socketOutcome(outcome: 'connected' | 'refused'): void;
  streamOutcome(outcome: 'connected' | 'refused'): void;
};

/** A server that restarts refuses a few; a proxy that knows no WebSockets refuses all. */
const REFUSALS = 3;
/** Where a server came back just when it was the turn of events, sockets are there at once. */
const FIRST_PROBE_MS = 2_000;
/** A laptop comes home from the network that blocked them. */
const PROBE_MS = 300_000;

/**
 * WebSocket, and where three in a row cannot be opened, server-sent events. Where those fail too, nothing is blocked:
 * the server is away, and each gets a try in turn until one works.
 */
export function createFallback({ sockets, streams }: Parts): Fallback {
  let refusals = 0;
  let running = 0;
  let isProbing = false;
  const probe = createWatchdog(() => void lookForSockets());
  const usesStreams = () => refusals >= REFUSALS;

  function lookLater(ms: number): void {
    isProbing = true;
    probe.start(ms);
  }

  function stopLooking(): void {
    isProbing = false;
    probe.stop();
  }

  async function lookForSockets(): Promise<void> {
    const isThere = await sockets.probe();
    if (!isProbing) return;
    if (isThere) {
      stopLooking();
      streams.handOver();
    } else lookLater(PROBE_MS);
  }

  return {
    subscribe(operation, sink) {
      const leave = (usesStreams() ? streams : sockets).subscribe(operation, sink);
      running += 1;
      return () => {
        running -= 1;
        if (running === 0) stopLooking();
        leave();
      };
    },
    socketOutcome(outcome) {
      refusals = outcome === 'connected' ? 0 : refusals + 1;
    },
    streamOutcome(outcome) {
      if (outcome === 'refused') refusals = REFUSALS - 1;
      else if (!isProbing) lookLater(FIRST_PROBE_MS);
    },
    close(error) {
      stopLooking();
      sockets.close(error);
      streams.close(error);
    },
  };
}
