import { randomUUID } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApi, type TestApi, type User } from '../../../support/api.ts';
import { type Engine, openEngine } from '../../../support/workflow-engine.ts';
import { mapping } from '../definitions.ts';

let api: TestApi;
let engine: Engine;
let [user, viewer, stranger]: User[] = [];

beforeAll(async () => {
  api = await startApi({ publicUrl: 'https://runcast.example.com' });
  engine = await openEngine(api.database);
  await engine.work();
  [user, viewer, stranger] = await Promise.all([api.makeUser(), api.makeUser(), api.makeUser()]);
  await api.admin.query(
    `insert into public.user_tenants (tenant_id, user_id, role) values ($1, $2, 'member'), ($1, $3, 'viewer')`,
    [engine.tenantId, user?.id, viewer?.id],
  );
});
afterAll(async () => {
  await engine?.close();
  await api?.close();
});

const hooked = (trigger: object = {}, rest: object = {}) =>
  engine.define([mapping('a', { got: 'input' })], {
    trigger: { type: 'webhook', path: '/orders/new', ...trigger },
    createdBy: user?.id,
    ...rest,
  });

const ROTATE = `mutation ($id: ID!) { rotateWorkflowWebhookSecret(workflowId: $id) {
  __typename ... on WorkflowWebhookSecret { secret workflow { databaseId } } ... on Error { code path } } }`;

async function rotate(id: string, as: User | undefined = user) {
  const { data } = await api.ask(ROTATE, { id }, as);
  return data.rotateWorkflowWebhookSecret;
}

async function withSecret(...args: Parameters<typeof hooked>): Promise<{ id: string; secret: string }> {
  const id = await hooked(...args);
  return { id, secret: (await rotate(id)).secret };
}

type Sent = {
  id: string;
  secret?: string;
  path?: string;
  method?: string;
  body?: string;
  messageId?: string;
  at?: Date;
  headers?: Record<string, string>;
};

async function send(request: Sent) {
  const { id, secret, path = 'orders/new', method = 'POST', body = '{"n":1}' } = request;
  const { messageId = randomUUID(), at = new Date(), headers = {} } = request;
  const payload = method === 'GET' ? '' : body;
  const response = await fetch(`${api.url}/api/workflows/${id}/${path}`, {
    method,
    ...(method !== 'GET' && { body: payload }),
    headers: {
      ...(secret && {
        'webhook-id': messageId,
        'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
        'webhook-signature': new Webhook(secret).sign(messageId, at, payload),
      }),
      ...headers,
    },
  });
  return { status: response.status, headers: response.headers, body: await response.json() };
}

async function runsOf(workflowId: string) {
  const { rows } = await api.admin.query(
    'select id, user_id as "userId", input from public.workflow_executions where workflow_id = $1',
    [workflowId],
  );
  return rows;
}

