import { randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApprovalLinks } from '../../../../src/modules/workflows/approvals/links.ts';
import { createCipher } from '../../../../src/platform/encryption.ts';
import { cipher, startApi, type TestApi, type User } from '../../../support/api.ts';
import { type Engine, openEngine } from '../../../support/workflow-engine.ts';
import { mapping, id as stepId } from '../definitions.ts';

const PUBLIC = 'https://runcast.example.com';

let api: TestApi;
let engine: Engine;
let [user, assignee]: User[] = [];

beforeAll(async () => {
  api = await startApi({ publicUrl: PUBLIC });
  engine = await openEngine(api.database);
  await engine.work();
  [user, assignee] = await Promise.all([api.makeUser(), api.makeUser()]);
  await api.admin.query(
    `insert into public.user_tenants (tenant_id, user_id, role) values ($1, $2, 'member'), ($1, $3, 'viewer')`,
    [engine.tenantId, user?.id, assignee?.id],
  );
});
afterAll(async () => {
  await engine?.close();
  await api?.close();
});

const PROMPT = 'Pay <script>alert("1")</script> & go on?';

/** A run that has asked. */
async function ask(config: object = {}): Promise<{ runId: string; approvalId: string }> {
  const workflowId = await engine.define([
    { id: stepId('ask'), name: 'ask', type: 'human', config: { prompt: PROMPT, required: true, ...config } },
    mapping('z', { said: `steps.${stepId('ask')}.output` }),
  ]);
  const { data } = await api.ask(
    `mutation ($id: ID!) { runWorkflow(workflowId: $id) { ... on WorkflowExecution { databaseId } } }`,
    { id: workflowId },
    user,
  );
  const runId = data.runWorkflow.databaseId;
  await engine.until(runId, (events) => events.some(({ type }) => type === 'approval'));
  const { rows } = await api.admin.query('select id from runcast.approvals where execution_id = $1', [runId]);
  return { runId, approvalId: rows[0].id };
}

async function linksOf(approvalId: string, as: User | undefined = user) {
  const { data } = await api.ask(
    `query ($id: ID!) { approval(id: $id) { links { approve reject expiresAt } } }`,
    { id: approvalId },
    as,
  );
  return data.approval?.links;
}

const here = (link: string) => link.replace(PUBLIC, api.url);

async function open(link: string, init: RequestInit = {}) {
  const response = await fetch(here(link), init);
  return { status: response.status, headers: response.headers, text: await response.text() };
}

/** As the form on the page sends it. */
const submit = (link: string, comment = '') =>
  open(link, { method: 'POST', body: new URLSearchParams({ comment }), headers: { origin: 'null' } });

async function decisionOf(approvalId: string) {
  const { rows } = await api.admin.query(
    'select decision, comment, decided_by as "decidedBy" from runcast.approvals where id = $1',
    [approvalId],
  );
  return rows[0];
}

