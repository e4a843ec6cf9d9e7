import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { appendEvents } from '../../../src/platform/feed/feed.ts';
import { type Data, insertConfig, startApi, type TestApi, type User } from '../../support/api.ts';
import { connectFeed, type FeedClient, line } from '../../support/feed.ts';
import { START } from '../../support/start.graphql.ts';
import { insertTenant } from '../../support/tenants.ts';

/** Somebody who started a run for a tenant and was removed from it: the row stays theirs, its feed is the tenant's. */
let api: TestApi;
let writer: FeedClient;
let user: User;
let tenantId: string;
let publicId: string;
let id: string;

const start = async (input: object) =>
  (await api.ask(START, { input: { publicId, method: 'SFT', provider: 'LOCAL', ...input } }, user)).data
    .startTraining;

beforeAll(async () => {
  api = await startApi();
  user = await api.makeUser();
  writer = await connectFeed(api.database.admin);
  tenantId = await insertTenant(api.admin, { [user.id]: 'member' });
  ({ publicId } = await insertConfig(api.admin, user.id));
  ({ databaseId: id } = await start({ tenantId, idempotencyKey: 'nightly' }));
  await appendEvents(writer, { kind: 'training', id, events: [line('secret')] });
  await api.admin.query(`update public.user_tenants set status = 'removed' where user_id = $1`, [user.id]);
});
afterAll(async () => {
  await writer.client.end();
  await api.close();
});

describe('an owner who is no longer a member of the run’s tenant', () => {
  it('sees the row, and nothing of its feed', async () => {
    const { data, errors } = await api.ask(
      `query ($id: ID!) {
        trainingExecution(id: $id) {
          databaseId status lastSeq attempt etaSeconds cancelRequestedAt tenant { id } retryOf { id }
          logs(last: 10) { edges { node { seq } } } events(first: 10) { edges { node { seq } } }
        }
      }`,
      { id },
      user,
    );
    expect(errors).toBeUndefined();
    expect(data.trainingExecution).toEqual({
      ...{ databaseId: id, status: 'PENDING', lastSeq: 0, attempt: 0 },
      ...{ etaSeconds: null, cancelRequestedAt: null, tenant: null, retryOf: null },
      ...{ logs: { edges: [] }, events: { edges: [] } },
    });
  });

  it('is told that its idempotency key is taken, and not by what', async () => {
    const refused = await start({ idempotencyKey: 'nightly' });
    expect(refused).toMatchObject({ __typename: 'ConflictError', code: 'CONFLICT' });
    expect(JSON.stringify(refused)).not.toContain(id);
  });

  it('finds none of its lines', async () => {
    const search =
      'query ($id: ID!) { searchLogs(executionId: $id, query: "secret") { edges { node { seq } } } }';
    const [found, none] = await Promise.all(
      [id, 'exec_none'].map((executionId) => api.ask(search, { id: executionId }, user)),
    );
    expect(found).toEqual({ data: { searchLogs: null } });
    expect(none).toEqual(found);
  });

  it.each([
    'executionEvents(id: $id) { lastSeq }',
    'executionChanged(id: $id) { id }',
  ])('follows nothing: %s', async (field) => {
    const socket = api.socket(user);
    const follow = socket.follow(`subscription ($id: ID!) { ${field} }`, { id });
    const failure: Data = await follow.next().catch((errors) => errors);
    expect(JSON.stringify(failure)).toContain('NOT_FOUND');
    await socket.dispose();
  });

  it.each([
    'cancelTraining(id: $id)',
    'retryTraining(id: $id)',
    'appendTrainingLogs(id: $id, lines: [{message: "x"}])',
    'reportTrainingProgress(id: $id, input: {percent: 1})',
  ])('steers it no more: %s', async (call) => {
    const { data, errors } = await api.ask(
      `mutation ($id: ID!) { result: ${call} { ... on Error { code } } }`,
      { id },
      user,
    );
    expect(errors).toBeUndefined();
    expect(data.result).toEqual({ code: 'NOT_FOUND' });
  });

  it('gets its status without its lines over REST', async () => {
    const response = await fetch(`${api.url}/api/training/execute/${id}/status`, {
      headers: { authorization: `Bearer ${user.token}` },
    });
    expect(response.status).toBe(200);
    expect(await response.text()).not.toContain('secret');
  });

  it('reads on once an admin has let them in again', async () => {
    await api.admin.query(`update public.user_tenants set status = 'active' where user_id = $1`, [user.id]);
    const { data } = await api.ask(
      'query ($id: ID!) { trainingExecution(id: $id) { lastSeq tenant { id } } }',
      { id },
      user,
    );
    expect(data.trainingExecution).toMatchObject({ lastSeq: 2, tenant: { id: expect.any(String) } });
  });
});
