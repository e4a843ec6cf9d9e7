import { setTimeout as wait } from 'node:timers/promises';
import type { OperationContext } from '../../graphql/context.ts';
import { type ExecutionFilter, whereExecution } from './filter.ts';
import { following } from './follow.ts';
import { changedSince } from './sql.ts';

const INTERVAL_MS = 100;
/**
 * A row's time is taken before its transaction commits, so a look back must reach further than the last look; longer
 * than any statement may take.
 */
const OVERLAP_MS = 60_000;
/** Runs that a subscriber was told of, the oldest forgotten first. */
const MAX_REMEMBERED = 5_000;

type Source = Pick<OperationContext, 'identity' | 'viewerDb' | 'live' | 'signal'>;

/** Names each run of the caller's that has changed and matches the filter, or did when it was named last. */
export function followRuns(
  source: Source,
  userId: string,
  filter: ExecutionFilter | null | undefined,
): Promise<AsyncIterableIterator<{ id: string }>> {
  const { viewerDb, identity, live } = source;
  const where = whereExecution(filter);
  const shown = new Remembered<true>();
  const seen = new Remembered<number>();
  let lookedAt = Date.now();

  /** How far each run's feed had grown when it was looked at; whatever has not grown since is nothing new. */
  async function grown(): Promise<string[]> {
    const since = new Date(lookedAt - OVERLAP_MS);
    lookedAt = Date.now();
    const found = await viewerDb.withViewer(identity.claims, ({ sql }) => changedSince(sql, userId, since));
    const news = [...found].filter(([id, lastSeq]) => lastSeq > (seen.get(id) ?? 0));
    for (const [id, lastSeq] of news) seen.set(id, lastSeq);
    return news.map(([id]) => id);
  }

  async function matching(ids: string[]): Promise<string[]> {
    if (ids.length === 0) return [];
    const found = await viewerDb.withViewer(identity.claims, ({ rows }) =>
      rows.select({
        model: 'TrainingExecution',
        fields: [],
        where: [{ field: 'id', in: ids }, { field: 'userId', is: userId }, ...where],
        order: { fields: ['id'], direction: 'asc' },
        limit: ids.length,
      }),
    );
    const matches = new Set(found.map(({ place: [id] }) => id));
    const named = ids.filter((id) => matches.has(id) || shown.get(id));
    for (const id of ids) matches.has(id) ? shown.set(id, true) : shown.delete(id);
    return named;
  }

  return following(
    source,
    live.userHints(userId),
    async function* (wakeups, _first, signal) {
      for (;;) {
        await wakeups.wait(signal);
        if (signal.aborted) return;
        const named = wakeups.take();
        for (const id of await matching(named ? [...named] : await grown())) yield { id };
        await wait(INTERVAL_MS, undefined, { signal }).catch(() => undefined);
      }
    },
    grown,
  );
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
