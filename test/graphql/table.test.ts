import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Data, startApi, type TestApi, type User } from '../support/api.ts';

const RUNS = 47;

let api: TestApi;
let user: User;
/** Newest first. Every three share a moment, and moments differ by a microsecond. */
let ids: string[];

beforeAll(async () => {
  api = await startApi();
  user = await api.makeUser();
  const stranger = await api.makeUser();
  for (const { id } of [user, stranger]) {
    await api.admin.query(
      `insert into public.training_executions (id, user_id, public_id, method, provider, created_at)
       select 'exec_' || $1::text || '_' || lpad(n::text, 3, '0'), $1::uuid, 'p', 'sft', 'local',
         timestamptz '2026-01-01 00:00:00.000001+00' + make_interval(secs => (n / 3) * 0.000001)
       from generate_series(1, $2::int) n`,
      [id, RUNS],
    );
  }
  const { rows } = await api.admin.query<{ id: string }>(
    'select id from public.training_executions where user_id = $1 order by created_at desc, id desc',
    [user.id],
  );
  ids = rows.map(({ id }) => id);
});
afterAll(() => api.close());

const LIST = `query ($first: Int, $last: Int, $after: String, $before: String, $orderBy: TrainingOrder) {
  trainingExecutions(first: $first, last: $last, after: $after, before: $before, orderBy: $orderBy) {
    totalCount
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    edges { cursor node { databaseId } }
  }
}`;

async function list(variables: object): Promise<Data> {
  const { data, errors } = await api.ask(LIST, variables, user);
  expect(errors).toBeUndefined();
  return data.trainingExecutions;
}

const idsOf = (page: Data): string[] => page.edges.map((edge: Data) => edge.node.databaseId);
const codes = async (variables: object) =>
  (await api.ask(LIST, variables, user)).errors?.map(({ extensions }) => extensions?.code);

describe('a list', () => {
  it.each([1, 2, 5, 46, 47, 100])('gives every row once and in order, %i a page, forwards', async (first) => {
    const seen: string[] = [];
    for (let after: string | null = null; ; ) {
      const page: Data = await list({ first, after });
      seen.push(...idsOf(page));
      expect(page.totalCount).toBe(RUNS);
      expect(page.pageInfo.hasPreviousPage).toBe(after !== null);
      after = page.pageInfo.endCursor;
      if (!page.pageInfo.hasNextPage) break;
    }
    expect(seen).toEqual(ids);
  });

  it.each([1, 3, 47])('gives every row once, %i a page, backwards', async (last) => {
    const seen: string[] = [];
    for (let before: string | null = null; ; ) {
      const page: Data = await list({ last, before });
      seen.unshift(...idsOf(page));
      expect(page.pageInfo.hasNextPage).toBe(before !== null);
      before = page.pageInfo.startCursor;
      if (!page.pageInfo.hasPreviousPage) break;
    }
    expect(seen).toEqual(ids);
  });

  it('gives what lies between two cursors, in either order', async () => {
    const all = await list({ first: 100 });
    const [after, before] = [all.edges[4].cursor, all.edges[9].cursor];
    expect(idsOf(await list({ first: 100, after, before }))).toEqual(ids.slice(5, 9));
    expect(idsOf(await list({ last: 2, after, before }))).toEqual(ids.slice(7, 9));
    const orderBy = { field: 'CREATED_AT', direction: 'ASC' };
    expect(idsOf(await list({ first: 100, after: before, before: after, orderBy }))).toEqual(
      ids.slice(5, 9).reverse(),
    );
  });

  it('goes on where it was although the row of the cursor is gone', async () => {
    const { rows } = await api.admin.query<{ id: string }>(
      `insert into public.training_executions (id, user_id, public_id, method, provider, created_at)
       values ('exec_gone', $1, 'p', 'sft', 'local', now()) returning id`,
      [user.id],
    );
    const first = await list({ first: 1 });
    expect(idsOf(first)).toEqual([rows[0]?.id]);
    await api.admin.query(`delete from public.training_executions where id = 'exec_gone'`);
    expect(idsOf(await list({ first: 2, after: first.pageInfo.endCursor }))).toEqual(ids.slice(0, 2));
  });

  it('is 20 long where nobody says how long, and empty for 0', async () => {
    expect(idsOf(await list({}))).toEqual(ids.slice(0, 20));
    const none = await list({ first: 0 });
    expect(none).toMatchObject({
      edges: [],
      totalCount: RUNS,
      pageInfo: { startCursor: null, endCursor: null },
    });
  });

  it('refuses what is no page, and says what is wrong', async () => {
    const { edges } = await list({ first: 1 });
    const [{ cursor }] = edges;
    const other = Buffer.from(JSON.stringify(['createdAt', 'yesterday', ids[0]])).toString('base64url');
    expect(await codes({ first: 101 })).toEqual(['BAD_USER_INPUT']);
    expect(await codes({ last: -1 })).toEqual(['BAD_USER_INPUT']);
    expect(await codes({ first: 1, last: 1 })).toEqual(['BAD_USER_INPUT']);
    expect(await codes({ after: other })).toEqual(['BAD_USER_INPUT']);
    expect(await codes({ before: `x${cursor}` })).toEqual(['BAD_USER_INPUT']);
    const orderBy = { field: 'UPDATED_AT', direction: 'DESC' };
    const { errors } = await api.ask(LIST, { after: cursor, orderBy }, user);
    expect(errors?.[0]?.message).toContain('another order');
  });
});
