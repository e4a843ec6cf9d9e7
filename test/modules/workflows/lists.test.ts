import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { appendEvents } from '../../../src/platform/feed/feed.ts';
import { insertTenant } from '../../support/agents.ts';
import { type Data, startApi, type TestApi, tokenOf, type User } from '../../support/api.ts';
import { connectFeed, type FeedClient, line } from '../../support/feed.ts';
import { statementsOf } from '../../support/statements.ts';
import { insertWorkflow, insertWorkflowExecution, insertWorkflowState } from '../../support/workflows.ts';
import { delay, id } from './definitions.ts';

const WORKFLOWS = 8;
const RUNS = 3;

let api: TestApi;
let user: User;
let colleague: User;
let stranger: User;
let tenantId: string;
let writer: FeedClient;
const workflowIds: string[] = [];
const upTo = (count: number) => Array.from({ length: count }, (_, n) => n);

beforeAll(async () => {
  api = await startApi();
  writer = await connectFeed(api.database.admin);
  [user, colleague, stranger] = await Promise.all([api.makeUser(), api.makeUser(), api.makeUser()]);
  tenantId = await insertTenant(api.admin, [
    { user, role: 'member' },
    { user: colleague, role: 'viewer' },
  ]);
  for (const n of upTo(WORKFLOWS)) {
    const steps = [delay('a')];
    const values = {
      name: `workflow ${n}`,
      steps,
      startStepId: id('a'),
      createdAt: `2026-01-0${n + 1}T00:00:00Z`,
    };
    const workflowId = await insertWorkflow(api.admin, tenantId, values);
    workflowIds.push(workflowId);
    for (const m of upTo(RUNS)) {
      const of = { workflowId, userId: user.id, tenantId };
      const startedAt = `2026-02-0${m + 1}T00:00:00Z`;
      const executionId = await insertWorkflowExecution(api.admin, of, { startedAt, state: { m } });
      await insertWorkflowState(api.admin, { executionId, ...of }, { status: 'started', startedAt });
      await insertWorkflowState(api.admin, { executionId, ...of }, { status: 'completed', stepsExecuted: 1 });
      const events = upTo(3).map((i) => line(`${n}/${m}/${i}`));
      await appendEvents(writer, { kind: 'workflow', id: executionId, events });
    }
  }
});
afterAll(async () => {
  await writer.client.end();
  await api.close();
});

async function ask(query: string, variables: object = {}, as: Pick<User, 'token'> = user): Promise<Data> {
  const { data, errors } = await api.ask(query, variables, as);
  expect(errors).toBeUndefined();
  return data;
}

const nodes = (connection: Data) => connection.edges.map(({ node }: Data) => node);

describe('nested lists', () => {
  it('of workflows, their executions and the events of those are three statements', async () => {
    let data: Data;
    const statements = await statementsOf(api.admin, async () => {
      data =
        await ask(`{ workflows(orderBy: {field: NAME, direction: ASC}) { totalCount: __typename edges { node { name
        executions(first: 2) { edges { node { state
          events(first: 5) { edges { node { seq ... on LogEvent { message } } } } } } } } } } }`);
    });
    expect(statements).toHaveLength(3);
    for (const [n, { name, executions }] of nodes(data.workflows).entries()) {
      expect(name).toBe(`workflow ${n}`);
      expect(nodes(executions).map(({ state }: Data) => state.m)).toEqual([2, 1]);
      for (const { events, state } of nodes(executions)) {
        const messages = nodes(events).map(({ message }: Data) => message);
        expect(messages).toEqual([undefined, ...upTo(3).map((i) => `${n}/${state.m}/${i}`)]);
      }
    }
  });

  it('go from states to runs, workflows and tenants, and back', async () => {
    const data = await ask(`{ workflowExecutionLogs(first: 1, orderBy: {field: STARTED_AT, direction: ASC}) {
      totalCount edges { node { status stepsExecuted tenant { name } workflow { name }
        execution { status lastSeq tenant { name workflows { totalCount } workflowExecutions { totalCount } }
          workflow { graph { nodes { name } } executions { totalCount } }
          stateLogs { totalCount edges { node { status } } }
          logs(last: 1) { edges { node { ... on LogEvent { message } } } } } } } } }`);
    expect(data.workflowExecutionLogs.totalCount).toBe(WORKFLOWS * RUNS * 2);
    expect(nodes(data.workflowExecutionLogs)[0]).toMatchObject({
      status: 'STARTED',
      tenant: null,
      execution: {
        status: 'PENDING',
        lastSeq: 4,
        tenant: { name: 'A tenant', workflows: { totalCount: WORKFLOWS } },
        workflow: { graph: { nodes: [{ name: 'a' }] }, executions: { totalCount: RUNS } },
        stateLogs: {
          totalCount: 2,
          edges: [{ node: { status: 'STARTED' } }, { node: { status: 'COMPLETED' } }],
        },
        logs: { edges: [{ node: { message: expect.stringMatching(/\/0\/2$/) } }] },
      },
    });
  });
});

