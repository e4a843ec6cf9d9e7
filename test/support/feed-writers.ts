import { EventEmitter, once } from 'node:events';
import { codeOf, messageOf } from '../../src/platform/errors.ts';
import type { EventInput } from '../../src/platform/feed/events.ts';
import { appendEvents, findStream, readEvents, refreshLogs } from '../../src/platform/feed/feed.ts';
import {
  connectFeed,
  type FeedClient,
  insertTraining,
  insertUser,
  line,
  linesOf,
  trainingRow,
} from './feed.ts';

const WRITERS = 16;
const STREAMS = 4;
const READERS = 8;
/** A line that own appends and `||` write again and again; an array that was read earlier cannot tell two of it apart. */
const REPEATED = 'epoch done';

/** What went on and what is wrong; all lists of faults are empty when the feed is right. */
export type WritersReport = {
  committed: number;
  rolledBack: number;
  refused: number;
  streamsEnded: number;
  lines: number;
  read: number;
  faults: string[];
};

type Stream = { id: string; lines: Map<string, number>; repeated: number };
type Run = {
  url: string;
  user: string;
  streams: Stream[];
  ended: Stream[];
  isOver: () => boolean;
  report: WritersReport;
};

/**
 * 16 writers on 4 streams, and on a fifth that some of them end and replace, by every way there is into the feed, until
 * `durationMs` is over and every case came up, with 8 readers that follow by cursor. Then compares what was committed with feed and column.
 */
export async function runFeedWriters(url: string, durationMs: number): Promise<WritersReport> {
  await using admin = await connectFeed(url);
  const user = await insertUser(admin);
  const deadline = Date.now() + durationMs;
  const report: WritersReport = {
    ...{ committed: 0, rolledBack: 0, refused: 0, streamsEnded: 0, lines: 0, read: 0 },
    faults: [],
  };
  // On a busy machine the time alone could be over before every case came up.
  const isOver = () => Date.now() >= deadline && report.streamsEnded > 0 && report.rolledBack > 10;
  const run: Run = { url, user, streams: [], ended: [], isOver, report };
  for (let i = 0; i <= STREAMS; i++) run.streams.push(await openStream(admin, user));

  const hints = await followHints(url);
  const readers = Array.from({ length: READERS }, (_, i) => follow(run, at(run.streams, i % STREAMS), hints));
  await Promise.all(Array.from({ length: WRITERS }, (_, name) => write(run, name)));
  hints.end();
  await Promise.all(readers);
  await hints[Symbol.asyncDispose]();

  while ((await refreshLogs(admin)) > 0) {}
  for (const stream of [...run.streams, ...run.ended]) await compare(admin, stream, run.report);
  return run.report;
}

async function openStream(db: FeedClient, user: string): Promise<Stream> {
  return { id: await insertTraining(db, user), lines: new Map(), repeated: 0 };
}

/** One writer: transactions on random streams in random ways; a fifth of them are rolled back. */
async function write(run: Run, name: number): Promise<void> {
  await using db = await connectFeed(run.url);
  let counter = 0;
  const fresh = (count: number) => Array.from({ length: count }, () => `w${name}-${counter++}`);
  while (!run.isOver()) {
    const slot = chance(0.05) ? STREAMS : Math.floor(Math.random() * STREAMS);
    const stream = at(run.streams, slot);
    const transaction = new Transaction(db, stream.id, run.user, fresh);
    try {
      const ends = slot === STREAMS && chance(0.2);
      await transaction.write(ends);
      if (chance(0.2)) {
        await db.query('rollback');
        run.report.rolledBack++;
        continue;
      }
      await db.query('commit');
      run.report.committed++;
      for (const text of transaction.lines) {
        if (text === REPEATED) stream.repeated++;
        else stream.lines.set(text, (stream.lines.get(text) ?? 0) + 1);
      }
      if (ends) {
        run.report.streamsEnded++;
        run.ended.push(stream);
        run.streams[slot] = await openStream(db, run.user);
      }
    } catch (error) {
      await db.query('rollback');
      const code = codeOf(error);
      // Only the stream that others end may be closed under a writer.
      if (slot === STREAMS && (code === 'RC002' || code === 'STREAM_CLOSED')) run.report.refused++;
      else run.report.faults.push(`writer ${name}: ${code} ${messageOf(error)}`);
    }
  }
}

class Transaction {
  readonly lines: string[] = [];
  readonly db: FeedClient;
  readonly id: string;
  readonly user: string;
  readonly fresh: (count: number) => string[];

  constructor(db: FeedClient, id: string, user: string, fresh: (count: number) => string[]) {
    this.db = db;
    this.id = id;
    this.user = user;
    this.fresh = fresh;
  }

  /** Leaves the transaction open, with everything it wrote in `lines`. */
  async write(ends: boolean): Promise<void> {
    const way = Math.floor(Math.random() * 4);
    const stale = way >= 2 ? (await trainingRow(this.db, this.id)).logs : [];
    await this.db.query('begin');
    if (way === 0) await this.own();
    else if (way === 1) await this.append();
    else if (way === 2) await this.replace(stale);
    else {
      await this.own();
      await this.append();
      await this.own();
      await this.replace(stale);
      await this.append();
    }
    if (!ends) return;
    const last = this.fresh(2);
    await this.asSomebody();
    await this.db.query(
      "update public.training_executions set status = 'failed', progress = 100, logs = logs || $2::text[] where id = $1",
      [this.id, last],
    );
    this.lines.push(...last);
  }

