import type { Sql } from '../db/sql.ts';
import type { ExecutionEvent, ExecutionRef } from './events.ts';

/** The most events of a stream that are read at once. */
export const PAGE = 500;
/** Bytes of their payloads' text: a frame is made of a page, and each of many slow clients may hold one of its own. */
export const PAGE_BYTES = 262_144;

/** An event with what it takes in memory, as told by the length of its payload's text. */
export type SizedEvent = { event: ExecutionEvent; bytes: number };

/** What a stream has after a cursor. */
export type StreamPage = { lastSeq: number; state: 'open' | 'closed'; events: SizedEvent[] };

/** Of events after a cursor, in order, at least one and at most as many. */
export type PageRequest = { ref: ExecutionRef; after: number; most: number };

type Row = {
  at: string;
  lastSeq: number | null;
  state: 'open' | 'closed';
  /** A line an event: number, type, microseconds since 1970, attempt and payload. Null where there is none. */
  events: string | null;
};

/**
 * One statement for many streams: the lateral join opens the one partition that each stream's bucket names. A page is one
 * text, since rows of their own took Postgres twice as long to send and this process three times as long to read. The
 * arrays are hidden from the planner, who would else plan anew for every number of streams.
 */
export const READ_STREAMS = `
  with asked as materialized (
    select $1::text[] as kinds, $2::text[] as ids, $3::float8[] as afters, $4::integer[] as mosts)
  select r.at, s.last_seq::float8 as "lastSeq", s.state, e.events
  from asked, unnest(kinds, ids, afters, mosts) with ordinality as r (kind, id, after, most, at)
  left join runcast.execution_streams s on s.kind = r.kind and s.execution_id = r.id
  left join lateral (
    select string_agg(
      concat_ws(' ', seq, type, (date_part('epoch', at) * 1e6)::bigint, attempt, payload), e'\n' order by seq) as events
    from (
      select seq, type, at, attempt, payload from runcast.execution_events
      where bucket = s.bucket and kind = s.kind and execution_id = s.execution_id and seq > r.after::bigint
      order by seq limit r.most) page) e on r.after < s.last_seq`;

/**
 * A page of each of several streams, in one statement and so as of one moment: a stream that is closed and whose last
 * event is in its page has nothing more to come.
 *
 * @returns in the order of the requests; undefined where there is no such execution, or its events are not there
 */
export async function readStreams(
  sql: Sql,
  requests: readonly PageRequest[],
): Promise<(StreamPage | undefined)[]> {
  const rows = await sql.query<Row>(READ_STREAMS, [
    requests.map(({ ref }) => ref.kind),
    requests.map(({ ref }) => ref.id),
    requests.map(({ after }) => after),
    requests.map(({ most }) => most),
  ]);
  const byRequest = new Map(rows.map((row) => [Number(row.at) - 1, row]));
  return requests.map(({ after }, at) => pageOf(byRequest.get(at), after));
}

function pageOf(row: Row | undefined, after: number): StreamPage | undefined {
  if (row?.lastSeq == null) return undefined;
  const events = row.events === null ? [] : eventsOf(row.events);
  // Removed past the feed, say with their partition: whoever waited for them would read again and again.
  if (events.length === 0 && row.lastSeq > after) return undefined;
  return { lastSeq: row.lastSeq, state: row.state, events };
}

/** What is between the four words in front of a payload. */
const SPACES = 4;

/** The database lets nothing into the feed that is not of its type's shape, so what it holds is taken at its word. */
function eventsOf(lines: string): SizedEvent[] {
  let at = new Date(0);
  let moment = '';
  // Payloads have no line breaks of their own: as JSON these are escaped.
  return lines.split('\n').map((line) => {
    const [seq = '', type = '', microseconds = '', attempt = ''] = line.split(' ', SPACES);
    // What was appended together has one moment.
    if (microseconds !== moment) {
      moment = microseconds;
      at = new Date(Math.floor(Number(microseconds) / 1_000));
    }
    const payload = line.slice(seq.length + type.length + microseconds.length + attempt.length + SPACES);
    const event = { seq: Number(seq), type, at, attempt: Number(attempt), payload: JSON.parse(payload) };
    return { event: event as ExecutionEvent, bytes: payload.length };
  });
}
