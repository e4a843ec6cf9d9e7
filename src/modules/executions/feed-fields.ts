import type { ObjectRef } from '@pothos/core';
import { builder } from '../../graphql/builder.ts';
import type { Row } from '../../graphql/page.ts';
import type { ExecutionKind } from '../../platform/feed/events.ts';
import { eventPage } from './event-pages.ts';
import { EventTypeEnum, ExecutionEventRef } from './event-types.ts';
import { headOf } from './heads.ts';

const ExecutionEventConnection = builder.connectionObject(
  { type: ExecutionEventRef, name: 'ExecutionEventConnection', description: 'A page of events.' },
  { name: 'ExecutionEventEdge', description: 'An event with its place in the feed.' },
);

const logConnectionOf = (name: 'ExecutionLog' | 'TrainingLog') =>
  builder.connectionObject(
    { type: ExecutionEventRef, name: `${name}Connection`, description: 'A page of log lines.' },
    { name: `${name}Edge`, description: 'A log line with its place in the feed.' },
  );

export const ExecutionLogConnection = logConnectionOf('ExecutionLog');
const TrainingLogConnection = logConnectionOf('TrainingLog');

/** The fields of an execution that its feed answers, whatever its kind. */
export function addFeedFields(
  execution: ObjectRef<typeof builder.$inferSchemaTypes, Row>,
  kind: ExecutionKind,
): void {
  builder.objectFields(execution, (t) => ({
    lastSeq: t.int({
      description: 'The number of its newest event.',
      resolve: async ({ id }, _args, context) => (await headOf(context, { kind, id }))?.lastSeq ?? 0,
    }),
    events: t.connection(
      {
        type: ExecutionEventRef,
        description:
          'Everything that happened, in order. Pages of at most 500; cursors are event numbers, so the subscription to ' +
          'its events goes on where a page ends.',
        args: {
          types: t.arg({ type: [EventTypeEnum], description: 'Only events of these kinds; default: all.' }),
        },
        resolve: ({ id }, args, context) => eventPage(context, { kind, id }, args, args.types ?? undefined),
      },
      ExecutionEventConnection,
    ),
    logs: t.connection(
      {
        type: ExecutionEventRef,
        description:
          'Its log lines, oldest first, from the event feed, which has them all. `last: 100` for the newest. Pages of ' +
          'at most 500; cursors are event numbers.',
        resolve: ({ id }, args, context) => eventPage(context, { kind, id }, args, ['log']),
      },
      kind === 'training' ? TrainingLogConnection : ExecutionLogConnection,
    ),
  }));
}
