import type { OperationContext } from '../../graphql/context.ts';
import type { StateFeed, Subject } from '../../graphql/live/source.ts';
import type { Condition } from '../../graphql/table.ts';
import type { Viewer } from '../../platform/live/access-watch.ts';
import type { ChangedExecution, UserHints } from '../../platform/live/user-hints.ts';
import { changedSince } from './sql.ts';

/**
 * A row's time is taken before its transaction commits, so a look back must reach further than the last look; longer
 * than any statement may take.
 */
const OVERLAP_MS = 60_000;
/** Runs that are in subscribers' lists as far as is known, the oldest forgotten first. */
const MAX_REMEMBERED = 5_000;
/**
 * The state that is delivered is read after it was looked at whether the run matches, and may be one that does again: what
 * follows on leaving so soon is told as well, or a list would keep what it was shown last.
 */
const LEAVING_MS = 2_000;
/** More ids than that are not worth remembering one by one: what has changed is looked for instead. */
const MAX_NAMED = 1_000;

/** A run that has changed; `hasLeft` where it matched before, and does not any more. */
export type ChangedRun = Subject & { readonly hasLeft: boolean };

type Asked = Pick<OperationContext, 'viewerDb'> & {
  viewer: Viewer;
  userId: string;
  where: readonly Condition[];
  /** Whether runs that were deleted are named as well, when they matched. */
  namesDeleted: boolean;
};

/** What there was when a subscriber asked for it: what had changed before is nothing new, and what matches may leave. */
export type KnownRuns = {
  at: number;
  /** How far the feeds of those that changed lately had grown. */
  grown: ReadonlyMap<string, number>;
  /** Those that match, oldest first. */
  matching: readonly string[];
};

/** Looks before anything is followed, so that whoever asks for the list afterwards is told of all that leaves it. */
export async function knownRuns(asked: Asked): Promise<KnownRuns> {
  const at = Date.now();
  const grown = await grownSince(asked, at - OVERLAP_MS);
  return { at, grown, matching: canLeave(asked) ? await newest(asked) : [] };
}

/** Where all match, nothing leaves but what is deleted. */
function canLeave({ where, namesDeleted }: Asked): boolean {
  return where.length > 0 || namesDeleted;
}

async function newest(asked: Asked): Promise<string[]> {
  const ids = await select(asked, asked.where, { order: ['createdAt', 'id'], limit: MAX_REMEMBERED });
  return ids.reverse();
}

export type RunsFeedOptions = Asked & {
  live: UserHints;
  known: KnownRuns;
};

/**
 * The runs of a user that match. Wake-ups name those that changed; where wake-ups may have been lost they are looked for.
 * What could not be read is owed until it can.
 */
export class RunsFeed implements StateFeed {
  readonly first = [];
  readonly isOver = false;
  readonly failure = undefined;
  readonly #options: RunsFeedOptions;
  readonly #shown = new Remembered<true>();
  /** When runs left, by `performance.now()`. */
  readonly #leftAt = new Remembered<number>();
  /** How far each run's feed had grown when it was named; whatever has not grown since is nothing new. */
  readonly #seen = new Remembered<number>();
  readonly #named = new Set<string>();
  /** At first for what has changed since it was known what there is. */
  #mustSearch = true;
  #searchedAt: number;

  constructor(options: RunsFeedOptions) {
    this.#options = options;
    const { at, grown, matching } = options.known;
    this.#searchedAt = at;
    for (const [id, seq] of grown) this.#seen.set(id, seq);
    for (const id of matching) this.#shown.set(id, true);
  }

  async take(): Promise<ChangedRun[]> {
    if (this.#mustSearch) await this.#search();
    const ids = [...this.#named];
    this.#named.clear();
    try {
      return await this.#changed(ids);
    } catch (error) {
      for (const id of ids) this.#named.add(id);
      throw error;
    }
  }

  onChange(listener: () => void): () => void {
    const { live, userId } = this.#options;
    const stop = live.onUser(userId, (execution) => {
      if (execution && execution.kind !== 'training') return;
      if (execution) this.#name(execution);
      else this.#mustSearch = true;
      listener();
    });
    queueMicrotask(listener);
    return stop;
  }

  close(): void {}

  #name({ id, seq }: ChangedExecution): void {
    if (this.#named.size >= MAX_NAMED) {
      this.#mustSearch = true;
      return;
    }
    this.#named.add(id);
    if (seq !== undefined) this.#seen.set(id, Math.max(seq, this.#seen.get(id) ?? 0));
  }

  async #changed(ids: readonly string[]): Promise<ChangedRun[]> {
    const { where, namesDeleted } = this.#options;
    const matching = await this.#among(ids, where);
    const left = ids.filter((id) => !matching.has(id) && this.#hasBeenShown(id));
    const told = namesDeleted ? new Set(left) : await this.#among(left, []);
    for (const id of ids) {
      if (matching.has(id)) this.#shown.set(id, true);
      else if (this.#shown.delete(id)) this.#leftAt.set(id, performance.now());
    }
    return ids.flatMap((id) =>
      matching.has(id) || told.has(id) ? [{ id, hasLeft: !matching.has(id) }] : [],
    );
  }

  #hasBeenShown(id: string): boolean {
    const leftAt = this.#leftAt.get(id) ?? Number.NEGATIVE_INFINITY;
    return this.#shown.has(id) || performance.now() - leftAt < LEAVING_MS;
  }

  /** Names what has changed, or was deleted, without a wake-up that named it. */
  async #search(): Promise<void> {
    this.#mustSearch = false;
    try {
      for (const id of await this.#grown()) this.#named.add(id);
      if (this.#options.namesDeleted) await this.#nameDeleted();
    } catch (error) {
      this.#mustSearch = true;
      throw error;
    }
  }

  async #nameDeleted(): Promise<void> {
    const shown = [...this.#shown.keys()];
    const there = await this.#among(shown, []);
    for (const id of shown) if (!there.has(id)) this.#named.add(id);
  }

  async #grown(): Promise<string[]> {
    const now = Date.now();
    const found = await grownSince(this.#options, this.#searchedAt - OVERLAP_MS);
    this.#searchedAt = now;
    const news = [...found].filter(([id, lastSeq]) => lastSeq > (this.#seen.get(id) ?? 0));
    for (const [id, lastSeq] of news) this.#seen.set(id, lastSeq);
    return news.map(([id]) => id);
  }

  async #among(ids: readonly string[], conditions: readonly Condition[]): Promise<Set<string>> {
    if (ids.length === 0) return new Set();
    const where = [{ field: 'id', in: ids }, ...conditions];
    return new Set(await select(this.#options, where, { order: ['id'], limit: ids.length }));
  }
}

function grownSince({ viewerDb, viewer, userId }: Asked, ms: number): Promise<Map<string, number>> {
  return viewerDb.withViewer(viewer.claims, ({ sql }) => changedSince(sql, userId, new Date(ms)));
}

/** @param page.order fields, the last of them the id */
async function select(
  { viewerDb, viewer, userId }: Asked,
  conditions: readonly Condition[],
  { order, limit }: { order: string[]; limit: number },
): Promise<string[]> {
  const found = await viewerDb.withViewer(viewer.claims, ({ rows }) =>
    rows.select({
      model: 'TrainingExecution',
      fields: [],
      where: [{ field: 'userId', is: userId }, ...conditions],
      order: { fields: order, direction: 'desc' },
      limit,
    }),
  );
  return found.flatMap(({ place }) => place.at(-1) ?? []);
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
