import { scheduler } from 'node:timers/promises';
import type { Sql } from '../../../src/platform/db/sql.ts';
import { linesOf } from '../feed.ts';
import type { Follower } from './follower.ts';
import { startWriter, type Write, type Writer } from './writer.ts';

/** All but the first two are empty where nothing was lost. */
export type SceneReport = {
  acknowledged: number;
  failed: number;
  /** Lines that were acknowledged and are not in the feed, or not once, or not in the order in which they were written. */
  lost: string[];
  /** What followers missed, received twice or in the wrong order, or that made an end of their subscription. */
  faults: string[];
};

/** A run that some write to and others follow, whatever happens to what lies between. */
export type Scene = {
  /** Resolves once every writer has written something more and every follower has it. */
  caughtUp(): Promise<void>;
  /** Ends the run, waits until every follower knows, and compares. */
  finish(): Promise<SceneReport>;
};

/** From the end of the run on: longer than what is promised, so that a promise that is broken is told as such. */
const PATIENCE_MS = 20_000;

export function openScene(options: {
  id: string;
  writes: readonly Write[];
  followers: readonly Follower[];
  /** Ends the run. */
  complete: () => Promise<unknown>;
  /** To look into the feed at the end, past row-level security. */
  admin: () => Promise<Sql>;
}): Scene {
  const { id, followers } = options;
  const writers = options.writes.map((write, i) => startWriter(`writer${i}`, write));
  return {
    async caughtUp() {
      const seq = Math.max(...(await Promise.all(writers.map((writer) => writer.next()))));
      await Promise.all(followers.map((follower) => follower.reached(seq)));
    },
    async finish() {
      await Promise.all(writers.map((writer) => writer.stop()));
      await options.complete();
      const late = await lateAfter(PATIENCE_MS, followers);
      const feed = await linesOf(await options.admin(), id);
      return {
        acknowledged: writers.reduce((sum, { acknowledged }) => sum + acknowledged.length, 0),
        failed: writers.reduce((sum, { failed }) => sum + failed, 0),
        lost: writers.flatMap((writer) => lostOf(writer, feed)),
        faults: [...late, ...followers.flatMap((follower, i) => faultsOf(follower, feed, i))],
      };
    },
  };
}

async function lateAfter(ms: number, followers: readonly Follower[]): Promise<string[]> {
  const all = Promise.all(followers.map(({ ended }) => ended)).then((): string[] => []);
  const giveUp = new AbortController();
  const late = scheduler.wait(ms, giveUp).then(() => [`not all were at the end after ${ms} ms`]);
  late.catch(() => {});
  try {
    return await Promise.race([all, late]);
  } finally {
    giveUp.abort();
  }
}

/** The first of them; a line too many is one as well. */
function lostOf({ acknowledged }: Writer, feed: readonly string[]): string[] {
  const wanted = new Set(acknowledged);
  const found = feed.filter((line) => wanted.has(line));
  const longer = found.length > acknowledged.length ? found : acknowledged;
  return longer.filter((_, i) => found[i] !== acknowledged[i]).slice(0, 3);
}

function faultsOf({ faults, lines }: Follower, feed: readonly string[], index: number): string[] {
  const hasAll = lines.length === feed.length && lines.every((line, i) => line === feed[i]);
  const all = hasAll ? faults : [...faults, `${lines.length} lines of ${feed.length}, or others`];
  return all.map((fault) => `follower ${index}: ${fault}`);
}
