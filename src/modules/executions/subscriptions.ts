import type { ObjectRef } from '@pothos/core';
import type { GraphQLResolveInfo } from 'graphql';
import { builder } from '../../graphql/builder.ts';
import { assertSignedIn, type Context, type OperationContext } from '../../graphql/context.ts';
import { badInput, NotFoundError } from '../../graphql/errors.ts';
import { rowId } from '../../graphql/ids.ts';
import type { Row } from '../../graphql/page.ts';
import type { ExecutionKind } from '../../platform/feed/events.ts';
import { PAGE, PAGE_BYTES } from '../../platform/feed/stream-pages.ts';
import { ExecutionEventRef } from './event-types.ts';
import { type EventBatch, followEvents, followState } from './follow.ts';
import { RUN_ID } from './mutation-parts.ts';
import { refOf } from './starting.ts';

const DEFAULT_WAIT_MS = 50;
const LONGEST_WAIT_MS = 5_000;
/** No progress bar shows more changes a second. */
export const DEFAULT_RATE = 10;
const LEAST_RATE = 0.01;
export const RATE = `States a second at most, ${LEAST_RATE} to ${DEFAULT_RATE}: the newest one each time, and the last one always.`;

/** @throws BAD_USER_INPUT */
export function gapOf(maxRate: number): number {
  if (maxRate >= LEAST_RATE && maxRate <= DEFAULT_RATE) return 1_000 / maxRate;
  throw badInput(`\`maxRate\` goes from ${LEAST_RATE} to ${DEFAULT_RATE} states a second.`);
}

export const ExecutionEventBatchRef = builder.objectRef<EventBatch>('ExecutionEventBatch').implement({
  description: 'Events that came together.',
  fields: (t) => ({
    events: t.field({
      type: [ExecutionEventRef],
      description:
        `In order, without gaps; at most ${PAGE}, or as many as take ${PAGE_BYTES.toLocaleString('en')} bytes together. Empty only in a last batch ` +
        'that says nothing but the end.',
      resolve: ({ events }) => events,
    }),
    lastSeq: t.exposeInt('lastSeq', {
      description:
        'The number of the last event so far. Keep it: subscribing again with `after` set to it resumes.',
    }),
    hasMore: t.exposeBoolean('hasMore', {
      description:
        'Whether more had been recorded when this batch was made. It follows at once; the client is behind till then.',
    }),
    ended: t.exposeBoolean('ended', {
      description: 'Whether the execution has ended and this is everything; the subscription completes then.',
    }),
  }),
});

/** Executions of one kind, as the API names them. */
type Kind = {
  kind: ExecutionKind;
  /** The GraphQL type's name, which global ids carry. */
  typename: string;
  /** What a reader calls one of them, e.g. `run of an agent`. */
  noun: string;
  /** What the names of its two subscriptions begin with. */
  prefix: string;
  /** Whose state changes, besides its own; default: nobody's. */
  parts?: string;
  ref: ObjectRef<typeof builder.$inferSchemaTypes, Row>;
  table: { one(context: Context, info: GraphQLResolveInfo, id: string): Promise<Row | null> };
};

/** The two subscriptions that every kind of execution has: to its events, and to its newest state. */
export function addExecutionSubscriptions(of: Kind): void {
  const { noun, prefix, parts, ref } = of;
  builder.subscriptionFields((t) => ({
    [`${prefix}Events`]: t.field({
      type: ExecutionEventBatchRef,
      description:
        `Every event of a ${noun} from a cursor on, then live, in order, each once; completes after the end. A client ` +
        'that lost its connection goes on with `after: <lastSeq>`.',
      extensions: { carriesData: true, cursor: 'after' },
      args: {
        id: t.arg.id({ required: true, description: RUN_ID }),
        after: t.arg.int({
          required: true,
          defaultValue: 0,
          description:
            'The number of the last event the client has; 0 for all. Beyond the newest it waits for the next.',
        }),
        maxWaitMs: t.arg.int({
          required: true,
          defaultValue: DEFAULT_WAIT_MS,
          description: 'How long live events gather for one batch, in milliseconds: 0 to 5000.',
        }),
      },
      subscribe: (_root, args, context) => subscribeToEvents(context, of, args),
      resolve: (batch) => batch,
    }),
    [`${prefix}Changed`]: t.field({
      type: ref,
      description:
        `The newest state of a ${noun}, at once and whenever it${parts ? ` or ${parts}` : ''} changes, the last change ` +
        'always among them; completes after the end.',
      args: {
        id: t.arg.id({ required: true, description: RUN_ID }),
        maxRate: t.arg.float({ required: true, defaultValue: DEFAULT_RATE, description: RATE }),
      },
      subscribe: (_root, args, context) => subscribeToState(context, of, args),
      resolve: ({ id }, _args, context, info) => newestState(of, context, info, id),
    }),
  }));
}

/** @throws {NotFoundError} where it was deleted before it was read */
export async function newestState(
  { kind, table }: Pick<Kind, 'kind' | 'table'>,
  context: Context,
  info: GraphQLResolveInfo,
  id: string,
): Promise<Row> {
  const row = await table.one(context, info, id);
  if (!row) throw new NotFoundError(`${kind} execution`, id);
  return row;
}

function subscribeToEvents(
  context: OperationContext,
  { kind, typename }: Kind,
  { id, after, maxWaitMs }: { id: string; after: number; maxWaitMs: number },
) {
  assertSignedIn(context);
  if (after < 0) throw badInput('`after` is the number of an event, or 0: it cannot be negative.');
  if (maxWaitMs < 0 || maxWaitMs > LONGEST_WAIT_MS) throw badInput('`maxWaitMs` goes from 0 to 5000.');
  return followEvents(context, refOf(kind, rowId(typename, id)), { after, maxWaitMs });
}

function subscribeToState(
  context: OperationContext,
  { kind, typename }: Kind,
  { id, maxRate }: { id: string; maxRate: number },
) {
  assertSignedIn(context);
  return followState(context, refOf(kind, rowId(typename, id)), { minGapMs: gapOf(maxRate) });
}
