import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { appendEvents } from '../../../src/platform/feed/feed.ts';
import { type Data, type Socket, startApi, type TestApi, type User } from '../../support/api.ts';
import { connectFeed, type FeedClient, insertTraining, line } from '../../support/feed.ts';

const CHANGED = `subscription ($id: ID!, $maxRate: Float! = 10) {
  executionChanged(id: $id, maxRate: $maxRate) { databaseId status progress lastSeq }
}`;
const LIST = `subscription ($filter: TrainingExecutionFilter) {
  executionListChanged(filter: $filter) { databaseId id hasLeft execution { databaseId status } }
}`;
const RUNS = `subscription ($filter: TrainingExecutionFilter, $maxRate: Float! = 10) {
  executionsChanged(filter: $filter, maxRate: $maxRate) { databaseId status }
}`;

let api: TestApi;
let user: User;
let writer: FeedClient;
let socket: Socket;

beforeAll(async () => {
  api = await startApi();
  writer = await connectFeed(api.database.admin);
});
beforeEach(async () => {
  user = await api.makeUser();
  socket = api.socket(user);
  return async () => socket.dispose();
});
afterAll(async () => {
  await writer.client.end();
  await api.close();
});

const append = (id: string, ...events: Parameters<typeof appendEvents>[1]['events']) =>
  appendEvents(writer, { kind: 'training', id, events });
const to = (status: string) => ({ type: 'status', payload: { to: status } }) as const;
const remove = (id: string) => writer.query('delete from public.training_executions where id = $1', [id]);
const insert = (status = 'running') => insertTraining(writer, user.id, { status });

type Results = AsyncIterableIterator<{ data?: Data; errors?: unknown }>;

/** Follows, and is taken by the server by the time this resolves. */
async function follow(query: string, variables: object = {}): Promise<{ next(): Promise<Data> }> {
  const { following: results } = await api.taken((): Results => socket.follow(query, variables));
  const waiting: Promise<IteratorResult<{ data?: Data; errors?: unknown }>>[] = [results.next()];
  return {
    async next() {
      const { value } = await (waiting.shift() ?? results.next());
      if (value?.errors) throw new Error(JSON.stringify(value.errors));
      return Object.values(value?.data ?? {})[0];
    },
  };
}

async function refusalOf(query: string, variables: object): Promise<string> {
  const failure: Data = await socket
    .follow(query, variables)
    .next()
    .catch((errors) => errors);
  return JSON.stringify(failure);
}

describe('the rate of states', () => {
  it.each([0, -1, 0.001, 10.5, 1e9])('may not be %d', async (maxRate) => {
    const id = await insert();
    for (const [query, variables] of [
      [CHANGED, { id, maxRate }],
      [RUNS, { maxRate }],
    ] as const) {
      const refusal = await refusalOf(query, variables);
      expect(refusal).toContain('BAD_USER_INPUT');
      expect(refusal).toContain('`maxRate` goes from 0.01 to 10 states a second.');
    }
  });

  it('bounds how many there are, and the last is among them', async () => {
    const id = await insert();
    const results = socket.follow(CHANGED, { id, maxRate: 5 });
    const begun = performance.now();
    const states: Data[] = [(await results.next()).value?.data?.executionChanged];
    for (let percent = 1; percent <= 100; percent += 1) {
      await append(id, { type: 'progress', payload: { percent } });
    }
    await append(id, to('completed'));
    for await (const { data } of results) states.push(data.executionChanged);
    const seconds = (performance.now() - begun) / 1000;
    expect(states.at(-1)).toMatchObject({ status: 'COMPLETED', progress: 100, lastSeq: 102 });
    // The first comes at once, beside those of its rate.
    expect(states.length).toBeLessThanOrEqual(2 + 5 * seconds);
    expect(states.map(({ lastSeq }) => lastSeq)).toEqual(
      states.map(({ lastSeq }) => lastSeq).sort((a, b) => a - b),
    );
  });

  it('is shared by those who ask for the same, and gives whoever comes the state at once', async () => {
    const id = await insert();
    const before = api.live.stats.frames;
    const slow = await Promise.all(Array.from({ length: 20 }, () => follow(CHANGED, { id, maxRate: 0.01 })));
    for (const each of slow) expect(await each.next()).toMatchObject({ status: 'RUNNING' });
    await append(id, { type: 'progress', payload: { percent: 50 } });
    // It does not wait the hundred seconds that the others may wait for the next.
    expect(await (await follow(CHANGED, { id, maxRate: 0.01 })).next()).toMatchObject({ progress: 50 });
    expect(api.live.stats.frames - before).toBeLessThan(20);
  });
});

