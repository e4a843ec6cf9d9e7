import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import type { StepCall } from '../../../src/modules/steps/step.ts';
import { type AgentRuns, openAgentRuns } from '../../support/agent-runs.ts';
import { type Asked, type ModelServer, startModelServer, type Turn } from '../../support/model-server.ts';
import { apiTool, callOverHttp, startToolServer, type ToolRequest } from '../../support/tool-server.ts';
import { insertWorkflow } from '../../support/workflows.ts';
import { id, mapping } from '../workflows/definitions.ts';

let server: ModelServer;
let runs: AgentRuns;
let next: (asked: Asked, before: number) => Turn;
const calls: StepCall[] = [];

beforeAll(async () => {
  server = await startModelServer((asked) => next(asked, asked.messages.length));
  runs = await openAgentRuns({
    baseUrl: server.baseUrl,
    ports: {
      toolRunners: {
        api(tool, args, call) {
          calls.push(call);
          return callOverHttp(tool, args, call);
        },
        database: async ({ config }) => ({ operation: config?.operation }),
      },
    },
  });
});
afterAll(async () => {
  await runs.close();
  await server.close();
});

const ALLOWED = { canAccessExternalAPIs: true, maxConcurrentOperations: 2 };

async function open(answer?: (request: ToolRequest, before: number) => unknown) {
  const tools = await startToolServer(answer);
  onTestFinished(tools.close);
  return tools;
}

/** A model that calls these tools once, and then answers with what it was told of them. */
function callsOnce(names: readonly string[], args = '{"city": "Ulm"}') {
  next = ({ messages }) => {
    const told = messages.filter(({ role }) => role === 'tool').map(({ content }) => String(content));
    return told.length > 0 ? { text: [told.join('|')] } : { calls: names.map((name) => ({ name, args })) };
  };
}

it('never calls a tool whose capability the agent lacks, whatever the model says', async () => {
  const tools = await open();
  const written = {
    ...apiTool('', 'save'),
    category: 'database',
    config: { operation: 'insert', table: 'agents' },
  };
  callsOnce(['weather', 'save', 'nothing']);
  const id = await runs.run(
    await runs.agent({
      planningStyle: 'reactive',
      capabilities: { canAccessDatabase: true, canRead: true, canExecute: true },
      tools: [apiTool(tools.url, 'weather'), written],
    }),
  );
  const events = await runs.events(id);
  const { output } = await runs.state(id);
  expect(output.split('|')).toEqual([
    'FORBIDDEN_TOOL: the agent may not use weather: it lacks canAccessExternalAPIs',
    'FORBIDDEN_TOOL: the agent may not use save: it lacks canWrite',
    'UNKNOWN_TOOL: there is no tool nothing',
  ]);
  expect(tools.requests).toEqual([]);
  const warned = events.filter(({ level }) => level === 'warn').map(({ message }) => message);
  expect(warned).toHaveLength(2);
});

it('makes the calls of one answer at the same time, as many as the agent may', async () => {
  const tools = await open(async (_request, before) => {
    // The first waits for the second: one after the other they would never end.
    if (before === 0) await tools.until(2);
    return before;
  });
  callsOnce(['a', 'b', 'c', 'd']);
  const id = await runs.run(
    await runs.agent({
      planningStyle: 'reactive',
      capabilities: ALLOWED,
      tools: ['a', 'b', 'c', 'd'].map((name) => apiTool(tools.url, name)),
    }),
  );
  expect(await runs.ended(id)).toMatchObject({ status: 'COMPLETED' });
  expect(tools.requests).toHaveLength(4);
  expect(tools.most()).toBe(2);
});

it('tries a call again as its retry policy says, with the same idempotency key', async () => {
  const tools = await open((_request, before) => {
    if (before < 2) throw new Error('not yet');
    return 'sun';
  });
  callsOnce(['weather']);
  const retry = { enabled: true, maxAttempts: 3, initialDelay: 1 };
  const id = await runs.run(
    await runs.agent({
      planningStyle: 'reactive',
      capabilities: ALLOWED,
      tools: [apiTool(tools.url, 'weather', { retry })],
    }),
  );
  expect(await runs.ended(id)).toMatchObject({ status: 'COMPLETED', output: 'sun' });
  expect(tools.requests.map(({ key }) => key)).toEqual(Array(3).fill(`${id}:model/0/tool/0`));
});

it('tells the model of a call that takes too long, or is wrong', async () => {
  const { promise: never } = Promise.withResolvers<void>();
  const tools = await open(() => never);
  const required = { city: { type: 'string', required: true, description: 'Where.' } };
  const agent = (more: object) =>
    runs.agent({
      planningStyle: 'reactive',
      capabilities: ALLOWED,
      tools: [apiTool(tools.url, 'weather', { parameters: required, ...more })],
    });
  callsOnce(['weather']);
  const late = await runs.ended(await runs.run(await agent({ timeout: 50 })));
  expect(late.output).toBe('TIMEOUT: weather took longer than 50 ms');
  callsOnce(['weather'], '{"city": 7}');
  const wrong = await runs.ended(await runs.run(await agent({})));
  expect(wrong.output).toBe(
    'INVALID_ARGUMENTS: the arguments of weather are wrong: city must be of type string',
  );
  expect(tools.requests).toHaveLength(1);
});

