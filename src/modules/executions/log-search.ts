import { certainWord, searchWords, wordsOf } from '../../graphql/search-text.ts';
import type { Sql } from '../../platform/db/sql.ts';
import type { ExecutionEvent, ExecutionKind } from '../../platform/feed/events.ts';

/**
 * How many events of one execution a page looks through. Looking for a word's letters costs 1 µs a line, and cutting it
 * into words 15 µs. There is no index: it would slow every append down for what is asked seldom, and of one execution at
 * a time; and under row-level security no text search may choose one.
 */
export const SEARCH_WINDOW = 100_000;

export type LogSearch = {
  executionId: string;
  kinds: readonly ExecutionKind[];
  query: string;
  /** Lines with larger numbers than that; 0 for the beginning. */
  after: number;
  limit: number;
};

export type FoundLines = {
  lines: ExecutionEvent[];
  /** Where to go on: the last event that was looked at, or the last line where the page was full. */
  upTo: number;
  hasMore: boolean;
};

type Row = ExecutionEvent & { lastSeq: number };

/**
 * Looks for lines within one execution: its key bounds what is read, in one statement. The subselects run first, so
 * Postgres opens the one partition that they name.
 */
export const SEARCH_LINES = `
  with stream as materialized (
    select kind, execution_id, bucket, last_seq from runcast.execution_streams
    where execution_id = $1 and kind = any($2::text[])
    limit 1),
  found as (
    select seq::float8 as seq, type, at, attempt, payload from runcast.execution_events
    where bucket = (select bucket from stream) and kind = (select kind from stream)
      and execution_id = (select execution_id from stream)
      and seq > $3::float8::bigint and seq <= $3::float8::bigint + ${SEARCH_WINDOW} and type = 'log'
      and ($6::text is null or payload ->> 'message' ilike $6::text)
      and ${wordsOf(`payload ->> 'message'`)} @@ websearch_to_tsquery('simple', $4)
    order by execution_events.seq limit $5::float8::bigint)
  select stream.last_seq::float8 as "lastSeq", found.*
  from stream left join found on true
  order by found.seq`;

/** @returns undefined where there is no such execution that the connection's role may see */
export async function searchLines(sql: Sql, search: LogSearch): Promise<FoundLines | undefined> {
  const { executionId, kinds, query, after, limit } = search;
  const words = searchWords(query);
  const certain = certainWord(words);
  // One more than asked for tells whether there is another.
  const values = [executionId, kinds, after, words, limit + 1, certain === undefined ? null : `%${certain}%`];
  const rows = await sql.query<Row>(SEARCH_LINES, values);
  const [first] = rows;
  if (first === undefined) return undefined;
  const found = rows.filter(({ seq }) => seq !== null).map(({ lastSeq: _, ...line }) => line);
  const lines = found.slice(0, limit);
  const end = after + SEARCH_WINDOW;
  if (found.length > limit) return { lines, upTo: lines.at(-1)?.seq ?? after, hasMore: true };
  return { lines, upTo: Math.max(after, Math.min(end, first.lastSeq)), hasMore: end < first.lastSeq };
}
