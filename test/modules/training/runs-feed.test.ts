import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { whereExecution } from '../../../src/modules/training/filter.ts';
import { knownRuns, RunsFeed } from '../../../src/modules/training/runs-feed.ts';
import { createViewerDatabase, type ViewerDatabase } from '../../../src/platform/db/viewer.ts';
import { appendEvents } from '../../../src/platform/feed/feed.ts';
import type { Viewer } from '../../../src/platform/live/access-watch.ts';
import { UserListeners } from '../../../src/platform/live/user-hints.ts';
import { createLogger } from '../../../src/platform/logger.ts';
import { type FeedFixture, insertTraining, insertUser, line, openFeed } from '../../support/feed.ts';

let fixture: FeedFixture;
let viewerDb: ViewerDatabase;
let user: string;

beforeAll(async () => {
  fixture = await openFeed();
  viewerDb = createViewerDatabase({ url: fixture.database.api, poolSize: 2, log: createLogger('silent') });
});
afterAll(async () => {
  await viewerDb.close();
  await fixture.close();
});
beforeEach(async () => {
  user = await insertUser(fixture.db);
});

const insert = (status = 'running', owner = user) => insertTraining(fixture.db, owner, { status });
const remove = (id: string) => fixture.db.query('delete from public.training_executions where id = $1', [id]);
const change = (id: string, to?: string) =>
  appendEvents(fixture.db, {
    kind: 'training',
    id,
    events: [to === undefined ? line('x') : { type: 'status', payload: { to } }],
  });

/** The runs of the user that run, with wake-ups that come when a test says so. */
async function open({
  filter = { status: ['running'] },
  namesDeleted = true,
  isAway = (): boolean => false,
  meanwhile = async () => {},
} = {}) {
  const live = new UserListeners();
  const asked = {
    viewerDb: {
      ...viewerDb,
      async withViewer(...call) {
        if (isAway()) throw new Error('the database is away');
        return viewerDb.withViewer(...call);
      },
    } satisfies ViewerDatabase,
    viewer: { claims: { role: 'authenticated', sub: user } } satisfies Viewer,
    userId: user,
    where: whereExecution(filter as Parameters<typeof whereExecution>[0]),
    namesDeleted,
  };
  const known = await knownRuns(asked);
  await meanwhile();
  const feed = new RunsFeed({ ...asked, live, known });
  let calls = 0;
  feed.onChange(() => {
    calls += 1;
  });
  const hint = (id: string, seq: number | undefined, kind = 'training') =>
    live.notify(user, { kind, id, seq });
  return { feed, hint, poll: () => live.notifyAll(), calls: () => calls };
}