describe('executionListChanged', () => {
  const filter = { status: ['RUNNING'] };

  it('says of a run that it has left, also where it was there before anybody followed', async () => {
    const [early, late] = [await insert(), await insert('pending')];
    const list = await follow(LIST, { filter });
    await append(late, to('running'));
    expect(await list.next()).toMatchObject({
      databaseId: late,
      hasLeft: false,
      execution: { status: 'RUNNING' },
    });
    await append(early, to('completed'));
    expect(await list.next()).toMatchObject({
      databaseId: early,
      hasLeft: true,
      execution: { status: 'COMPLETED' },
    });
  });

  it('says of one that was deleted that it has left, and has no more of it', async () => {
    const [gone, other] = [await insert(), await insert()];
    const list = await follow(LIST, { filter });
    await remove(gone);
    // That it came into being may be heard of before, which is no change that it has left.
    let change = await list.next();
    while (!change.hasLeft) change = await list.next();
    expect(change).toEqual({ databaseId: gone, id: expect.any(String), hasLeft: true, execution: null });
    await append(other, line('x'));
    // What is heard of it so soon afterwards says once more that it has left; its state never comes again.
    while (change.databaseId === gone) {
      expect(change.hasLeft).toBe(true);
      change = await list.next();
    }
    expect(change).toMatchObject({ databaseId: other, hasLeft: false });
  });

  it('says nothing of a run that never matched, nor of anybody else’s', async () => {
    const [pending, mine] = [await insert('pending'), await insert()];
    const theirs = await insertTraining(writer, (await api.makeUser()).id, { status: 'running' });
    const list = await follow(LIST, { filter });
    for (const id of [pending, theirs]) await append(id, line('x'));
    await remove(pending);
    await append(mine, line('x'));
    expect(await list.next()).toMatchObject({ databaseId: mine, hasLeft: false });
  });

  it('tells of all at once where all were deleted at once', { timeout: 8_000 }, async () => {
    const ids = [await insert(), await insert()];
    const list = await follow(LIST, { filter });
    await writer.query('truncate public.training_executions');
    const changes = [await list.next(), await list.next()];
    expect(new Set(changes.map(({ databaseId }) => databaseId))).toEqual(new Set(ids));
    for (const change of changes) expect(change).toMatchObject({ hasLeft: true, execution: null });
  });
});

describe('executionsChanged', () => {
  it('does not tell of a run that was deleted', async () => {
    const [gone, other] = [await insert(), await insert()];
    const runs = await follow(RUNS);
    await append(gone, line('x'));
    expect(await runs.next()).toMatchObject({ databaseId: gone });
    await remove(gone);
    await append(other, line('x'));
    expect(await runs.next()).toMatchObject({ databaseId: other });
  });

  it('gives one that has left the filter once more, though it was there before', async () => {
    const id = await insert();
    const runs = await follow(RUNS, { filter: { status: ['RUNNING'] } });
    await append(id, to('failed'));
    expect(await runs.next()).toEqual({ databaseId: id, status: 'FAILED' });
  });
});

describe('while the database is away', () => {
  /** Ends the connections that the API reads over, which come back when they are needed. */
  const cut = (times: number) =>
    Array.from({ length: times }, () =>
      writer.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where application_name = 'runcast api' and datname = current_database()`,
      ),
    );

  it('states wait, and nobody is told of it', async () => {
    const id = await insert();
    const [one, list] = [await follow(CHANGED, { id }), await follow(LIST)];
    await one.next();
    for (let percent = 1; percent <= 30; percent += 1) {
      await Promise.all(cut(2));
      await append(id, { type: 'progress', payload: { percent } });
    }
    await append(id, to('completed'));
    let state: Data;
    do state = await one.next();
    while (state.status !== 'COMPLETED');
    expect(state.progress).toBe(30);
    let change: Data;
    do change = await list.next();
    while (change.execution.status !== 'COMPLETED');
  });
});