describe('workflows', () => {
  async function names(filter: object, as?: User): Promise<string[]> {
    const data = await ask(
      `query ($filter: WorkflowFilter) { workflows(filter: $filter, orderBy: {field: NAME, direction: ASC}) {
         totalCount edges { node { name } } } }`,
      { filter },
      as,
    );
    const found = nodes(data.workflows).map(({ name }: Data) => name);
    expect(data.workflows.totalCount).toBe(found.length);
    return found;
  }

  it('are filtered by everything that a filter has, and the conditions add up', async () => {
    const own = await insertTenant(api.admin, [{ user: stranger, role: 'admin' }]);
    const insert = (name: string, values: object) => insertWorkflow(api.admin, own, { name, ...values });
    await insert('Hourly', { trigger: { type: 'schedule', cron: '0 * * * *' }, createdBy: stranger.id });
    await insert('Odd', { trigger: 'moon', category: 'sorcery', version: '2.0.0' });
    await insert('Off 100 %', { enabled: false, createdBy: user.id });
    expect(await names({}, stranger)).toEqual(['Hourly', 'Odd', 'Off 100 %']);
    expect(await names({ tenantId: own }, stranger)).toHaveLength(3);
    expect(await names({ tenantId }, stranger)).toEqual([]);
    expect(await names({ category: ['UNKNOWN'] }, stranger)).toEqual(['Odd']);
    expect(await names({ category: ['AUTOMATION'], enabled: true }, stranger)).toEqual(['Hourly']);
    expect(await names({ triggerType: ['SCHEDULE'] }, stranger)).toEqual(['Hourly']);
    expect(await names({ triggerType: ['UNKNOWN', 'MANUAL'] }, stranger)).toEqual(['Odd', 'Off 100 %']);
    expect(await names({ deprecated: true }, stranger)).toEqual([]);
    expect(await names({ nameContains: '0 %' }, stranger)).toEqual(['Off 100 %']);
    expect(await names({ version: '2.0.0' }, stranger)).toEqual(['Odd']);
    expect(await names({ isMine: true }, stranger)).toEqual(['Hourly']);
    expect(await names({ isMine: false }, stranger)).toEqual(['Odd', 'Off 100 %']);
  });

  it.each(['CREATED_AT', 'UPDATED_AT', 'NAME'])('are paged by %s without gap or overlap', async (field) => {
    const seen: string[] = [];
    for (let after: string | null = null, more = true; more; ) {
      const data: Data = await ask(
        `query ($after: String, $field: WorkflowOrderField!) {
           workflows(first: 3, after: $after, orderBy: {field: $field, direction: DESC}) {
             pageInfo { hasNextPage endCursor } edges { node { databaseId } } } }`,
        { after, field },
      );
      seen.push(...nodes(data.workflows).map(({ databaseId }: Data) => databaseId));
      ({ hasNextPage: more, endCursor: after } = data.workflows.pageInfo);
    }
    expect(seen).toEqual([...workflowIds].reverse());
  });

  it('are seen by viewers, not by others nor nobody', async () => {
    expect(await names({}, colleague)).toHaveLength(WORKFLOWS);
    const one = `query ($id: ID!) { workflow(id: $id) { name } }`;
    expect((await ask(one, { id: workflowIds[0] }, colleague)).workflow).toEqual({ name: 'workflow 0' });
    expect((await ask(one, { id: workflowIds[0] }, stranger)).workflow).toBeNull();
    expect((await ask(one, { id: randomUUID() })).workflow).toBeNull();
    for (const token of [undefined, { token: await tokenOf({ role: 'anon' }) }]) {
      const { errors } = await api.ask('{ workflows { edges { node { name } } } }', {}, token);
      expect(errors?.[0]?.extensions?.code).toBe('UNAUTHENTICATED');
    }
  });

  it('are found by their global id', async () => {
    const { workflow } = await ask(`query ($id: ID!) { workflow(id: $id) { id } }`, { id: workflowIds[1] });
    const { node } = await ask(
      `query ($id: ID!) { node(id: $id) { ... on Workflow { name startStepId steps { name } } } }`,
      {
        id: workflow.id,
      },
    );
    expect(node).toEqual({ name: 'workflow 1', startStepId: id('a'), steps: [{ name: 'a' }] });
  });
});

