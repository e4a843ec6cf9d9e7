import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { appendEvents } from '../../../src/platform/feed/feed.ts';
import { type Data, startApi, type TestApi, tokenOf, type User } from '../../support/api.ts';
import { connectFeed, type FeedClient, insertTraining, line } from '../../support/feed.ts';

const FOLLOW = `subscription ($id: ID!, $after: Int! = 0, $wait: Int! = 0) {
  executionEvents(id: $id, after: $after, maxWaitMs: $wait) {
    lastSeq ended hasMore events { seq __typename ... on LogEvent { message } ... on StatusEvent { from to } }
  }
}`;

let api: TestApi;
let user: User;
let writer: FeedClient;

beforeAll(async () => {
  api = await startApi();
  user = await api.makeUser();
  writer = await connectFeed(api.database.admin);
});
afterAll(async () => {
  await writer.client.end();
  await api.close();
});

const status = (to: string) => ({ type: 'status', payload: { to } }) as const;
const append = (id: string, ...events: Parameters<typeof appendEvents>[1]['events']) =>
  appendEvents(writer, { kind: 'training', id, events });

type Batch = {
  lastSeq: number;
  ended: boolean;
  hasMore: boolean;
  events: { seq: number; message?: string }[];
};

async function collect(results: AsyncIterable<{ data?: Data; errors?: unknown }>): Promise<Batch[]> {
  const batches: Batch[] = [];
  for await (const { data, errors } of results) {
    expect(errors).toBeUndefined();
    batches.push(data.executionEvents);
  }
  return batches;
}

const seqs = (batches: Batch[]) => batches.flatMap(({ events }) => events.map(({ seq }) => seq));
const upTo = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