it('holds tools to the domains that the agent may call', async () => {
  const tools = await open();
  callsOnce(['weather']);
  const domains = { allowedDomains: ['*.example.com'], blockedDomains: ['bad.example.com'] };
  const id = await runs.run(
    await runs.agent({
      ...{ planningStyle: 'reactive', capabilities: ALLOWED, safetyConstraints: domains },
      tools: [apiTool(tools.url, 'weather')],
    }),
  );
  await runs.ended(id);
  expect(calls.at(-1)).toMatchObject({
    hosts: { allowed: ['*.example.com'], blocked: ['bad.example.com'] },
    owner: { userId: runs.user.id, tenantId: runs.tenantId },
    execution: { kind: 'agent', id },
  });
});

it('asks a model for a tool that is one', async () => {
  next = ({ messages }) => {
    if (String(messages[0]?.content) === 'Translate into French.') return { text: ['Bonjour'] };
    const told = messages.find(({ role }) => role === 'tool');
    return told
      ? { text: [`It is ${told.content}`] }
      : { calls: [{ name: 'translate', args: '{"text": "Hello"}' }] };
  };
  const translate = {
    ...{ id: 'translate', name: 'translate', description: 'Translates.', category: 'ai' },
    config: { prompt: 'Translate into French.' },
  };
  const values = { planningStyle: 'reactive', tools: [translate] };
  const refused = await runs.ended(await runs.run(await runs.agent(values)));
  expect(refused.output).toContain('it lacks canInvokeOtherAgents');
  const capabilities = { canInvokeOtherAgents: true };
  const allowed = await runs.ended(await runs.run(await runs.agent({ ...values, capabilities })));
  expect(allowed.output).toBe('It is Bonjour');
  expect(allowed.steps.map(({ key }: { key: string }) => key)).toContain('model/0/tool/0/model');
});

it('runs on tools alone where it names no model: with arguments from the input, then defaults', async () => {
  const tools = await open(({ path, body }) => ({ path, body }));
  const parameters = {
    city: { type: 'string', required: true, description: 'Where.' },
    unit: { type: 'string', required: false, description: 'In what.', default: 'C' },
  };
  const values = {
    ...{ capabilities: ALLOWED, executionConfig: {} },
    tools: ['first', 'second'].map((name) => apiTool(tools.url, name, { parameters })),
  };
  const before = server.asked.length;
  const agentId = await runs.agent(values);
  const id = await runs.run(agentId, {
    input: { city: 'Ulm', other: 1, second: { city: 'Bonn', unit: 'F' } },
  });
  const ended = await runs.ended(id);
  expect(ended).toMatchObject({ status: 'COMPLETED' });
  expect(ended.output).toEqual({
    first: { path: '/first', body: { city: 'Ulm', unit: 'C' } },
    second: { path: '/second', body: { city: 'Bonn', unit: 'F' } },
  });
  expect(tools.requests.map(({ path }) => path)).toEqual(['/first', '/second']);
  expect(server.asked).toHaveLength(before);

  const failed = await runs.ended(await runs.run(agentId, { input: {} }));
  expect(failed).toMatchObject({ status: 'FAILED', error: { code: 'INVALID_ARGUMENTS' } });
});

it('starts a workflow, waits for its end without a worker, and goes on with its output', async () => {
  const { admin } = runs.api;
  const steps = [mapping('count', { pages: 3, of: 'input.city' })];
  const workflowId = await insertWorkflow(admin, runs.tenantId, { steps, startStepId: id('count') });
  callsOnce(['report']);
  const report = {
    ...{ id: 'report', name: 'report', description: 'Reports.', category: 'workflow' },
    config: { workflowId },
  };
  const capabilities = { canExecute: true };
  const run = await runs.run(await runs.agent({ planningStyle: 'reactive', capabilities, tools: [report] }));
  expect(await runs.ended(run)).toMatchObject({ status: 'COMPLETED', attempt: 2 });
  const events = await runs.events(run, ({ to }) => to === 'completed');
  expect(events.some(({ from, to }) => from === 'running' && to === 'pending')).toBe(true);
  const started = await admin.query('select input, output, status, user_id from public.workflow_executions');
  expect(started.rows).toEqual([
    {
      ...{ input: { city: 'Ulm' }, output: { pages: 3, of: 'Ulm' } },
      ...{ status: 'completed', user_id: runs.user.id },
    },
  ]);
});
