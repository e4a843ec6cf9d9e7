import type { OperationContext } from '../../graphql/context.ts';
import { NotFoundError } from '../../graphql/errors.ts';
import { type EventFeed, LiveSource, type StateFeed, type Subject } from '../../graphql/live/source.ts';
import type { ExecutionEvent, ExecutionRef } from '../../platform/feed/events.ts';
import { findStream, type Stream } from '../../platform/feed/feed.ts';
import type { Viewer } from '../../platform/live/access-watch.ts';
import type { HeldStream } from '../../platform/live/streams.ts';

/** Events as they go out in one frame. */
export type EventBatch = { events: ExecutionEvent[]; lastSeq: number; ended: boolean; hasMore: boolean };

type Source = Pick<OperationContext, 'identity' | 'viewerDb' | 'live'>;

/**
 * Every event of an execution after a cursor, then live, until its end.
 *
 * @param options.after number of the last event the subscriber has; beyond the newest one it waits for what is next
 * @param options.maxWaitMs least time between two batches: what comes sooner gathers
 * @throws {NotFoundError} where the execution is not there, or not the caller's
 */
export async function followEvents(
  source: Source,
  ref: ExecutionRef,
  { after, maxWaitMs }: { after: number; maxWaitMs: number },
): Promise<LiveSource<EventBatch>> {
  const { live } = source;
  const { lastSeq } = await visibleStream(source, ref);
  return new LiveSource({
    kind: 'events',
    key: `events ${ref.kind} ${ref.id} ${maxWaitMs}`,
    minGapMs: maxWaitMs,
    after,
    open: () => eventFeed(live.hold(ref, lastSeq)),
    watch: watching(source, ref),
    ageOf: ({ events: [first] }) => first && live.ageOf(first.at),
  });
}

/**
 * Says that an execution's state has changed, at once for the first time; the last change is always among them.
 *
 * @throws {NotFoundError} where the execution is not there, or not the caller's
 */
export async function followState(
  source: Source,
  ref: ExecutionRef,
  { minGapMs }: { minGapMs: number },
): Promise<LiveSource<Subject>> {
  const { lastSeq } = await visibleStream(source, ref);
  return new LiveSource({
    kind: 'states',
    key: `state ${ref.kind} ${ref.id} ${minGapMs}`,
    minGapMs,
    open: () => stateFeed(source.live.hold(ref, lastSeq), lastSeq),
    watch: watching(source, ref),
  });
}

/** What access hangs on may change while it is looked at; then the look says nothing. */
async function visibleStream({ identity, viewerDb, live }: Source, ref: ExecutionRef): Promise<Stream> {
  for (;;) {
    const { changes } = live.access;
    const stream = await viewerDb.withViewer(identity.claims, ({ sql }) => findStream(sql, ref));
    if (stream === undefined) throw notFound(ref);
    if (live.access.changes === changes) return stream;
  }
}

function watching({ live }: Source, ref: ExecutionRef) {
  return (viewer: Viewer, onRevoked: (reason: Error) => void) =>
    live.access.watch(viewer, ref, () => onRevoked(notFound(ref)));
}

function eventFeed({ stream, release }: HeldStream): EventFeed {
  return {
    get head() {
      return stream.head;
    },
    get isOver() {
      return stream.state === 'closed';
    },
    get failure() {
      return stream.state === 'gone' ? notFound(stream.ref) : undefined;
    },
    after: (cursor) => stream.after(cursor),
    onChange: (listener) => stream.onChange(listener),
    close: release,
  };
}

/** @param lastSeq up to where the state that is shown first has it all */
function stateFeed({ stream, release }: HeldStream, lastSeq: number): StateFeed {
  const subjects = [{ id: stream.ref.id }];
  let seen = lastSeq;
  return {
    first: subjects,
    take() {
      if (stream.head <= seen) return [];
      seen = stream.head;
      return subjects;
    },
    get isOver() {
      return stream.state === 'closed';
    },
    get failure() {
      return stream.state === 'gone' ? notFound(stream.ref) : undefined;
    },
    onChange: (listener) => stream.onChange(listener),
    close: release,
  };
}

function notFound({ kind, id }: ExecutionRef): NotFoundError {
  return new NotFoundError(`${kind} execution`, id);
}
