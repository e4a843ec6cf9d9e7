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
  seq: number | null;
  type: ExecutionEvent['type'];
  moment: Date;
  attempt: number;
  payload: string;
};

/** One statement for many streams: the lateral join opens the one partition that each stream's bucket names. */
const READ_STREAMS = `
  select r.at, s.last_seq::float8 as "lastSeq", s.state, e.seq::float8 as seq, e.type, e.at as moment, e.attempt,
    e.payload::text as payload
  from unnest($1::text[], $2::text[], $3::float8[], $4::integer[]) with ordinality as r (kind, id, after, most, at)
  left join runcast.execution_streams s on s.kind = r.kind and s.execution_id = r.id
  left join lateral (
    select seq, type, at, attempt, payload from runcast.execution_events
    where bucket = s.bucket and kind = s.kind and execution_id = s.execution_id and seq > r.after::bigint
    order by seq limit r.most) e on r.after < s.last_seq
  order by r.at, e.seq`;

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
  const byRequest = Map.groupBy(rows, ({ at }) => Number(at) - 1);
  return requests.map(({ after }, at) => pageOf(byRequest.get(at) ?? [], after));
}

function pageOf(rows: readonly Row[], after: number): StreamPage | undefined {
  const [first] = rows;
  if (first?.lastSeq == null) return undefined;
  const events = rows.flatMap((row) => (row.seq === null ? [] : [eventOf(row, row.seq)]));
  // Removed past the feed, say with their partition: whoever waited for them would read again and again.
  if (events.length === 0 && first.lastSeq > after) return undefined;
  return { lastSeq: first.lastSeq, state: first.state, events };
}

/** The database lets nothing into the feed that is not of its type's shape, so what it holds is taken at its word. */
function eventOf({ type, moment, attempt, payload }: Row, seq: number): SizedEvent {
  const event = { seq, type, at: moment, attempt, payload: JSON.parse(payload) } as ExecutionEvent;
  return { event, bytes: payload.length };
}
