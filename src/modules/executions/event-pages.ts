import { createBatch } from '../../graphql/batch.ts';
import type { Context } from '../../graphql/context.ts';
import { perLease } from '../../graphql/context.ts';
import { badInput } from '../../graphql/errors.ts';
import type { EventType, ExecutionEvent, ExecutionRef } from '../../platform/feed/events.ts';
import { type EventRange, loadEvents } from './feed.ts';

export type PageArgs = {
  first?: number | null | undefined;
  last?: number | null | undefined;
  after?: string | null | undefined;
  before?: string | null | undefined;
};

const DEFAULT_PAGE = 100;
const MAX_PAGE = 500;

const batches = () => new Map<string, (id: string) => Promise<ExecutionEvent[] | undefined>>();

/**
 * A page of an execution's events; executions of one kind on one level of a query that ask for the same page are read in
 * one statement. Cursors are the events' numbers as text, so `executionEvents(after:)` goes on where a page ends.
 */
export async function eventPage(
  context: Context,
  { kind, id }: ExecutionRef,
  args: PageArgs,
  types: readonly EventType[] | undefined,
) {
  const { limit, ...range } = rangeOf(args, types);
  const key = JSON.stringify({ kind, ...range, limit });
  const known = perLease(context, batches);
  // One more than asked for tells whether there is a next page.
  const load =
    known.get(key) ??
    createBatch((ids) => loadEvents(context.db.sql, kind, ids, { ...range, limit: limit + 1 }));
  known.set(key, load);
  const found = (await load(id)) ?? [];
  const isMore = found.length > limit;
  const page = range.from === 'start' ? found.slice(0, limit) : found.slice(-limit);
  const edges = page.map((node) => ({ cursor: String(node.seq), node }));
  return {
    edges,
    pageInfo: {
      startCursor: edges.at(0)?.cursor ?? null,
      endCursor: edges.at(-1)?.cursor ?? null,
      hasNextPage: range.from === 'start' ? isMore : range.before !== undefined,
      hasPreviousPage: range.from === 'end' ? isMore : range.after > 0,
    },
  };
}

function rangeOf(
  { first, last, after, before }: PageArgs,
  types: readonly EventType[] | undefined,
): EventRange {
  if (first != null && last != null) throw badInput('Ask for `first` or for `last`, not for both.');
  const limit = first ?? last ?? DEFAULT_PAGE;
  if (limit < 0 || limit > MAX_PAGE) throw badInput(`\`first\` and \`last\` go from 0 to ${MAX_PAGE} here.`);
  return {
    after: seqOf(after) ?? 0,
    before: seqOf(before),
    types,
    limit,
    from: last == null ? 'start' : 'end',
  };
}

function seqOf(cursor: string | null | undefined): number | undefined {
  if (cursor == null) return undefined;
  if (!/^\d{1,15}$/.test(cursor))
    throw badInput('A cursor of events is the number of an event, such as "42".');
  return Number(cursor);
}
