import { builder } from '../../graphql/builder.ts';
import { assertSignedIn, type OperationContext } from '../../graphql/context.ts';
import { badInput } from '../../graphql/errors.ts';
import { rowId } from '../../graphql/ids.ts';
import type { ExecutionKind } from '../../platform/feed/events.ts';
import { ExecutionEventRef } from './event-types.ts';
import { type EventBatch, followEvents, followState } from './follow.ts';
import { refOf } from './starting.ts';

/** What the subscriptions to one execution have in common, whatever its kind. */

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
        'In order, without gaps; at most 500, or as many as take 262,144 bytes together. Empty only in a last batch ' +
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

/** How much of a feed is followed, with its defaults, by the names of the arguments. */
export const FOLLOWING = {
  after: {
    required: true,
    defaultValue: 0,
    description:
      'The number of the last event the client has; 0 for all. Beyond the newest it waits for the next.',
  },
  maxWaitMs: {
    required: true,
    defaultValue: DEFAULT_WAIT_MS,
    description: 'How long live events gather for one batch, in milliseconds: 0 to 5000.',
  },
} as const;

/** For `subscribe` of a field with `extensions: { carriesData: true, cursor: 'after' }`. */
export function subscribeToEvents(
  context: OperationContext,
  { kind, typename }: { kind: ExecutionKind; typename: string },
  { id, after, maxWaitMs }: { id: string; after: number; maxWaitMs: number },
) {
  assertSignedIn(context);
  if (after < 0) throw badInput('`after` is the number of an event, or 0: it cannot be negative.');
  if (maxWaitMs < 0 || maxWaitMs > LONGEST_WAIT_MS) throw badInput('`maxWaitMs` goes from 0 to 5000.');
  return followEvents(context, refOf(kind, rowId(typename, id)), { after, maxWaitMs });
}

/** The same of its newest state. */
export function subscribeToState(
  context: OperationContext,
  { kind, typename }: { kind: ExecutionKind; typename: string },
  { id, maxRate }: { id: string; maxRate: number },
) {
  assertSignedIn(context);
  return followState(context, refOf(kind, rowId(typename, id)), { minGapMs: gapOf(maxRate) });
}