describe('a signed request', () => {
  it('starts a run of whoever made the workflow, which is given what came without what is secret', async () => {
    const { id, secret } = await withSecret();
    const { status, body } = await send({
      id,
      secret,
      path: 'orders/new?a=1&b=2&b=3',
      body: '{"order":{"n":7}}',
      headers: { authorization: 'Bearer none', cookie: 'a=b', 'x-shop': 'Cologne' },
    });
    expect(status).toBe(202);
    const [run] = await runsOf(id);
    expect(run).toMatchObject({ id: body.execution_id, userId: user?.id });
    expect(run.input).toMatchObject({
      method: 'POST',
      query: { a: '1', b: ['2', '3'] },
      headers: { 'x-shop': 'Cologne', 'webhook-id': expect.any(String) },
      body: { order: { n: 7 } },
    });
    expect(Object.keys(run.input.headers)).not.toEqual(
      expect.arrayContaining([expect.stringMatching(/authorization|cookie|webhook-signature/)]),
    );
    await engine.ended(run.id);
    expect(await engine.execution(run.id)).toMatchObject({ status: 'completed' });
  });

  it('starts one run for a message, however often and however many at once it is delivered', async () => {
    const { id, secret } = await withSecret();
    const messageId = 'msg_1';
    const answers = await Promise.all(Array.from({ length: 5 }, () => send({ id, secret, messageId })));
    answers.push(await send({ id, secret, messageId }));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 202));
    expect(new Set(answers.map(({ body }) => body.execution_id)).size).toBe(1);
    expect(await runsOf(id)).toHaveLength(1);
  });

  it.each([
    ['text that is no JSON', 'n=1&m=2', 'n=1&m=2'],
    ['nothing', '', null],
    ['JSON with what Postgres cannot hold', '"\\u0000"', undefined],
    ['JSON that is nested too deep', '['.repeat(200) + ']'.repeat(200), undefined],
  ])('with %s', async (_what, body, expected) => {
    const { id, secret } = await withSecret();
    const answer = await send({ id, secret, body });
    if (expected === undefined)
      expect(answer).toMatchObject({ status: 400, body: { error: expect.any(String) } });
    else expect((await runsOf(id))[0].input.body).toEqual(expected);
  });

  it.each(['GET', 'PUT'])('comes by %s where the trigger says so, and by nothing else', async (method) => {
    const { id, secret } = await withSecret({ method });
    expect((await send({ id, secret, method })).status).toBe(202);
    const other = await send({ id, secret });
    expect(other.status).toBe(405);
    expect(other.headers.get('allow')).toBe(method);
  });

  it('says what is in the way', async () => {
    const { id, secret } = await withSecret();
    expect((await send({ id, secret, path: 'orders/old' })).status).toBe(404);
    await api.admin.query('update public.workflows set enabled = false where id = $1', [id]);
    expect((await send({ id, secret })).status).toBe(409);
    const orphan = await withSecret();
    await api.admin.query('update public.workflows set created_by = null where id = $1', [orphan.id]);
    expect(await send(orphan)).toMatchObject({
      status: 409,
      body: { error: expect.stringContaining('who made') },
    });
    const full = await withSecret();
    await api.admin.query(`update public.tenants set limits = '{"maxQueuedRuns": 0}' where id = $1`, [
      engine.tenantId,
    ]);
    const answer = await send(full);
    await api.admin.query(`update public.tenants set limits = '{}' where id = $1`, [engine.tenantId]);
    expect(answer.status).toBe(429);
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    for (const workflow of [id, orphan.id, full.id]) expect(await runsOf(workflow)).toEqual([]);
  });

  it('holds up to a megabyte', async () => {
    const { id, secret } = await withSecret();
    expect((await send({ id, secret, body: 'a'.repeat(1 << 20) })).status).toBe(202);
    expect((await send({ id, secret, body: 'a'.repeat((1 << 20) + 1) })).status).toBe(413);
  });
});

describe('is the same answer', () => {
  const refused = async (request: Sent) => {
    const { status, body } = await send(request);
    return JSON.stringify({ status, body });
  };
  it('where nothing, or something else, is signed, and where there is no workflow', async () => {
    const { id, secret } = await withSecret();
    const other = await withSecret();
    const unknown = { id: randomUUID(), secret };
    const expected = await refused(unknown);
    expect(JSON.parse(expected).status).toBe(401);
    const now = Date.now();
    const disabled = await withSecret();
    await api.admin.query('update public.workflows set enabled = false where id = $1', [disabled.id]);
    const requests: Sent[] = [
      { id: 'no-uuid', secret },
      { id },
      { id: await hooked(), secret },
      { id, secret: other.secret },
      { id: disabled.id, secret: other.secret, method: 'PUT', path: 'elsewhere' },
      { id, secret, at: new Date(now - 6 * 60_000) },
      { id, secret, at: new Date(now + 6 * 60_000) },
      { id, secret, headers: { 'webhook-signature': 'v1,' } },
      { id, secret, headers: { 'webhook-signature': 'v1' } },
      { id, secret, headers: { 'webhook-timestamp': 'now' } },
      { id, secret, headers: { 'webhook-id': 'another' } },
      { id: await engine.define([mapping('a', {})]), secret },
    ];
    for (const request of requests) expect(await refused(request)).toBe(expected);
    for (const workflow of [id, disabled.id]) expect(await runsOf(workflow)).toEqual([]);
  });

  it('once the secret was made anew', async () => {
    const { id, secret } = await withSecret();
    const newer = (await rotate(id)).secret;
    expect((await send({ id, secret })).status).toBe(401);
    expect((await send({ id, secret: newer })).status).toBe(202);
  });

  it('with a secret that was put beside another workflow', async () => {
    const [mine, theirs] = [await withSecret(), await withSecret()];
    await api.admin.query(
      `update runcast.workflow_webhooks set ciphertext =
         (select ciphertext from runcast.workflow_webhooks where workflow_id = $2) where workflow_id = $1`,
      [theirs.id, mine.id],
    );
    expect((await send({ id: theirs.id, secret: mine.secret })).status).toBe(401);
  });
});

