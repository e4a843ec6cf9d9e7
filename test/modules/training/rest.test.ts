import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { appendEvents, finishExecution, takeExecution } from '../../../src/platform/feed/feed.ts';
import { type Data, insertConfig, startApi, type TestApi, type User } from '../../support/api.ts';
import { connectFeed, type FeedClient, line, numbered } from '../../support/feed.ts';

let api: TestApi;
let user: User;
let publicId: string;
let writer: FeedClient;

beforeAll(async () => {
  api = await startApi();
  user = await api.makeUser();
  ({ publicId } = await insertConfig(api.admin, user.id));
  writer = await connectFeed(api.database.admin);
});
afterAll(async () => {
  await writer.client.end();
  await api.close();
});

async function post(body: unknown, token: string | undefined = user.token) {
  const response = await fetch(`${api.url}/api/training/execute`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as Data };
}

async function statusOf(id: string, token: string | undefined = user.token) {
  const response = await fetch(`${api.url}/api/training/execute/${id}/status`, {
    headers: token ? { authorization: `Bearer ${token}` } : {},
  });
  return { status: response.status, body: (await response.json()) as Data };
}

const request = (fields: object = {}) => ({
  public_id: publicId,
  method: 'sft',
  provider: 'local',
  ...fields,
});

describe('POST /api/training/execute', () => {
  it('starts a run and answers in the fields its clients know', async () => {
    const { status, body } = await post(
      request({ output_dir: '/etc', callback_url: 'https://x.example/done', openai_n_epochs: 3, unknown: 1 }),
    );
    expect(status).toBe(200);
    expect(body).toEqual({
      execution_id: expect.stringMatching(/^exec_/),
      status: 'pending',
      provider: 'local',
      message: expect.stringContaining(publicId),
      started_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    });
    const { rows } = await api.admin.query(
      'select config, callback_url from training_executions where id = $1',
      [body.execution_id],
    );
    expect(rows).toEqual([
      { config: { output_dir: '/etc', openai_n_epochs: 3 }, callback_url: 'https://x.example/done' },
    ]);
  });

  it.each([
    ['no body', '', 400],
    ['no JSON', '{', 400],
    ['no object', '[]', 400],
    ['nothing in it', {}, 400],
  ])('answers %s with 400', async (_name, body, status) => {
    const answer = await post(body);
    expect(answer.status).toBe(status);
    expect(answer.body.error).toEqual(expect.any(String));
  });

  it('names missing and wrong fields as the client knows them', async () => {
    const { status, body } = await post({ method: 'magic', provider: 'local', callback_url: 'javascript:1' });
    expect(status).toBe(400);
    expect(body.details).toContain('public_id: is required');
    expect(body.details).toContain('method: must be one of sft, dpo, rlhf');
    expect(body.details).toContain('callback_url: must be an http or https URL');
  });

  it('answers 401, 404, 503 and 413', async () => {
    expect((await post(request(), 'nonsense')).status).toBe(401);
    expect((await post(request(), '')).status).toBe(401);
    expect((await post(request({ public_id: 'nowhere' }))).status).toBe(404);
    expect((await post(request({ provider: 'openai' }))).status).toBe(503);
    expect((await post(request({ output_dir: 'x'.repeat(1 << 20) }))).status).toBe(413);
  });

  it('says which method it takes', async () => {
    const response = await fetch(`${api.url}/api/training/execute`);
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST']);
  });
});

describe('GET /api/training/execute/{id}/status', () => {
  it('reads the lines from the feed, at most the newest 1,000, and the result', async () => {
    const id = (await post(request())).body.execution_id as string;
    expect((await statusOf(id)).body).toEqual({ execution_id: id, status: 'pending', progress: 0, logs: [] });
    const ref = { kind: 'training', id } as const;
    const attempt = (await takeExecution(writer, { ...ref, worker: 'w' })) ?? 0;
    const lines = numbered('line ', 1200);
    await appendEvents(writer, { ...ref, events: lines.map(line) });
    const result = { model_path: 'runs/x/model.json', metrics: { loss: 1.5 } };
    await finishExecution(writer, { ...ref, attempt, status: 'completed', result });
    const { body } = await statusOf(id);
    expect(body).toEqual({
      execution_id: id,
      status: 'completed',
      progress: 0,
      logs: lines.slice(-1000),
      result,
    });
  });

  it('answers 401 without a token and 404 for what is not there', async () => {
    expect((await statusOf('exec_x', '')).status).toBe(401);
    expect((await statusOf('exec_x')).status).toBe(404);
    expect((await statusOf('%E0%A4%A')).status).toBe(404);
  });
});
