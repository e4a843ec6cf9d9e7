import type { OperationContext } from '../../graphql/context.ts';
import { LiveSource, type StateFeed, type Subject } from '../../graphql/live/source.ts';
import type { Viewer } from '../../platform/live/access-watch.ts';
import { type ExecutionFilter, whereExecution } from './filter.ts';
import { changedSince } from './sql.ts';

/**
 * A row's time is taken before its transaction commits, so a look back must reach further than the last look; longer
 * than any statement may take.
 */
const OVERLAP_MS = 60_000;
/** Runs that a subscriber was told of, the oldest forgotten first. */
const MAX_REMEMBERED = 5_000;
/** More ids than that are not worth remembering one by one: what has changed is looked for instead. */
const MAX_NAMED = 1_000;

/** A run that has changed; `hasLeft` where it matched when it was named last, and does not any more. */
export type ChangedRun = Subject & { readonly hasLeft: boolean };

type Source = Pick<OperationContext, 'identity' | 'viewerDb' | 'live'>;
type Options = {
  filter: ExecutionFilter | null | undefined;
  minGapMs: number;
  /** Whether runs that were deleted are named as well, when they matched. */
  namesDeleted: boolean;
};

/** Names each run of the caller's that has changed and matches the filter, or did when it was named last. */
export function followRuns(source: Source, userId: string, options: Options): LiveSource<ChangedRun> {
  const { filter, minGapMs, namesDeleted } = options;
  return new LiveSource({
    kind: 'states',
    key: `runs ${userId} ${minGapMs} ${namesDeleted} ${JSON.stringify(filter ?? {})}`,
    minGapMs,
    open: (viewer) => runsFeed(source, { ...options, viewer, userId }),
    // Their owner sees them, and each look is under the owner's claims.
    watch: () => () => undefined,
  });
}

type FeedOptions = Options & { viewer: Viewer; userId: string };

function runsFeed({ viewerDb, live }: Source, options: FeedOptions): StateFeed {
  const { filter, namesDeleted, viewer, userId } = options;
  const where = whereExecution(filter);
  const shown = new Remembered<true>();
  const seen = new Remembered<number>();
  let named: Set<string> | undefined = new Set();
  let lookedAt = Date.now();

  /** How far each run's feed had grown when it was looked at; whatever has not grown since is nothing new. */
  async function grown(): Promise<string[]> {
    const since = new Date(lookedAt - OVERLAP_MS);
    lookedAt = Date.now();
    const found = await viewerDb.withViewer(viewer.claims, ({ sql }) => changedSince(sql, userId, since));
    const news = [...found].filter(([id, lastSeq]) => lastSeq > (seen.get(id) ?? 0));
    for (const [id, lastSeq] of news) seen.set(id, lastSeq);
    return news.map(([id]) => id);
  }

  async function among(ids: readonly string[], conditions: typeof where): Promise<Set<string>> {
    if (ids.length === 0) return new Set();
    const found = await viewerDb.withViewer(viewer.claims, ({ rows }) =>
      rows.select({
        model: 'TrainingExecution',
        fields: [],
        where: [{ field: 'id', in: [...ids] }, { field: 'userId', is: userId }, ...conditions],
        order: { fields: ['id'], direction: 'asc' },
        limit: ids.length,
      }),
    );
    return new Set(found.flatMap(({ place: [id] }) => id ?? []));
  }

  async function changed(ids: readonly string[]): Promise<ChangedRun[]> {
    const matches = await among(ids, where);
    const left = ids.filter((id) => !matches.has(id) && shown.has(id));
    const named = namesDeleted ? new Set(left) : await among(left, []);
    for (const id of ids) matches.has(id) ? shown.set(id, true) : shown.delete(id);
    return ids.flatMap((id) => (matches.has(id) || named.has(id) ? [{ id, hasLeft: !matches.has(id) }] : []));
  }

  // What had changed before is nothing new.
  let first: Promise<unknown> | undefined = grown();
  first.catch(() => undefined);

  return {
    first: [],
    async take() {
      await first;
      first = undefined;
      const ids = named;
      named = new Set();
      return changed(ids ? [...ids] : await grown());
    },
    isOver: false,
    failure: undefined,
    onChange: (listener) =>
      live.onUser(userId, (id) => {
        if (id === undefined || (named && named.size >= MAX_NAMED)) named = undefined;
        else named?.add(id);
        listener();
      }),
    close: () => undefined,
  };
}

/** A map that forgets its oldest entries. */
class Remembered<Value> extends Map<string, Value> {
  override set(key: string, value: Value): this {
    this.delete(key);
    super.set(key, value);
    for (const oldest of this.keys()) {
      if (this.size <= MAX_REMEMBERED) break;
      this.delete(oldest);
    }
    return this;
  }
}
