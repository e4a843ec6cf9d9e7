import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApi, type TestApi, type User } from '../../support/api.ts';
import { type Engine, openEngine } from '../../support/workflow-engine.ts';
import { delay, id, type LooseStep, mapping } from './definitions.ts';

let api: TestApi;
let engine: Engine;
let user: User;
let viewer: User;

beforeAll(async () => {
  api = await startApi();
  engine = await openEngine(api.database);
  await engine.work();
  [user, viewer] = [await api.makeUser(), await api.makeUser()];
  await api.admin.query(
    `insert into public.user_tenants (tenant_id, user_id, role) values ($1, $2, 'member'), ($1, $3, 'viewer')`,
    [engine.tenantId, user.id, viewer.id],
  );
});
afterAll(async () => {
  await engine?.close();
  await api?.close();
});

const RUN = `mutation ($workflowId: ID!, $input: JSON, $key: String, $priority: ExecutionPriority) {
  runWorkflow(workflowId: $workflowId, input: $input, idempotencyKey: $key, priority: $priority) {
    __typename
    ... on WorkflowExecution { databaseId status retryOf }
    ... on Error { code message path }
  } }`;

const ask = (name: string): LooseStep => ({
  ...{ id: id(name), name, type: 'human', config: { prompt: 'Go on?', required: true } },
});

async function run(variables: object, as: User = user) {
  const answer = await api.ask(RUN, variables, as);
  if (answer.errors) throw new Error(JSON.stringify(answer.errors));
  return answer.data.runWorkflow;
}

const nodesOf = (connection: { edges: { node: object }[] }) => connection.edges.map(({ node }) => node);

it('runs a workflow, and shows its steps', async () => {
  const workflowId = await engine.define([mapping('a', { x: 'input.x' }), mapping('b', { y: 1 })]);
  const data = await run({ workflowId, input: { x: 7 } });
  await engine.ended(data.databaseId);
  const { data: seen } = await api.ask(
    `query ($id: ID!) { workflowExecution(id: $id) {
      status output
      steps(first: 10) { totalCount edges { node { name type state place attempt tries output error { message } completedAt } } }
      open: steps(filter: { state: [WAITING, QUEUED] }) { totalCount }
      stateLogs { edges { node { status stepsExecuted } } } } }`,
    { id: data.databaseId },
    user,
  );
  const { steps, stateLogs, ...rest } = seen.workflowExecution;
  expect(rest).toMatchObject({ status: 'COMPLETED', output: { y: 1 }, open: { totalCount: 0 } });
  expect(steps.totalCount).toBe(2);
  expect(nodesOf(steps)).toMatchObject([
    {
      ...{ name: 'a', type: 'TRANSFORM', state: 'COMPLETED', place: 'MAIN' },
      ...{ attempt: 1, tries: 0, output: { x: 7 }, error: null },
    },
    { name: 'b', state: 'COMPLETED' },
  ]);
  expect(nodesOf(stateLogs)).toMatchObject([
    { status: 'STARTED' },
    { status: 'COMPLETED', stepsExecuted: 2 },
  ]);
});

it('starts one run for a key, however many ask at once, and says so where they ask for another', async () => {
  const workflowId = await engine.define([mapping('a', { x: 1 })]);
  const key = randomUUID();
  const answers = await Promise.all(
    Array.from({ length: 5 }, () => run({ workflowId, input: { n: 1 }, key })),
  );
  expect(new Set(answers.map(({ databaseId }) => databaseId)).size).toBe(1);
  expect(await run({ workflowId, input: { n: 2 }, key })).toMatchObject({ code: 'CONFLICT' });
});

describe('refuses before anything is written', () => {
  it.each([
    ['a workflow that is not there', async () => randomUUID(), 'NOT_FOUND'],
    ['one that is disabled', () => engine.define([mapping('a', {})], { enabled: false }), 'FORBIDDEN'],
    [
      'one that another program wrote with a fault',
      () => engine.define([mapping('a', { x: 'steps.nothing.output' })]),
      'VALIDATION_FAILED',
    ],
  ])('%s', async (_what, make, code) => {
    const workflowId = await make();
    expect(await run({ workflowId })).toMatchObject({ code, path: ['workflowId'] });
    const { rows } = await api.admin.query('select from public.workflow_executions where workflow_id = $1', [
      workflowId,
    ]);
    expect(rows).toHaveLength(0);
  });

  it('whoever only looks on', async () => {
    expect(await run({ workflowId: await engine.define([mapping('a', {})]) }, viewer)).toMatchObject({
      code: 'FORBIDDEN',
    });
  });
});

const STEER = (field: string, args: string) => `mutation ($id: ID!, $stepId: ID) {
  ${field}(${args}) { __typename ... on Error { code path } } }`;