describe('runs of workflows', () => {
  it('are filtered, and the conditions add up', async () => {
    const [workflowId = ''] = workflowIds;
    const of = { workflowId, userId: user.id };
    await insertWorkflowExecution(api.admin, of, { status: 'paused', startedAt: '2026-03-01T00:00:00Z' });
    await insertWorkflowExecution(api.admin, of, {
      status: 'failed',
      startedAt: '2026-03-02T00:00:00Z',
      error: { message: 'no', code: 7 },
    });
    const runs = async (filter: object) =>
      nodes(
        (
          await ask(
            `query ($filter: WorkflowExecutionFilter) { workflowExecutions(filter: $filter) {
               edges { node { status error { message code } } } } }`,
            { filter },
          )
        ).workflowExecutions,
      );
    expect(await runs({ status: ['PAUSED', 'FAILED'], workflowId })).toEqual([
      { status: 'FAILED', error: { message: 'no', code: null } },
      { status: 'PAUSED', error: null },
    ]);
    expect(
      await runs({ startedAfter: '2026-03-01T00:00:00Z', startedBefore: '2026-03-02T00:00:00Z' }),
    ).toHaveLength(1);
    expect(await runs({ tenantId, workflowId })).toHaveLength(RUNS);
  });

  it('are their owner’s alone', async () => {
    const workflowId = workflowIds[1] ?? '';
    const run = await insertWorkflowExecution(api.admin, { workflowId, userId: user.id, tenantId });
    const one = `query ($id: ID!) { workflowExecution(id: $id) { databaseId workflow { name } } }`;
    expect((await ask(one, { id: run })).workflowExecution).toEqual({
      databaseId: run,
      workflow: { name: 'workflow 1' },
    });
    for (const other of [colleague, stranger]) {
      expect((await ask(one, { id: run }, other)).workflowExecution).toBeNull();
      const data = await ask(
        '{ workflowExecutions { totalCount } workflowExecutionLogs { totalCount } }',
        {},
        other,
      );
      expect(data).toEqual({
        workflowExecutions: { totalCount: 0 },
        workflowExecutionLogs: { totalCount: 0 },
      });
    }
    expect((await api.ask(one, { id: run })).errors?.[0]?.extensions?.code).toBe('UNAUTHENTICATED');
  });
});
