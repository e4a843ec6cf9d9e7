import { builder } from '../../graphql/builder.ts';
import { requireUser } from '../../graphql/context.ts';
import { ForbiddenError } from '../../graphql/errors.ts';
import type { LiveFigures } from '../../platform/live/figures.ts';

declare module '../../graphql/context.ts' {
  interface Services {
    /** What the live part of this process does now. */
    liveFigures(): LiveFigures;
  }
}

const LAG =
  'From an event’s commit to the frame that carries it, in the last one to two minutes, in milliseconds; null where ' +
  'nothing was sent.';

const LiveStatsRef = builder.objectRef<LiveFigures>('LiveStats').implement({
  description:
    'What the live part of one process does: the one that answers, which is any of those behind a balancer. What is ' +
    'counted is counted from its start; /metrics has the same for each process.',
  fields: (t) => {
    const now = (description: string, resolve: (figures: LiveFigures) => number) =>
      t.int({ description, resolve });
    const counted = (description: string, resolve: (figures: LiveFigures) => number) =>
      t.field({ type: 'BigInt', description, resolve });
    const lag = (description: string, percentage: number) =>
      t.float({
        nullable: true,
        description,
        resolve: ({ stats }) => stats.lag.percentiles([percentage])[0] ?? null,
      });
    return {
      startedAt: t.field({
        type: 'DateTime',
        description: 'When the process was started.',
        resolve: () => new Date(performance.timeOrigin),
      }),
      isListening: t.exposeBoolean('isListening', {
        description: 'Whether Postgres tells it of changes at once; while not, it looks every other second.',
      }),
      isRedisConnected: t.boolean({
        nullable: true,
        description: 'Whether Redis tells it of changes at once; null where none is configured.',
        resolve: ({ isRedisConnected }) => isRedisConnected ?? null,
      }),
      reconnections: counted(
        'How often connections that tell of changes were made again.',
        ({ reconnections }) => reconnections,
      ),
      sockets: now(
        'WebSockets and event streams that are open.',
        ({ webSockets, eventStreams }) => webSockets + eventStreams,
      ),
      webSockets: now('WebSockets that are open.', ({ webSockets }) => webSockets),
      eventStreams: now(
        'Subscriptions over server-sent events that are open.',
        ({ eventStreams }) => eventStreams,
      ),
      maxSockets: now('WebSockets and event streams that may be open.', ({ maxSockets }) => maxSockets),
      users: now('Users who have a WebSocket or an event stream open.', ({ users }) => users),
      streams: now('Executions whose newest events are kept in memory.', ({ streams }) => streams),
      groups: now(
        'Groups of operations that share what is executed and serialised.',
        ({ stats }) => stats.groups,
      ),
      subscribers: now('Operations that follow something.', ({ stats }) => stats.subscribers),
      paused: now(
        'Operations that wait since their client does not read as fast as it is sent to.',
        ({ stats }) => stats.paused,
      ),
      bufferedBytes: counted(
        'Bytes that wait for clients that do not read as fast as they are sent to.',
        ({ bufferedBytes }) => bufferedBytes,
      ),
      ringHits: counted('Pages of events served from memory.', ({ stats }) => stats.ringHits),
      databaseReads: counted(
        'Pages of events read from the database, for operations that were behind what memory holds.',
        ({ stats }) => stats.databaseReads,
      ),
      frames: counted('Results that were executed and serialised.', ({ stats }) => stats.frames),
      deliveries: counted('Results that were handed to a socket.', ({ stats }) => stats.deliveries),
      dropped: counted(
        'Results that were handed to a socket that was closing already.',
        ({ stats }) => stats.dropped,
      ),
      skipped: counted(
        'States that a newer one replaced before they were delivered.',
        ({ stats }) => stats.skipped,
      ),
      pauses: counted('How often an operation had to wait for its client.', ({ stats }) => stats.pauses),
      stalled: counted(
        'Sockets that were closed since their client had stopped reading.',
        ({ stats }) => stats.stalled,
      ),
      revoked: counted(
        'Operations that ended since their user may not see any more what they follow.',
        ({ stats }) => stats.revoked,
      ),
      lagP50Ms: lag(`${LAG} Their median.`, 50),
      lagP99Ms: lag(`${LAG} 99 of 100 were no later.`, 99),
    };
  },
});

builder.queryField('liveStats', (t) =>
  t.field({
    type: LiveStatsRef,
    description:
      'What the live part of this process does. For operators: with a user’s token the error is FORBIDDEN.',
    resolve: (_root, _args, context) => {
      if (context.identity.claims.role === 'service_role') return context.services.liveFigures();
      requireUser(context);
      throw new ForbiddenError('The figures of the live part are for operators alone.', {
        remedy: 'Use a token of the role service_role.',
      });
    },
  }),
);
