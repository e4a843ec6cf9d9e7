import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { notifyUser } from '../../../src/modules/notifications/sql.ts';
import { sqlOf } from '../../isolation/case.ts';
import { type Data, startApi, type TestApi, type User } from '../../support/api.ts';
import { insertTenant } from '../../support/tenants.ts';

let api: TestApi;
let user: User;
beforeAll(async () => {
  api = await startApi();
});
beforeEach(async () => {
  user = await api.makeUser();
});
afterAll(() => api.close());

const tell = (to: User, title: string, tenantId: string | null = null) =>
  notifyUser(sqlOf(api.admin), {
    userId: to.id,
    tenantId,
    title,
    body: `the body of ${title}`,
    source: { kind: 'agent', executionId: 'run-1' },
    dedupeKey: randomUUID(),
  });

async function ask(query: string, variables: object = {}, as: User = user): Promise<Data> {
  const { data, errors } = await api.ask(query, variables, as);
  expect(errors).toBeUndefined();
  return data;
}

const LIST = `query ($filter: NotificationFilter, $first: Int, $after: String) {
  notifications(filter: $filter, first: $first, after: $after) {
    totalCount pageInfo { hasNextPage endCursor }
    edges { node {
      databaseId seq title body readAt createdAt source { kind executionId stepId } tenant { name }
    } }
  }
  unreadNotificationCount
}`;
const MARK = `mutation ($ids: [ID!]!) {
  markNotificationsRead(ids: $ids) {
    ... on MarkedNotifications { unreadCount notifications { databaseId readAt } }
    ... on Error { code path }
  }
}`;

describe('notifications', () => {
  it('are listed newest first, in pages, and by whether they were read', async () => {
    const ids = [await tell(user, 'one'), await tell(user, 'two'), await tell(user, 'three')];
    await tell(await api.makeUser(), 'not mine');
    const first = await ask(LIST, { first: 2 });
    expect(first).toMatchObject({
      unreadNotificationCount: 3,
      notifications: {
        totalCount: 3,
        pageInfo: { hasNextPage: true },
        edges: [
          { node: { seq: 3, title: 'three' } },
          {
            node: {
              databaseId: ids[1],
              seq: 2,
              title: 'two',
              body: 'the body of two',
              readAt: null,
              source: { kind: 'AGENT', executionId: 'run-1', stepId: null },
              tenant: null,
            },
          },
        ],
      },
    });
    const { notifications } = await ask(LIST, { after: first.notifications.pageInfo.endCursor });
    expect(notifications.edges).toMatchObject([{ node: { title: 'one' } }]);
    await ask(MARK, { ids: [ids[0]] });
    expect((await ask(LIST, { filter: { unread: true } })).notifications.totalCount).toBe(2);
    expect((await ask(LIST, { filter: { unread: false } })).notifications.edges).toMatchObject([
      { node: { title: 'one', readAt: expect.any(String) } },
    ]);
  });

  it('of a tenant’s run are seen while one is an active member', async () => {
    const tenantId = await insertTenant(api.admin, { [user.id]: 'member' });
    const id = await tell(user, 'of the tenant', tenantId);
    expect(await ask(LIST)).toMatchObject({
      unreadNotificationCount: 1,
      notifications: { edges: [{ node: { tenant: { name: 'A tenant' } } }] },
    });
    await api.admin.query(`update public.user_tenants set status = 'removed' where user_id = $1`, [user.id]);
    expect(await ask(LIST)).toMatchObject({ unreadNotificationCount: 0, notifications: { totalCount: 0 } });
    expect((await ask(MARK, { ids: [id] })).markNotificationsRead).toMatchObject({ code: 'NOT_FOUND' });
  });

  it('need a user', async () => {
    for (const query of ['{ notifications { totalCount } }', '{ unreadNotificationCount }']) {
      const { errors } = await api.ask(query);
      expect(errors).toMatchObject([{ extensions: { code: 'UNAUTHENTICATED' } }]);
    }
  });
});

describe('marking as read', () => {
  it('keeps the time of the first mark, takes global ids and repeated ones', async () => {
    const [one, two] = [await tell(user, 'one'), await tell(user, 'two')];
    const marked = (await ask(MARK, { ids: [one] })).markNotificationsRead;
    expect(marked).toMatchObject({ unreadCount: 1, notifications: [{ databaseId: one }] });
    const globalId = Buffer.from(`Notification:${one}`).toString('base64');
    const again = (await ask(MARK, { ids: [globalId, one.toUpperCase(), two] })).markNotificationsRead;
    expect(again).toMatchObject({
      unreadCount: 0,
      notifications: [{ databaseId: one }, { databaseId: two }],
    });
    expect(again.notifications[0].readAt).toBe(marked.notifications[0].readAt);
  });

  it('marks none where one is somebody else’s, or not there', async () => {
    const mine = await tell(user, 'mine');
    const theirs = await tell(await api.makeUser(), 'not mine');
    for (const id of [theirs, randomUUID(), 'nothing']) {
      expect((await ask(MARK, { ids: [mine, id] })).markNotificationsRead).toEqual({
        code: 'NOT_FOUND',
        path: ['ids'],
      });
    }
    const { rows } = await api.admin.query(
      'select 1 from runcast.notifications where read_at is not null and id = any($1)',
      [[mine, theirs]],
    );
    expect(rows).toEqual([]);
  });

  it('takes 1 to 100 ids', async () => {
    for (const ids of [[], Array.from({ length: 101 }, () => randomUUID())]) {
      expect((await ask(MARK, { ids })).markNotificationsRead).toMatchObject({ code: 'VALIDATION_FAILED' });
    }
  });

  it('of all marks the caller’s alone', async () => {
    const other = await api.makeUser();
    for (const to of [user, user, other]) await tell(to, 'one');
    const query = `mutation { markAllNotificationsRead { ... on MarkedAllNotifications { count unreadCount } } }`;
    expect((await ask(query)).markAllNotificationsRead).toEqual({ count: 2, unreadCount: 0 });
    expect((await ask(query)).markAllNotificationsRead).toEqual({ count: 0, unreadCount: 0 });
    expect((await ask(LIST, {}, other)).unreadNotificationCount).toBe(1);
  });
});