describe('executionEvents', () => {
  it('replays what was, goes on live and completes after the end', async () => {
    const id = await insertTraining(writer, user.id);
    await append(id, status('running'), line('one'));
    const socket = api.socket(user);
    const follow = socket.follow(FOLLOW, { id });
    const first = (await follow.next()).value?.data.executionEvents;
    expect(first).toMatchObject({ lastSeq: 3, ended: false });
    await append(id, line('two'));
    expect((await follow.next()).value?.data.executionEvents.events).toEqual([
      { seq: 4, __typename: 'LogEvent', message: 'two' },
    ]);
    await append(id, status('completed'));
    const rest = await collect(follow);
    expect(rest).toEqual([
      {
        lastSeq: 5,
        ended: true,
        hasMore: false,
        events: [{ seq: 5, __typename: 'StatusEvent', from: 'running', to: 'completed' }],
      },
    ]);
    await socket.dispose();
  });

  it('gives every follower everything once from any cursor while four write', {
    timeout: 120_000,
  }, async () => {
    const id = await insertTraining(writer, user.id);
    await append(id, status('running'));
    const socket = api.socket(user);
    const writers = await Promise.all(Array.from({ length: 4 }, () => connectFeed(api.database.admin)));
    const cursors = [0, 1, 2, 37, 150, 400];
    const followers = cursors.map((after) => collect(socket.follow(FOLLOW, { id, after })));
    await Promise.all(
      writers.map(async (own, w) => {
        for (let i = 0; i < 40; i += 1) {
          const events = upTo(0, i % 5).map((n) => line(`${w}/${i}/${n}`));
          await appendEvents(own, { kind: 'training', id, events });
        }
        await own.client.end();
      }),
    );
    const last = await append(id, status('completed'));
    for (const [index, follower] of followers.entries()) {
      const batches = await follower;
      expect(seqs(batches)).toEqual(upTo((cursors[index] ?? 0) + 1, last));
      expect(batches.at(-1)).toMatchObject({ ended: true, lastSeq: last });
    }
    await socket.dispose();
  });

  it('reads a long backlog in pages of 500', async () => {
    const id = await insertTraining(writer, user.id);
    await append(id, status('running'), ...upTo(1, 1300).map((n) => line(String(n))));
    const last = await append(id, status('failed'));
    const batches = await collect(api.socket(user).follow(FOLLOW, { id }));
    expect(batches.map(({ events }) => events.length)).toEqual([500, 500, 303]);
    expect(batches.map(({ hasMore }) => hasMore)).toEqual([true, true, false]);
    expect(seqs(batches)).toEqual(upTo(1, last));
  });

  it('reads fewer where they are long, and one at least', async () => {
    const id = await insertTraining(writer, user.id);
    const lengths = [500_000, 300_000, 100_000, 100_000, 100_000, 10];
    await append(id, status('running'), ...lengths.map((length) => line('x'.repeat(length))));
    const last = await append(id, status('failed'));
    const batches = await collect(api.socket(user).follow(FOLLOW, { id }));
    expect(seqs(batches)).toEqual(upTo(1, last));
    expect(batches.map(({ hasMore }) => hasMore)).toEqual(batches.map((_, at) => at < batches.length - 1));
    for (const { events } of batches) {
      const allButTheLast = events.slice(0, -1).map(({ message = '' }) => message.length);
      expect(allButTheLast.reduce((sum, length) => sum + length, 0)).toBeLessThan(262_144);
    }
  });

  it('tells at once that a run has ended to who has everything, and waits beyond the newest event', async () => {
    const id = await insertTraining(writer, user.id);
    await append(id, status('running'));
    const socket = api.socket(user);
    const ahead = collect(socket.follow(FOLLOW, { id, after: 3 }));
    await append(id, line('three'), line('four'));
    await append(id, status('completed'));
    expect(seqs(await ahead)).toEqual([4, 5]);
    const done = await collect(socket.follow(FOLLOW, { id, after: 5 }));
    expect(done).toEqual([{ lastSeq: 5, ended: true, hasMore: false, events: [] }]);
    const beyond = await collect(socket.follow(FOLLOW, { id, after: 900 }));
    expect(beyond).toEqual([{ lastSeq: 900, ended: true, hasMore: false, events: [] }]);
    await socket.dispose();
  });

  it('refuses a negative cursor, a run of somebody else and one that is not there', async () => {
    const id = await insertTraining(writer, user.id);
    const other = await api.makeUser();
    const errorOf = async (as: User, variables: object) =>
      (await api
        .socket(as)
        .follow(FOLLOW, variables)
        .next()
        .catch((errors) => errors)) as Data;
    const negative = await errorOf(user, { id, after: -1 });
    expect(JSON.stringify(negative)).toContain('cannot be negative');
    const theirs = JSON.stringify(await errorOf(other, { id })).replaceAll(id, 'ID');
    const nowhere = randomUUID();
    expect(theirs).toContain('NOT_FOUND');
    expect(theirs).toBe(JSON.stringify(await errorOf(other, { id: nowhere })).replaceAll(nowhere, 'ID'));
  });

  it('hands out the connection between events, so that more may follow than there are connections', async () => {
    const ids: string[] = [];
    for (let n = 0; n < 20; n += 1) ids.push(await insertTraining(writer, user.id));
    const socket = api.socket(user);
    const followers = ids.map((id) => collect(socket.follow(FOLLOW, { id })));
    const { data } = await api.ask('{ viewer { id } }', {}, user);
    expect(data.viewer.id).toBe(user.id);
    for (const id of ids) await append(id, status('cancelled'));
    for (const follower of followers) expect(seqs(await follower)).toEqual([1, 2]);
    await socket.dispose();
  });

  it('goes on after the listening connection was lost', async () => {
    const id = await insertTraining(writer, user.id);
    const follow = api.socket(user).follow(FOLLOW, { id });
    await follow.next();
    await api.admin.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where application_name = 'runcast listener' and datname = current_database()`,
    );
    await append(id, status('running'));
    await append(id, status('completed'));
    expect(seqs(await collect(follow))).toEqual([2, 3]);
  });

  it('comes over SSE too, with a token in the header', async () => {
    const id = await insertTraining(writer, user.id);
    await append(id, status('running'), line('one'));
    await append(id, status('completed'));
    const response = await fetch(`${api.url}/graphql`, {
      method: 'POST',
      headers: {
        accept: 'text/event-stream',
        'content-type': 'application/json',
        authorization: `Bearer ${user.token}`,
      },
      body: JSON.stringify({ query: FOLLOW, variables: { id } }),
    });
    const frames = (await response.text()).split('\n\n');
    const data = frames
      .filter((frame) => frame.startsWith('event: next'))
      .map((frame) => frame.split('data: ')[1]);
    const batches = data.map((json) => JSON.parse(json ?? '').data.executionEvents as Batch);
    expect(seqs(batches)).toEqual([1, 2, 3, 4]);
    expect(frames.some((frame) => frame.startsWith('event: complete'))).toBe(true);
  });
});

describe('executionChanged', () => {
  const CHANGED =
    'subscription ($id: ID!) { executionChanged(id: $id) { databaseId status progress lastSeq } }';

  it('gives the state at once, the last change always, and completes after the end', async () => {
    const id = await insertTraining(writer, user.id);
    const follow = api.socket(user).follow(CHANGED, { id });
    expect((await follow.next()).value?.data.executionChanged).toMatchObject({
      status: 'PENDING',
      databaseId: id,
    });
    await append(id, status('running'));
    for (const percent of upTo(1, 50)) await append(id, { type: 'progress', payload: { percent } });
    await append(id, status('completed'));
    const states: Data[] = [];
    for await (const { data } of follow) states.push(data.executionChanged);
    expect(states.at(-1)).toMatchObject({ status: 'COMPLETED', progress: 50, lastSeq: 53 });
    expect(states.length).toBeLessThan(40);
  });

  it('gives the state of a run that has ended once', async () => {
    const id = await insertTraining(writer, user.id);
    await append(id, status('running'));
    await append(id, status('completed'));
    const states: Data[] = [];
    for await (const { data } of api.socket(user).follow(CHANGED, { id })) states.push(data.executionChanged);
    expect(states).toMatchObject([{ status: 'COMPLETED', lastSeq: 3 }]);
  });
});

describe('executionsChanged', () => {
  const CHANGED = `subscription ($filter: TrainingExecutionFilter) {
    executionsChanged(filter: $filter) { databaseId status }
  }`;

  it('names the caller’s runs that match, and once more one that no longer does', async () => {
    const other = await api.makeUser();
    const me = await api.makeUser();
    const filter = { status: ['RUNNING'] };
    const socket = api.socket(me);
    const { following: follow } = await api.taken(() => socket.follow(CHANGED, { filter }));
    const until = async (wanted: string) => {
      for (let shown = ''; shown !== wanted; ) {
        const { databaseId, status } = (await follow.next()).value?.data.executionsChanged ?? {};
        expect(databaseId).toBe(mine);
        shown = status;
      }
    };
    const [theirs, mine] = [await insertTraining(writer, other.id), await insertTraining(writer, me.id)];
    await append(theirs, status('running'));
    await append(mine, status('running'));
    await until('RUNNING');
    await append(mine, status('completed'));
    await until('COMPLETED');
    await socket.dispose();
  });

  it('needs a user', async () => {
    const token = await tokenOf({ role: 'service_role' });
    const follow = api.socket({ token }).follow(CHANGED);
    const failure = await follow.next().catch((errors) => errors);
    expect(JSON.stringify(failure)).toContain('UNAUTHENTICATED');
  });
});