describe('a link', () => {
  it('shows a page that asks, and decides nothing by being looked at', async () => {
    const { approvalId } = await ask();
    const { approve, reject, expiresAt } = await linksOf(approvalId);
    expect(approve).toMatch(new RegExp(`^${PUBLIC}/approvals/[\\w.-]+$`));
    expect(Date.parse(expiresAt) - Date.now()).toBeGreaterThan(6.9 * 24 * 60 * 60 * 1_000);
    for (const link of [approve, reject]) {
      const page = await open(link);
      expect(page.status).toBe(200);
      expect(page.text).toContain('Pay &lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; go on?');
      expect(page.text).not.toMatch(/<script|src=|href=|url\(/);
      expect(page.text).toContain('<form method="post">');
      expect(page.headers.get('content-security-policy')).toMatch(
        /default-src 'none'.*frame-ancestors 'none'/,
      );
      expect(page.headers.get('cache-control')).toBe('no-store');
      expect(page.headers.get('referrer-policy')).toBe('no-referrer');
      expect((await open(link, { method: 'HEAD' })).status).toBe(200);
    }
    expect(await decisionOf(approvalId)).toMatchObject({ decision: null });
  });

  it.each([
    ['approve', 'approved', 'completed'],
    ['reject', 'rejected', 'failed'],
  ] as const)('to %s decides once, with what is said', async (which, decision, status) => {
    const { runId, approvalId } = await ask();
    const links = await linksOf(approvalId);
    const answers = await Promise.all([submit(links[which], ' Fine. '), submit(links[which], ' Fine. ')]);
    expect(answers.map((answer) => answer.status).sort()).toEqual([200, 410]);
    await engine.ended(runId);
    expect((await engine.execution(runId)).status).toBe(status);
    expect(await decisionOf(approvalId)).toEqual({ decision, comment: 'Fine.', decidedBy: null });
    for (const link of [links.approve, links.reject]) {
      expect(await open(link)).toMatchObject({ status: 410, text: expect.stringContaining('already') });
      expect((await submit(link)).status).toBe(410);
    }
    expect(await linksOf(approvalId)).toBeNull();
  });

  it('to a question that is assigned to somebody is theirs, and says who has decided', async () => {
    const { approvalId, runId } = await ask({ assignTo: assignee?.id });
    expect(await linksOf(approvalId, user)).toBeNull();
    expect((await submit((await linksOf(approvalId, assignee)).approve)).status).toBe(200);
    await engine.ended(runId);
    expect(await decisionOf(approvalId)).toMatchObject({ decision: 'approved', decidedBy: assignee?.id });
  });

  it('holds no longer than the question, and says why it does not', async () => {
    const { approvalId, runId } = await ask({ timeout: 60_000 });
    const { approve, expiresAt } = await linksOf(approvalId);
    expect(Date.parse(expiresAt) - Date.now()).toBeLessThanOrEqual(60_000);
    await api.ask(`mutation ($id: ID!) { cancelExecution(id: $id) { __typename } }`, { id: runId }, user);
    expect(await open(approve)).toMatchObject({
      status: 410,
      text: expect.stringContaining('ended without'),
    });
    expect((await submit(approve)).status).toBe(410);
    await api.admin.query('delete from public.workflow_executions where id = $1', [runId]);
    expect((await submit(approve)).status).toBe(410);
  });

  it('is worth no more than what whoever it was made for may do by now', async () => {
    const { approvalId } = await ask();
    const { approve } = await linksOf(approvalId);
    const become = (status: string) =>
      api.admin.query('update public.user_tenants set status = $3 where tenant_id = $1 and user_id = $2', [
        ...[engine.tenantId, user?.id, status],
      ]);
    await become('suspended');
    expect((await submit(approve)).status).toBe(410);
    expect(await decisionOf(approvalId)).toMatchObject({ decision: null });
    await become('active');
    expect((await open(approve)).status).toBe(200);
  });
});

describe('is no link', () => {
  const KEYS = cipher.keysFor('runcast approval links');
  const token = (claims: object, { key = KEYS[0], audience = 'runcast:approval', expires = '1h' } = {}) =>
    new SignJWT({ ...claims })
      .setProtectedHeader({ alg: 'HS256' })
      .setAudience(audience)
      .setExpirationTime(expires)
      .sign(key);

  it('what was forged, cut off, made for something else, or has expired', async () => {
    const { approvalId } = await ask();
    const { approve, reject } = await linksOf(approvalId);
    const claims = { sub: approvalId, decision: 'approved', decider: user?.id };
    const [header, , signature] = approve.split('/').at(-1).split('.');
    const unsigned = `${btoa('{"alg":"none"}')}.${btoa(JSON.stringify(claims))}.`;
    const forged = [
      ...[approve.slice(0, -3), `${PUBLIC}/approvals/x`, `${PUBLIC}/approvals/${unsigned}`],
      `${PUBLIC}/approvals/${[header, reject.split('.').at(-2), signature].join('.')}`,
      `${PUBLIC}/approvals/${await token(claims, { key: new Uint8Array(32) })}`,
      `${PUBLIC}/approvals/${await token(claims, { key: cipher.keysFor('another purpose')[0] })}`,
      `${PUBLIC}/approvals/${await token(claims, { audience: 'authenticated' })}`,
      `${PUBLIC}/approvals/${await token({ ...claims, decision: 'expired' })}`,
      `${PUBLIC}/approvals/${await token({ ...claims, sub: 'no uuid' })}`,
    ];
    for (const link of forged) {
      expect((await open(link)).status).toBe(400);
      expect((await submit(link)).status).toBe(400);
    }
    const old = `${PUBLIC}/approvals/${await token(claims, { expires: '-1s' })}`;
    expect(await submit(old)).toMatchObject({ status: 410, text: expect.stringContaining('expired') });
    const others = `${PUBLIC}/approvals/${await token({ ...claims, decider: assignee?.id })}`;
    expect((await submit(others)).status).toBe(410);
    const nobodys = `${PUBLIC}/approvals/${await token({ ...claims, sub: randomUUID() })}`;
    expect((await submit(nobodys)).status).toBe(410);
    expect(await decisionOf(approvalId)).toMatchObject({ decision: null });
  });

  it('with a comment that never ends, and by another method', async () => {
    const { approvalId } = await ask();
    const { approve } = await linksOf(approvalId);
    expect((await submit(approve, 'a'.repeat(40_000))).status).toBe(413);
    expect((await open(approve, { method: 'PUT' })).status).toBe(405);
    expect(await decisionOf(approvalId)).toMatchObject({ decision: null });
  });
});

it('is read with the keys of before as well, and signed with the first', async () => {
  const [before, now] = [Buffer.alloc(32, 'before'), Buffer.alloc(32, 'now')];
  const links = (keys: [Buffer, ...Buffer[]]) =>
    createApprovalLinks({ cipher: createCipher(keys), baseUrl: '' });
  const question = {
    ...{
      id: randomUUID(),
      executionId: randomUUID(),
      prompt: '',
      decision: null,
      assignedTo: null,
      expiresAt: null,
    },
    decider: randomUUID(),
  };
  const tokenOf = async (keys: [Buffer, ...Buffer[]]) =>
    (await links(keys).of(question))?.approve.split('/').at(-1) ?? '';
  const old = await tokenOf([before]);
  expect(await links([now, before]).read(old)).toMatchObject({
    approvalId: question.id,
    decision: 'approved',
  });
  expect(await links([now]).read(old)).toBe('forged');
  expect(await links([now]).read(await tokenOf([now, before]))).toMatchObject({ decider: question.decider });
});
