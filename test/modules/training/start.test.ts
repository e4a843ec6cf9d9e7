import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { insertConfig, startApi, type TestApi, type User } from '../../support/api.ts';
import { START } from '../../support/start.graphql.ts';

let api: TestApi;
let user: User;
let publicId: string;

beforeAll(async () => {
  api = await startApi();
  user = await api.makeUser();
  ({ publicId } = await insertConfig(api.admin, user.id));
});
afterAll(() => api.close());

const input = (fields: object = {}) => ({ input: { publicId, method: 'SFT', provider: 'LOCAL', ...fields } });

async function counts() {
  const { rows } = await api.admin.query<{ executions: number; jobs: number; streams: number }>(
    `select (select count(*)::int from public.training_executions) as executions,
       (select count(*)::int from runcast.execution_streams) as streams,
       (select count(*)::int from pgboss.job where name = 'training.run') as jobs`,
  );
  return rows[0];
}

describe('startTraining', () => {
  it('makes the row, its stream and its job, and answers with the execution', async () => {
    const before = await counts();
    const { data } = await api.ask(START, input({ config: { hyperparameters: { epochs: 2 } } }), user);
    expect(data.startTraining).toMatchObject({ __typename: 'TrainingExecution', status: 'PENDING' });
    const after = await counts();
    expect(after).toEqual({
      executions: (before?.executions ?? 0) + 1,
      streams: (before?.streams ?? 0) + 1,
      jobs: (before?.jobs ?? 0) + 1,
    });
    const { rows } = await api.admin.query('select user_id, config from training_executions where id = $1', [
      data.startTraining.databaseId,
    ]);
    expect(rows).toEqual([{ user_id: user.id, config: { hyperparameters: { epochs: 2 } } }]);
  });

  it('names every faulty field at once', async () => {
    const faulty = {
      publicId: ' ',
      callbackUrl: 'ftp://x',
      tenantId: 'no-uuid',
      config: [1],
      method: 'UNKNOWN',
    };
    const { data } = await api.ask(START, input(faulty), user);
    expect(data.startTraining.code).toBe('VALIDATION_FAILED');
    expect(data.startTraining.fields.map((field: { path: string[] }) => field.path.join('.')).sort()).toEqual(
      ['input.callbackUrl', 'input.config', 'input.method', 'input.publicId', 'input.tenantId'],
    );
  });

  it('refuses a config of somebody else as if there were none, and takes a public one', async () => {
    const other = await api.makeUser();
    const secret = await insertConfig(api.admin, other.id);
    const open = await insertConfig(api.admin, other.id, { isPublic: true });
    const refused = await api.ask(START, input({ publicId: secret.publicId }), user);
    const missing = await api.ask(START, input({ publicId: 'no-such-config' }), user);
    expect(refused.data.startTraining.code).toBe('NOT_FOUND');
    expect(refused.data.startTraining.message.replace(secret.publicId, 'no-such-config')).toBe(
      missing.data.startTraining.message,
    );
    const started = await api.ask(START, input({ publicId: open.publicId }), user);
    expect(started.data.startTraining.__typename).toBe('TrainingExecution');
  });

  it('refuses a provider that is not there before anything is written', async () => {
    const before = await counts();
    const { data } = await api.ask(START, input({ provider: 'OPENAI', idempotencyKey: randomUUID() }), user);
    expect(data.startTraining).toMatchObject({
      __typename: 'ProviderUnavailableError',
      code: 'PROVIDER_UNAVAILABLE',
    });
    expect(await counts()).toEqual(before);
  });

  it('returns one execution to 20 concurrent calls with one key', async () => {
    const before = await counts();
    const variables = input({ idempotencyKey: randomUUID(), config: { a: { b: [1, 'x', null] } } });
    const results = await Promise.all(Array.from({ length: 20 }, () => api.ask(START, variables, user)));
    const ids = results.map(({ data }) => data?.startTraining.databaseId);
    expect(ids[0]).toMatch(/^exec_/);
    expect(new Set(ids).size).toBe(1);
    expect((await counts())?.jobs).toBe((before?.jobs ?? 0) + 1);
    expect((await counts())?.executions).toBe((before?.executions ?? 0) + 1);
  });

  it('refuses a key that has started something else', async () => {
    const idempotencyKey = randomUUID();
    await api.ask(START, input({ idempotencyKey }), user);
    const { data } = await api.ask(START, input({ idempotencyKey, method: 'DPO' }), user);
    expect(data.startTraining).toMatchObject({
      __typename: 'ConflictError',
      path: ['input', 'idempotencyKey'],
    });
  });

  it('keeps the keys of two users apart', async () => {
    const other = await api.makeUser();
    const open = await insertConfig(api.admin, other.id, { isPublic: true });
    const variables = input({ idempotencyKey: randomUUID(), publicId: open.publicId });
    const [mine, theirs] = [await api.ask(START, variables, user), await api.ask(START, variables, other)];
    expect(mine.data.startTraining.databaseId).not.toBe(theirs.data.startTraining.databaseId);
  });

  it('leaves nothing behind when its job cannot be enqueued', async () => {
    const before = await counts();
    await api.admin.query(
      'alter function runcast.enqueue_job(text, jsonb, timestamptz, text, integer) rename to enqueue_away',
    );
    const result = await api.ask(START, input(), user);
    await api.admin.query(
      'alter function runcast.enqueue_away(text, jsonb, timestamptz, text, integer) rename to enqueue_job',
    );
    expect(result.errors?.[0]?.extensions?.code).toBe('INTERNAL_SERVER_ERROR');
    expect(result.errors?.[0]?.message).not.toContain('enqueue');
    expect(await counts()).toEqual(before);
  });

  it('starts for a tenant only for its members that may', async () => {
    const tenant = async (role?: string, status = 'active') => {
      const { rows } = await api.admin.query(
        'insert into public.tenants (name, subdomain) values ($1, $1) returning id',
        [randomUUID()],
      );
      if (role) {
        await api.admin.query(
          'insert into public.user_tenants (tenant_id, user_id, role, status) values ($1, $2, $3, $4)',
          [rows[0].id, user.id, role, status],
        );
      }
      return rows[0].id as string;
    };
    const codeFor = async (tenantId: string) =>
      (await api.ask(START, input({ tenantId }), user)).data.startTraining;
    expect((await codeFor(await tenant('member'))).__typename).toBe('TrainingExecution');
    expect((await codeFor(await tenant('viewer'))).code).toBe('FORBIDDEN');
    expect((await codeFor(await tenant('admin', 'suspended'))).code).toBe('NOT_FOUND');
    expect((await codeFor(await tenant())).code).toBe('NOT_FOUND');
  });

  it('needs a user', async () => {
    const { data } = await api.ask(START, input());
    expect(data.startTraining.code).toBe('UNAUTHENTICATED');
  });
});