  async own(): Promise<void> {
    const lines = [...this.fresh(4), REPEATED, REPEATED];
    await this.actAs('service_role');
    const percent: EventInput = { type: 'progress', payload: { percent: Math.floor(Math.random() * 100) } };
    // Lines alone take another way than lines with anything else.
    const events = chance(0.5) ? lines.map(line) : [...lines.map(line), percent];
    await appendEvents(this.db, { kind: 'training', id: this.id, events });
    this.lines.push(...lines);
  }

  async append(): Promise<void> {
    const lines = [REPEATED, ...this.fresh(2), REPEATED];
    await this.asSomebody();
    await this.db.query(
      'update public.training_executions set logs = logs || $2::text[], progress = $3 where id = $1',
      [this.id, lines, Math.floor(Math.random() * 100)],
    );
    this.lines.push(...lines);
  }

  async replace(stale: string[]): Promise<void> {
    const lines = this.fresh(2);
    await this.asSomebody();
    await this.db.query('update public.training_executions set logs = $2::text[] where id = $1', [
      this.id,
      [...stale, ...lines],
    ]);
    this.lines.push(...lines);
  }

  /** A Supabase client or the tables' owner in psql. */
  asSomebody(): Promise<void> {
    return this.actAs(chance(0.5) ? 'authenticated' : 'none');
  }

  async actAs(role: 'service_role' | 'authenticated' | 'none'): Promise<void> {
    await this.db.query("select set_config('role', $1, true), set_config('request.jwt.claims', $2, true)", [
      role,
      role === 'none' ? '' : JSON.stringify({ role, sub: this.user }),
    ]);
  }
}

type Hints = {
  /** Resolves once a stream is known to have events after `seq`, or the writers have ended. */
  after(id: string, seq: number): Promise<void>;
  hasEnded(): boolean;
  end(): void;
  [Symbol.asyncDispose](): Promise<void>;
};

async function followHints(url: string): Promise<Hints> {
  const db = await connectFeed(url);
  const events = new EventEmitter().setMaxListeners(READERS);
  const newest = new Map<string, number>();
  let ended = false;
  db.client.on('notification', ({ payload }) => {
    const { i, s } = JSON.parse(payload ?? '') as { i: string; s: number };
    newest.set(i, s);
    events.emit('change');
  });
  await db.query('listen runcast_feed');
  return {
    async after(id, seq) {
      while (!ended && (newest.get(id) ?? 0) <= seq) await once(events, 'change');
    },
    hasEnded: () => ended,
    end() {
      ended = true;
      events.emit('change');
    },
    [Symbol.asyncDispose]: () => db[Symbol.asyncDispose](),
  };
}

/** One reader: follows a stream by cursor to the end of all that was written. */
async function follow(run: Run, { id }: Stream, hints: Hints): Promise<void> {
  await using db = await connectFeed(run.url);
  await db.as('authenticated', run.user);
  let cursor = 0;
  for (;;) {
    const isLast = hints.hasEnded();
    const events = await readEvents(db, { kind: 'training', id, after: cursor, limit: 500 });
    for (const event of events) {
      if (event.seq !== cursor + 1) run.report.faults.push(`reader of ${id}: ${event.seq} after ${cursor}`);
      cursor = event.seq;
      run.report.read++;
    }
    if (events.length > 0) continue;
    if (isLast) break;
    await hints.after(id, cursor);
  }
  const head = await findStream(db, { kind: 'training', id });
  if (head?.lastSeq !== cursor)
    run.report.faults.push(`reader of ${id} ended at ${cursor} of ${head?.lastSeq}`);
}

/** What was committed against the feed, the feed against itself, and the column against the feed. */
async function compare(
  db: FeedClient,
  { id, lines, repeated }: Stream,
  report: WritersReport,
): Promise<void> {
  const { faults } = report;
  const feed = await linesOf(db, id);
  report.lines += feed.length;
  const unique = feed.filter((text) => text !== REPEATED);
  if (feed.length - unique.length !== repeated) {
    faults.push(`${id}: ${feed.length - unique.length} repeated lines of ${repeated}`);
  }
  const seen = new Set(unique);
  const lost = lines
    .keys()
    .filter((text) => !seen.has(text))
    .toArray();
  if (lost.length > 0) faults.push(`${id}: lost ${lost.length}, first ${lost[0]}`);
  if (unique.length !== seen.size) faults.push(`${id}: ${unique.length - seen.size} doubled`);
  if (seen.size !== lines.size) faults.push(`${id}: ${seen.size} lines of ${lines.size}`);
  const last = new Map<string, number>();
  for (const text of unique) {
    const [writer = '', number] = text.split('-');
    if ((last.get(writer) ?? -1) >= Number(number)) faults.push(`${id}: ${text} out of order`);
    last.set(writer, Number(number));
  }
  const [numbers] = await db.query<{ count: number; last: number; ends: boolean }>(
    `select count(*)::int as count, max(seq)::int as last,
       coalesce(bool_or(payload ->> 'to' = 'failed' and seq < s.last_seq), false) as ends
     from runcast.execution_streams s join runcast.execution_events e using (bucket, kind, execution_id)
     where execution_id = $1`,
    [id],
  );
  if (numbers?.count !== numbers?.last) faults.push(`${id}: ${numbers?.count} events up to ${numbers?.last}`);
  if (numbers?.ends) faults.push(`${id}: events after the terminal status`);
  const { logs } = await trainingRow(db, id);
  if (logs.join('\n') !== feed.slice(-1000).join('\n'))
    faults.push(`${id}: the column is not the newest lines`);
}

function chance(probability: number): boolean {
  return Math.random() < probability;
}

function at<T>(list: T[], index: number): T {
  const item = list[index];
  if (item === undefined) throw new Error(`nothing at ${index}`);
  return item;
}