it('takes one signature of several, as senders that rotate send them', async () => {
  const { id, secret } = await withSecret();
  const [messageId, at] = [randomUUID(), new Date()];
  const right = new Webhook(secret).sign(messageId, at, '{"n":1}');
  const wrong = new Webhook(`whsec_${Buffer.alloc(32).toString('base64')}`).sign(messageId, at, '{"n":1}');
  const headers = { 'webhook-signature': `v1a,x ${wrong} ${right}` };
  expect((await send({ id, secret, messageId, at, headers })).status).toBe(202);
});

describe('the secret', () => {
  it('is made by members, shown once and kept encrypted', async () => {
    const { id, secret } = await withSecret();
    expect(secret).toMatch(/^whsec_[\w+/]{43}=$/);
    const { rows } = await api.admin.query(
      'select to_jsonb(t)::text as row from runcast.workflow_webhooks t',
    );
    expect(rows.map(({ row }) => row).join()).not.toContain(secret.slice(6, 30));
    const { data } = await api.ask(
      `query ($id: ID!) { workflow(id: $id) { webhook { url path hasSecret rotatedAt } } }`,
      { id },
      viewer,
    );
    expect(data.workflow.webhook).toEqual({
      url: `https://runcast.example.com/api/workflows/${id}/orders/new`,
      path: `/api/workflows/${id}/orders/new`,
      hasSecret: true,
      rotatedAt: expect.any(String),
    });
    const read = api.viewerDb.withViewer({ role: 'authenticated', sub: user?.id ?? '' }, ({ sql }) =>
      sql.query('select ciphertext from runcast.workflow_webhooks'),
    );
    await expect(read).rejects.toMatchObject({ code: '42501' });
  });

  it('is made for nobody who may not change the workflow, and for no other trigger', async () => {
    const id = await hooked();
    expect(await rotate(id, viewer)).toMatchObject({ code: 'FORBIDDEN', path: ['workflowId'] });
    expect(await rotate(id, stranger)).toMatchObject({ code: 'NOT_FOUND' });
    expect(await rotate(randomUUID())).toMatchObject({ code: 'NOT_FOUND' });
    expect(await rotate(await engine.define([mapping('a', {})]))).toMatchObject({ code: 'CONFLICT' });
    const { data } = await api.ask(
      `query ($id: ID!) { workflow(id: $id) { webhook { hasSecret } } }`,
      { id },
      user,
    );
    expect(data.workflow.webhook).toEqual({ hasSecret: false });
  });
});

it('refuses whoever sends too much before it looks at a signature', async () => {
  const limited = await startApi({
    config: {
      ...{ statementTimeoutMs: 10_000, graphiql: false, introspection: false },
      rateLimits: { perUser: 0, perIp: 2 },
    },
  });
  try {
    const post = () => fetch(`${limited.url}/api/workflows/${randomUUID()}/x`, { method: 'POST' });
    expect([(await post()).status, (await post()).status, (await post()).status]).toEqual([401, 401, 429]);
  } finally {
    await limited.close();
  }
});
