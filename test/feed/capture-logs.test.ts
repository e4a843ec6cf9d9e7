import { beforeAll, describe, expect, it } from 'vitest';
import { appendEvents, refreshLogs } from '../../src/platform/feed/feed.ts';
import {
  type FeedClient,
  insertTraining,
  line,
  linesOf,
  numbered,
  openFeed,
  trainingRow,
} from '../support/feed.ts';

let db: FeedClient;
let user: string;

beforeAll(async () => {
  const feed = await openFeed();
  ({ db, user } = feed);
  return feed.close;
});

const insert = (logs: string[] = []) => insertTraining(db, user, { logs });
const append = (id: string, lines: string[]) =>
  appendEvents(db, { kind: 'training', id, events: lines.map(line) });
const add = (id: string, lines: string[]) =>
  db.query('update public.training_executions set logs = logs || $2::text[] where id = $1', [id, lines]);
const set = (id: string, lines: string[]) =>
  db.query('update public.training_executions set logs = $2::text[] where id = $1', [id, lines]);
const column = async (id: string) => (await trainingRow(db, id)).logs;

/** Feed and column after a change, which must agree; refreshed first, since own appends may be ahead. */
async function expectLines(id: string, lines: string[]): Promise<void> {
  await refreshLogs(db);
  expect(await linesOf(db, id)).toEqual(lines);
  expect(await column(id)).toEqual(lines.slice(-1000));
}

describe('a change of the array logs', () => {
  it('that appends adds the new lines to the feed', async () => {
    const id = await insert(['a']);
    await add(id, ['b', 'c']);
    await expectLines(id, ['a', 'b', 'c']);
  });

  it('that appends lines equal to those before it adds each of them', async () => {
    const id = await insert(['w']);
    await add(id, ['w']);
    await append(id, ['w', 'w']);
    await append(id, ['w']);
    await add(id, ['w', 'w']);
    await expectLines(id, Array(7).fill('w'));
  });

  it('that appends to a column behind the feed loses nothing and brings the column up to date', async () => {
    const id = await insert();
    await append(id, ['a']);
    await append(id, ['b', 'c']);
    expect(await column(id)).toEqual(['a']);
    await add(id, ['d']);
    expect(await column(id)).toEqual(['a', 'b', 'c', 'd']);
    await expectLines(id, ['a', 'b', 'c', 'd']);
  });

  it('made from an array that was read before others wrote adds only what is new', async () => {
    const id = await insert(['a', 'b']);
    const stale = await column(id);
    await add(id, ['c']);
    await append(id, ['d']);
    await set(id, [...stale, 'e', 'f']);
    await expectLines(id, ['a', 'b', 'c', 'd', 'e', 'f']);
  });

  it('made from a full column that others have moved on since adds only what is new', async () => {
    const lines = numbered('line ', 1500);
    const id = await insert(lines.slice(0, 1000));
    const stale = await column(id);
    await add(id, lines.slice(1000));
    await set(id, [...stale, 'mine']);
    await expectLines(id, [...lines, 'mine']);
  });

  it('made from a column that is thousands of lines behind adds only what is new', async () => {
    const lines = numbered('line ', 6000);
    const id = await insert(lines.slice(0, 1000));
    const stale = await column(id);
    await append(id, lines.slice(1000));
    await set(id, [...stale, 'mine']);
    await expectLines(id, [...lines, 'mine']);
  });

  it('to its newest lines or its oldest adds nothing and is undone', async () => {
    const lines = numbered('line ', 10);
    const id = await insert(lines);
    await set(id, lines.slice(5));
    await expectLines(id, lines);
    await set(id, lines.slice(0, 5));
    await expectLines(id, lines);
  });

  it('to nothing is undone', async () => {
    const id = await insert(['a', 'b']);
    await set(id, []);
    await expectLines(id, ['a', 'b']);
  });

  it('to other lines altogether adds them', async () => {
    const id = await insert(['a', 'b']);
    await set(id, ['x', 'y']);
    await expectLines(id, ['a', 'b', 'x', 'y']);
  });

  it('to lines of which the feed has the beginning adds the rest', async () => {
    const id = await insert(['a', 'b', 'c']);
    await set(id, ['b', 'c', 'd']);
    await expectLines(id, ['a', 'b', 'c', 'd']);
  });

  it('several times in one transaction, between own appends, keeps the order of the statements', async () => {
    const id = await insert(['a']);
    await db.query('begin');
    await append(id, ['b']);
    await add(id, ['c']);
    await append(id, ['d']);
    await set(id, ['a', 'e']);
    await append(id, ['f']);
    await db.query('commit');
    await expectLines(id, ['a', 'b', 'c', 'd', 'e', 'f']);
  });

  it('to more than a thousand lines keeps all in the feed and the newest in the column', async () => {
    const id = await insert(['first']);
    await add(id, numbered('line ', 1200));
    await expectLines(id, ['first', ...numbered('line ', 1200)]);
  });

  it('with nulls, other bounds or more dimensions stores plain lines', async () => {
    const id = await insert(['a']);
    await db.query(
      "update public.training_executions set logs = logs || array[null, 'b']::text[] where id = $1",
      [id],
    );
    await db.query(`update public.training_executions set logs = '[0:4]={a,"",b,c,d}' where id = $1`, [id]);
    await db.query('update public.training_executions set logs = \'{{a,""},{b,c},{d,e}}\' where id = $1', [
      id,
    ]);
    await expectLines(id, ['a', '', 'b', 'c', 'd', 'e']);
  });

  it('leaves an inserted row with more lines than the column keeps to the next refresh', async () => {
    const lines = numbered('line ', 1100);
    const id = await insert(lines);
    await add(id, ['next']);
    await expectLines(id, [...lines, 'next']);
  });
});

describe('finding what an array begins with', () => {
  const known = async (feed: string[], lines: string[]) =>
    (await db.query('select runcast.known_lines($1, $2) as known', [feed, lines]))[0];

  it.each<[string[], string[], number]>([
    [[], ['a'], 0],
    [['a'], [], 0],
    [['a', 'b', 'c'], ['b', 'c', 'd'], 2],
    [['a', 'b', 'a', 'b', 'c'], ['a', 'b', 'c'], 3],
    [['a', 'a', 'b'], ['a', 'b'], 2],
    [['a', 'b', 'x', 'a', 'b', 'c'], ['a', 'b', 'c', 'd'], 3],
    [['a', 'a', 'a'], ['a', 'a', 'a', 'a', 'a'], 3],
  ])('in %j the longest run of %j is %i lines', async (feed, lines, expected) => {
    expect(await known(feed, lines)).toEqual({ known: expected });
  });

  it('of 2,000 identical lines with one other counts them all', async () => {
    const same = Array<string>(2000).fill('w');
    expect(await known(['x', ...same], [...same, 'y'])).toEqual({ known: 2000 });
    expect(await known([...same, 'x'], [...same.slice(1000), 'y'])).toEqual({ known: 1000 });
  });

  it('takes steps in proportion to the lines: what would take 400 million ends well within the limit', async () => {
    const same = Array<string>(20_000).fill('w');
    await db.query("set statement_timeout = '10s'");
    expect(await known(['x', ...same], [...same.slice(1), 'y', 'z'])).toEqual({ known: 19_999 });
    expect(await known(same.with(10_000, 'x'), [...same.slice(1), 'y'])).toEqual({ known: 10_000 });
    await db.query('reset statement_timeout');
  });
});
