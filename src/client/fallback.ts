import type { StreamTransport } from './sse.ts';
import type { Operation, Sink, Transport } from './transport.ts';
import { createWatchdog } from './watchdog.ts';
import type { SocketTransport } from './websocket.ts';

export type Fallback = Transport & {
  /** How the last attempt to open a WebSocket, or a response with events, came out. */
  socketOutcome(outcome: 'connected' | 'refused'): void;
  streamOutcome(outcome: 'connected' | 'refused'): void;
};

/** A server that restarts refuses a few; a proxy that knows no WebSockets refuses all. */
const REFUSALS = 3;
/** A laptop comes home from the network that blocked them. */
const PROBE_MS = 300_000;

/**
 * WebSocket, and where three in a row cannot be opened, server-sent events. Where those fail too, nothing is blocked:
 * the server is away, and each gets a try in turn until one works.
 */
export function createFallback(parts: {
  sockets: SocketTransport;
  streams: StreamTransport;
  probeMs?: number;
}): Fallback {
  const { sockets, streams, probeMs = PROBE_MS } = parts;
  let refusals = 0;
  let running = 0;
  const probe = createWatchdog(() => void lookForSockets());
  const usesStreams = () => refusals >= REFUSALS;

  async function lookForSockets(): Promise<void> {
    if (await sockets.probe()) streams.handOver();
    else if (running > 0 && usesStreams()) probe.start(probeMs);
  }

  return {
    subscribe(operation: Operation, sink: Sink) {
      const leave = (usesStreams() ? streams : sockets).subscribe(operation, sink);
      running += 1;
      return () => {
        running -= 1;
        if (running === 0) probe.stop();
        leave();
      };
    },
    socketOutcome(outcome) {
      refusals = outcome === 'connected' ? 0 : refusals + 1;
    },
    streamOutcome(outcome) {
      if (outcome === 'connected') probe.start(probeMs);
      else refusals = REFUSALS - 1;
    },
    close(error) {
      probe.stop();
      sockets.close(error);
      streams.close(error);
    },
  };
}
