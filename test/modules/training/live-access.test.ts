import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { appendEvents } from '../../../src/platform/feed/feed.ts';
import {
  type Data,
  insertConfig,
  type Socket,
  startApi,
  type TestApi,
  tokenOf,
  type User,
} from '../../support/api.ts';
import { connectFeed, type FeedClient, insertTraining, line } from '../../support/feed.ts';
import { askForEvents, resultsOf } from '../../support/server-sent.ts';
import { START } from '../../support/start.graphql.ts';
import { insertTenant } from '../../support/tenants.ts';

const EVENTS =
  'subscription ($id: ID!) { executionEvents(id: $id, maxWaitMs: 0) { lastSeq events { seq } } }';
const STATE = 'subscription ($id: ID!) { executionChanged(id: $id) { databaseId lastSeq } }';
/** How soon a stream ends that its viewer may no longer see; the sweep that would find it as well comes once a minute. */
const SOON = { timeout: 10_000 };

let api: TestApi;
let writer: FeedClient;
let user: User;
let tenantId: string;
let socket: Socket;

beforeAll(async () => {
  api = await startApi();
  writer = await connectFeed(api.database.admin);
});
beforeEach(async () => {
  user = await api.makeUser();
  tenantId = await insertTenant(api.admin, { [user.id]: 'member' });
  socket = api.socket(user);
  return async () => socket.dispose();
});
afterAll(async () => {
  await writer.client.end();
  await api.close();
});

async function start(input: object = {}): Promise<string> {
  const { publicId } = await insertConfig(api.admin, user.id);
  const variables = { input: { publicId, method: 'SFT', provider: 'LOCAL', ...input } };
  return (await api.ask(START, variables, user)).data.startTraining.databaseId;
}

type Results = AsyncIterator<{ data?: Data; errors?: Data }>;

/** Everything that is left, until it completes. */
async function rest(results: Results): Promise<{ data?: Data; errors?: Data }[]> {
  const all: { data?: Data; errors?: Data }[] = [];
  for (let next = await results.next(); !next.done; next = await results.next()) all.push(next.value);
  return all;
}

/** Follows a run over each transport, as events and as a state, each of which has shown something. */
async function followed(id: string, caller: Pick<User, 'token'> = user): Promise<Results[]> {
  const own = caller === user ? socket : api.socket(caller);
  const streams = [EVENTS, STATE].map(async (query) =>
    resultsOf(await askForEvents(api.url, caller, { query, variables: { id } })),
  );
  const all: Results[] = [
    own.follow(EVENTS, { id }),
    own.follow(STATE, { id }),
    ...(await Promise.all(streams)),
  ];
  for (const each of all) expect((await each.next()).value?.errors).toBeUndefined();
  return all;
}

const NOT_FOUND = [{ message: expect.any(String), extensions: { code: 'NOT_FOUND' } }];
const remove = () =>
  api.admin.query("update public.user_tenants set status = 'removed' where user_id = $1", [user.id]);

describe('a member who is removed from the tenant of a run', SOON, () => {
  it('is told that it is not there, over every transport, once', async () => {
    const { revoked, subscribers } = api.live.stats;
    const id = await start({ tenantId });
    const all = await followed(id);
    await remove();
    await appendEvents(writer, { kind: 'training', id, events: [line('secret')] });
    for (const each of all) {
      const left = await rest(each);
      expect(left.at(-1)).toMatchObject({ errors: NOT_FOUND });
      expect(left.filter(({ errors }) => errors)).toHaveLength(1);
    }
    expect(api.live.stats).toMatchObject({ revoked: revoked + all.length, subscribers });
  });

  it('goes on with what is their own, and others with the run', async () => {
    const [own, shared] = [await start(), await start({ tenantId })];
    const service = { token: await tokenOf({ role: 'service_role' }) };
    const [[mine], [theirs], [taken]] = [
      await followed(own),
      await followed(shared, service),
      await followed(shared),
    ];
    await remove();
    expect((await rest(taken as Results)).at(-1)).toMatchObject({ errors: NOT_FOUND });
    for (const [id, each] of [
      [own, mine],
      [shared, theirs],
    ] as const) {
      await appendEvents(writer, { kind: 'training', id, events: [line('on')] });
      expect((await each?.next())?.value?.data.executionEvents.events).toHaveLength(1);
    }
  });

  it('follows again once they are let in', async () => {
    const id = await start({ tenantId });
    const [events] = await followed(id);
    await remove();
    await rest(events as Results);
    await api.admin.query("update public.user_tenants set status = 'active' where user_id = $1", [user.id]);
    const again = socket.follow(EVENTS, { id });
    expect((await again.next()).value?.data.executionEvents.lastSeq).toBeGreaterThan(0);
  });

  it('is found out by the next connection, where the one that tells was lost meanwhile', async () => {
    const id = await start({ tenantId });
    const [events] = await followed(id);
    await api.admin.query('alter table public.user_tenants disable trigger all');
    await remove();
    await api.admin.query('alter table public.user_tenants enable trigger all');
    await api.admin.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where application_name = 'runcast listener' and datname = current_database()`,
    );
    expect((await rest(events as Results)).at(-1)).toMatchObject({ errors: NOT_FOUND });
  });
});

describe('a run that is deleted', SOON, () => {
  it('ends for all who follow it, over every transport', async () => {
    const { subscribers } = api.live.stats;
    const id = await start();
    const all = await followed(id);
    await api.admin.query('delete from public.training_executions where id = $1', [id]);
    for (const each of all) expect((await rest(each)).at(-1)).toMatchObject({ errors: NOT_FOUND });
    expect(api.live.stats.subscribers).toBe(subscribers);
    const after = await socket.follow(EVENTS, { id }).next();
    expect(after.value).toMatchObject({ errors: NOT_FOUND });
  });

  it('ends with its owner', async () => {
    const id = await insertTraining(writer, user.id);
    const all = await followed(id);
    await api.admin.query('delete from auth.users where id = $1', [user.id]);
    for (const each of all) expect((await rest(each)).at(-1)).toMatchObject({ errors: NOT_FOUND });
  });
});