it('pauses, resumes, cancels and runs again', async () => {
  const workflowId = await engine.define([
    ask('a'),
    mapping('z', { said: `steps.${id('a')}.output.decision` }),
  ]);
  const data = await run({ workflowId });
  const runId = data.databaseId;
  const steer = async (field: string, args = 'executionId: $id') =>
    (
      await api.ask(
        STEER(field, args).replace(args.includes('$stepId') ? '' : ', $stepId: ID', ''),
        { id: runId },
        user,
      )
    ).data[field];
  await engine.until(runId, (events) => events.some(({ type }) => type === 'approval'));
  expect(await steer('resumeExecution')).toMatchObject({ code: 'CONFLICT' });
  expect(await steer('pauseExecution')).toMatchObject({ __typename: 'WorkflowExecution' });
  expect(await steer('pauseExecution')).toMatchObject({ code: 'CONFLICT' });
  expect(await steer('rerun')).toMatchObject({ code: 'EXECUTION_NOT_ENDED' });
  expect(await steer('resumeExecution')).toMatchObject({ __typename: 'WorkflowExecution' });
  expect(await steer('cancelExecution', 'id: $id')).toMatchObject({
    __typename: 'CancelledExecution',
  });
  expect(await steer('cancelExecution', 'id: $id')).toMatchObject({ code: 'EXECUTION_ENDED' });
  expect((await engine.execution(runId)).status).toBe('cancelled');

  const { data: again } = await api.ask(
    `mutation ($id: ID!) { rerun(executionId: $id) { ... on WorkflowExecution { databaseId retryOf } } }`,
    { id: runId },
    user,
  );
  const second = again.rerun;
  expect(second.retryOf).toBe(runId);
  await engine.until(second.databaseId, (events) => events.some(({ type }) => type === 'approval'));

  const { data: open } = await api.ask(
    `query ($id: ID!) { approvals(filter: { executionId: $id, isOpen: true }) { edges { node { databaseId prompt stepId execution { databaseId } } } } }`,
    { id: second.databaseId },
    user,
  );
  expect(nodesOf(open.approvals)).toMatchObject([
    { prompt: 'Go on?', stepId: id('a'), execution: { databaseId: second.databaseId } },
  ]);
  const { data: decided } = await api.ask(
    `mutation ($id: ID!, $stepId: ID!) { decideApproval(executionId: $id, stepId: $stepId, decision: APPROVED, comment: "fine") {
      ... on Approval { decision comment decidedBy } ... on Error { code message } } }`,
    { id: second.databaseId, stepId: id('a') },
    user,
  );
  expect(decided.decideApproval).toEqual({ decision: 'APPROVED', comment: 'fine', decidedBy: user.id });
  await engine.ended(second.databaseId);

  const { data: third } = await api.ask(
    `mutation ($id: ID!, $stepId: ID!) { retryFromStep(executionId: $id, stepId: $stepId) {
      ... on WorkflowExecution { databaseId retryOf } ... on Error { code message } } }`,
    { id: second.databaseId, stepId: id('z') },
    user,
  );
  await engine.ended(third.retryFromStep.databaseId);
  expect(await engine.execution(third.retryFromStep.databaseId)).toMatchObject({
    status: 'completed',
    output: { said: 'approved' },
  });
});

it('streams its events and its newest state', async () => {
  const workflowId = await engine.define([mapping('a', {}), delay('b', { config: { duration: 1 } })]);
  const data = await run({ workflowId });
  const socket = api.socket(user);
  const seen: string[] = [];
  for await (const { data: batch } of socket.follow(
    `subscription ($id: ID!) { workflowExecutionEvents(id: $id) { events { seq type } lastSeq ended } }`,
    { id: data.databaseId },
  )) {
    seen.push(...batch.workflowExecutionEvents.events.map((event: { seq: number }) => event.seq));
  }
  expect(seen).toEqual((await engine.events(data.databaseId)).map(({ seq }) => seq));
  const states: string[] = [];
  for await (const { data: state } of socket.follow(
    `subscription ($id: ID!) { workflowExecutionChanged(id: $id) { status steps { edges { node { state } } } } }`,
    { id: data.databaseId },
  )) {
    states.push(state.workflowExecutionChanged.status);
  }
  expect(states.at(-1)).toBe('COMPLETED');
  await socket.dispose();
});

it('lets no more runs of a tenant run than it may, the most urgent next, and no more wait', async () => {
  await api.admin.query(
    `update public.tenants set limits = '{"maxConcurrentRuns": 1, "maxQueuedRuns": 2}' where id = $1`,
    [engine.tenantId],
  );
  const workflowId = await engine.define([ask('a')]);
  await api.admin.query(
    `select runcast.request_cancel(kind, execution_id) from runcast.execution_streams where state = 'open'`,
  );
  const first = await run({ workflowId });
  const low = await run({ workflowId, priority: 'LOW' });
  const urgent = await run({ workflowId, priority: 'URGENT' });
  expect([first.status, low.status, urgent.status]).toEqual(['RUNNING', 'PENDING', 'PENDING']);
  expect(await run({ workflowId })).toMatchObject({ code: 'LIMIT_REACHED' });
  const cancel = (runId: string) =>
    api.ask(STEER('cancelExecution', 'id: $id').replace(', $stepId: ID', ''), { id: runId }, user);
  const isRunning = (runId: string) =>
    engine.until(runId, (events) => events.some(({ type }) => type === 'approval'));
  await cancel(first.databaseId);
  await isRunning(urgent.databaseId);
  expect((await engine.execution(low.databaseId)).status).toBe('pending');
  // The deletion of a run frees its place, too.
  await api.admin.query('delete from public.workflow_executions where id = $1', [urgent.databaseId]);
  await isRunning(low.databaseId);
  await cancel(low.databaseId);
  await api.admin.query(`update public.tenants set limits = '{}' where id = $1`, [engine.tenantId]);
});
