import { Counter, Gauge, type Registry } from 'prom-client';
import type { LiveFigures } from '../live/figures.ts';
import { ReadSummary } from './summary.ts';

type Read = (figures: LiveFigures) => number;
type Defined = readonly [name: string, help: string, read: Read];

const GAUGES: readonly Defined[] = [
  ['max_sockets', 'WebSockets and event streams that may be open.', ({ maxSockets }) => maxSockets],
  ['users', 'Users who have a WebSocket or an event stream open.', ({ users }) => users],
  ['streams', 'Executions whose newest events are kept in memory.', ({ streams }) => streams],
  ['groups', 'Groups of operations that share what is executed and serialised.', ({ stats }) => stats.groups],
  ['subscribers', 'Operations that follow something.', ({ stats }) => stats.subscribers],
  [
    'paused_subscribers',
    'Operations that wait since their client does not read as fast as it is sent to.',
    ({ stats }) => stats.paused,
  ],
  [
    'buffered_bytes',
    'Bytes that wait for clients that do not read as fast as they are sent to.',
    ({ bufferedBytes }) => bufferedBytes,
  ],
];

const COUNTERS: readonly Defined[] = [
  ['ring_hits_total', 'Pages of events served from memory.', ({ stats }) => stats.ringHits],
  [
    'database_reads_total',
    'Pages of events read from the database, for operations that were behind what memory holds.',
    ({ stats }) => stats.databaseReads,
  ],
  ['frames_total', 'Results that were executed and serialised.', ({ stats }) => stats.frames],
  ['deliveries_total', 'Results that were handed to a socket.', ({ stats }) => stats.deliveries],
  [
    'dropped_total',
    'Results that were handed to a socket that was closing already.',
    ({ stats }) => stats.dropped,
  ],
  [
    'skipped_states_total',
    'States that a newer one replaced before they were delivered.',
    ({ stats }) => stats.skipped,
  ],
  ['pauses_total', 'Times that an operation had to wait for its client.', ({ stats }) => stats.pauses],
  [
    'stalled_total',
    'Sockets that were closed since their client had stopped reading.',
    ({ stats }) => stats.stalled,
  ],
  [
    'revoked_total',
    'Operations that ended since their user may not see any more what they follow.',
    ({ stats }) => stats.revoked,
  ],
  [
    'reconnections_total',
    'Times that a connection for wake-ups was made again.',
    ({ reconnections }) => reconnections,
  ],
];

/**
 * The hub's figures as metrics, all of them `runcast_live_…`. They are read when somebody asks: what counts them knows
 * nothing of metrics.
 */
export function registerLiveMetrics(registry: Registry, read: () => LiveFigures): void {
  const registers = [registry];
  for (const [name, help, value] of GAUGES) {
    new Gauge({
      ...{ name: `runcast_live_${name}`, help, registers },
      collect() {
        this.set(value(read()));
      },
    });
  }
  for (const [name, help, value] of COUNTERS) {
    new Counter({
      ...{ name: `runcast_live_${name}`, help, registers },
      collect() {
        this.reset();
        this.inc(value(read()));
      },
    });
  }
  registerSockets(registers, read);
  registerConnections(registers, read);
  registerLag(registers, read);
}

function registerSockets(registers: Registry[], read: () => LiveFigures): void {
  new Gauge({
    name: 'runcast_live_sockets',
    help: 'WebSockets and streams of server-sent events that are open.',
    labelNames: ['transport'],
    registers,
    collect() {
      const { webSockets, eventStreams } = read();
      this.set({ transport: 'websocket' }, webSockets);
      this.set({ transport: 'sse' }, eventStreams);
    },
  });
}

function registerConnections(registers: Registry[], read: () => LiveFigures): void {
  new Gauge({
    name: 'runcast_live_connected',
    help: 'Whether wake-ups arrive from there; without them all comes as late as the slow poll.',
    labelNames: ['source'],
    registers,
    collect() {
      const { isListening, isRedisConnected } = read();
      this.set({ source: 'postgres' }, Number(isListening));
      if (isRedisConnected !== undefined) this.set({ source: 'redis' }, Number(isRedisConnected));
    },
  });
}

function registerLag(registers: Registry[], read: () => LiveFigures): void {
  const name = 'runcast_live_lag_seconds';
  const help =
    'From an event’s commit to the frame that carries it; the quantiles are of the last one to two minutes.';
  new ReadSummary({ name, help, registers }, () => {
    const { lag } = read().stats;
    const [half, most, nearlyAll] = lag.percentiles([50, 90, 99]);
    const quantiles = [
      [0.5, inSeconds(half)],
      [0.9, inSeconds(most)],
      [0.99, inSeconds(nearlyAll)],
    ] as const;
    return { quantiles, sum: lag.sumMs / 1_000, count: lag.count };
  });
}

function inSeconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : ms / 1_000;
}