describe('the runs of a user that match', () => {
  it('are named by wake-ups, each once for all that came', async () => {
    const [a, b, other] = [await insert(), await insert(), await insert('pending')];
    const { feed, hint } = await open();
    expect(await feed.take()).toEqual([]);
    for (const id of [a, b, a, other, `exec_${randomUUID()}`]) hint(id, await change(a));
    expect(await feed.take()).toEqual([
      { id: a, hasLeft: false },
      { id: b, hasLeft: false },
    ]);
    expect(await feed.take()).toEqual([]);
  });

  it('are named as left where they matched when it began, or came to match later, with what follows at once', async () => {
    const [early, late] = [await insert(), await insert('pending')];
    const { feed, hint } = await open();
    await feed.take();
    hint(late, await change(late, 'running'));
    expect(await feed.take()).toEqual([{ id: late, hasLeft: false }]);
    for (const id of [early, late]) hint(id, await change(id, 'completed'));
    expect(await feed.take()).toEqual([
      { id: early, hasLeft: true },
      { id: late, hasLeft: true },
    ]);
    // What was shown of it was read after it was looked at, so it may have matched again.
    hint(early, 9);
    expect(await feed.take()).toEqual([{ id: early, hasLeft: true }]);
  });

  it('are named as left where they changed, or were deleted, before anybody listened', async () => {
    const [left, deleted] = [await insert(), await insert()];
    const { feed, calls } = await open({
      async meanwhile() {
        await change(left, 'completed');
        await remove(deleted);
      },
    });
    await undefined;
    expect(calls()).toBe(1);
    expect(new Set(await feed.take())).toEqual(
      new Set([
        { id: left, hasLeft: true },
        { id: deleted, hasLeft: true },
      ]),
    );
  });

  it('are named as left where they were deleted, for who asks for that', async () => {
    for (const namesDeleted of [true, false]) {
      const id = await insert();
      const { feed, hint } = await open({ namesDeleted });
      await feed.take();
      await remove(id);
      hint(id, undefined);
      expect(await feed.take()).toEqual(namesDeleted ? [{ id, hasLeft: true }] : []);
    }
  });

  it('are found where no wake-up came: grown, made, left and deleted', async () => {
    const [grown, left, deleted, same] = [await insert(), await insert(), await insert(), await insert()];
    const { feed, poll } = await open();
    await feed.take();
    await change(grown);
    await change(left, 'failed');
    await remove(deleted);
    const made = await insert();
    expect(await feed.take()).toEqual([]);
    poll();
    const found = await feed.take();
    expect(new Set(found)).toEqual(
      new Set([
        { id: grown, hasLeft: false },
        { id: made, hasLeft: false },
        { id: left, hasLeft: true },
        { id: deleted, hasLeft: true },
      ]),
    );
    expect(found.map(({ id }) => id)).not.toContain(same);
    poll();
    expect(await feed.take()).toEqual([]);
  });

  it('are not named again by the poll for what a wake-up has told', async () => {
    const id = await insert();
    const { feed, hint, poll } = await open();
    await feed.take();
    hint(id, await change(id));
    expect(await feed.take()).toEqual([{ id, hasLeft: false }]);
    poll();
    expect(await feed.take()).toEqual([]);
  });

  it('are all named where more change at once than are remembered one by one', async () => {
    const ids: string[] = [];
    const { feed, hint } = await open();
    await feed.take();
    await fixture.db.query(
      `insert into public.training_executions (id, user_id, public_id, method, provider, status)
       select 'exec_' || gen_random_uuid(), $1, 'tiny', 'sft', 'local', 'running' from generate_series(1, 1500)`,
      [user],
    );
    const rows = await fixture.db.query<{ id: string }>(
      'select id from training_executions where user_id = $1',
      [user],
    );
    for (const { id } of rows) {
      ids.push(id);
      hint(id, 1);
    }
    const named = await feed.take();
    expect(new Set(named.map(({ id }) => id))).toEqual(new Set(ids));
    expect(named).toHaveLength(1_500);
  });

  it('are the user’s own, whatever wake-ups say, and trainings', async () => {
    const theirs = await insert('running', await insertUser(fixture.db));
    const own = await insert();
    const { feed, hint, calls } = await open();
    await feed.take();
    hint(theirs, 2);
    hint(own, 2, 'agent');
    // The first is for what may have changed before.
    expect(calls()).toBe(2);
    expect(await feed.take()).toEqual([]);
  });

  it('are owed until they can be read', async () => {
    const [left, grown, deleted] = [await insert(), await insert(), await insert()];
    let calls = 0;
    let failsAt = 0;
    const isAway = () => {
      calls += 1;
      return calls === failsAt;
    };
    const { feed, hint, poll } = await open({ isAway });
    expect(await feed.take()).toEqual([]);
    hint(left, await change(left, 'cancelled'));
    await change(grown);
    await remove(deleted);
    poll();
    // A look is three statements, of which each fails once.
    for (const at of [1, 2, 3]) {
      calls = 0;
      failsAt = at;
      await expect(feed.take()).rejects.toThrow('the database is away');
    }
    const found = await feed.take();
    expect(new Set(found)).toEqual(
      new Set([
        { id: grown, hasLeft: false },
        { id: left, hasLeft: true },
        { id: deleted, hasLeft: true },
      ]),
    );
  });
});
