import { appendEvents } from '../../../src/platform/feed/feed.ts';
import { everyType, id as stepId } from '../../modules/workflows/definitions.ts';
import { insertAgent } from '../../support/agents.ts';
import {
  insertWorkflow,
  insertWorkflowExecution,
  insertWorkflowState,
  type WorkflowValues,
} from '../../support/workflows.ts';
import { type Cases, edges, globalOnly, type MakeTarget, type Seen, sqlOf } from '../case.ts';
import { tenant } from './accounts.ts';
import { runsOf } from './runs.ts';

const RETRY = { enabled: true, maxAttempts: 2 };
const CONDITION = { field: 'input.ok', operator: 'equals', value: true };

/** With a step of every type and of one that nobody knows, run once by the person. */
const workflowWith =
  (values: WorkflowValues): MakeTarget =>
  async (admin, person) => {
    const agentId = await insertAgent(admin, person.tenantId, { name: person.mark, createdBy: person.id });
    const steps = [...everyType(agentId), { id: stepId('x'), name: 'x', type: 'novel', config: {} }];
    const id = await insertWorkflow(admin, person.tenantId, {
      name: person.mark,
      createdBy: person.id,
      steps: steps.map((step) => ({ ...step, name: person.mark, retry: RETRY })),
      startStepId: steps[0]?.id ?? '',
      globalRetry: RETRY,
      errorHandler: { strategy: 'fail', notification: true },
      ...values,
    });
    const ids = { workflowId: id, userId: person.id, tenantId: person.tenantId };
    const execution = await insertWorkflowExecution(admin, ids, {
      status: 'running',
      error: { message: person.mark },
      metrics: { duration: 7 },
      state: { note: person.mark },
    });
    const log = { type: 'log', payload: { level: 'info', message: person.mark, source: 'stdout' } } as const;
    await appendEvents(sqlOf(admin), { kind: 'workflow', id: execution, events: [log] });
    const state = await insertWorkflowState(admin, { ...ids, executionId: execution }, { status: 'started' });
    await admin.query(
      `update public.workflow_execution_logs set tenant_id = $2, error = jsonb_build_object('message', $3::text)
       where id = $1`,
      [state, person.tenantId, person.mark],
    );
    return {
      id: { row: id, typename: 'Workflow' },
      executionId: { row: execution, typename: 'WorkflowExecution' },
      logId: { row: state, typename: 'WorkflowExecutionLog' },
      agentId: { row: agentId, typename: 'Agent' },
      tenantId: { row: person.tenantId, typename: 'Tenant' },
    };
  };

const workflow = workflowWith({});
const triggers = {
  schedule: workflowWith({ trigger: { type: 'schedule', cron: '0 9 * * *', timezone: 'UTC' } }),
  webhook: workflowWith({ trigger: { type: 'webhook', path: '/hook', method: 'POST' } }),
  event: workflowWith({ trigger: { type: 'event', eventName: 'paid', conditions: [CONDITION] } }),
  api: workflowWith({ trigger: { type: 'api', endpoint: '/run' } }),
};

/** An agent and a person of the tenant, whom steps name. */
const named: MakeTarget = async (admin, person) => ({
  agentId: {
    row: await insertAgent(admin, person.tenantId, { name: person.mark, createdBy: person.id }),
    typename: 'Agent',
  },
  tenantId: { row: person.tenantId, typename: 'Tenant' },
  userId: { row: person.id },
});

const step = (name: string, config: string, rest = '') =>
  `{ id: "${stepId(name)}", name: "${name}", config: { ${config} } ${rest} }`;

/** A choice between an agent of the tenant's and a loop in which a person of it decides. */
const STEPS = [
  step(
    'a',
    `condition: { conditions: [{ field: "input.ok", operator: EQUALS, value: true }], then: ["${stepId('b')}"], else: ["${stepId('c')}"] }`,
  ),
  step('b', 'agent: { agentId: $agentId, input: {} }', `onError: FALLBACK, fallbackStepId: "${stepId('e')}"`),
  step('c', `loop: { items: "input.items", stepIds: ["${stepId('d')}"] }`),
  step('d', 'human: { prompt: "Well?", required: true, assignTo: $userId }'),
  step('e', 'delay: { duration: 5 }'),
].join(', ');
const DEFINITION = `startStepId: "${stepId('a')}", trigger: { manual: true }, steps: [${STEPS}]`;
const making = `name: $fresh, version: "1.0.0", category: CUSTOM, ${DEFINITION}`;
const INVALID = `startStepId: "${stepId('none')}", trigger: { manual: true }, steps: [${step('e', 'delay: { duration: 5 }')}]`;

const reads: Seen = { as: 'the owner', because: 'viewers of a tenant read its workflows' };
const changes: Seen = { as: 'forbidden', because: 'viewers of a tenant read its workflows and change none' };

const names: Seen = { as: 'the owner', because: 'whoever sees an agent may name it in his own workflow' };

const seen = { viewer: reads };
const change = (call: string) => ({ call, target: workflow, seen: { viewer: changes } });
const stepTypes = [
  ...['Agent', 'Api', 'Condition', 'Database', 'Delay', 'Generate', 'Human', 'Loop', 'Match', 'Notification'],
  ...['Reconcile', 'Training', 'Transform', 'Webhook'],
];

export const workflows: Cases = {
  'Query.workflow': { call: 'workflow(id: $id)', target: workflow, seen },
  'Query.workflows': [
    { call: 'workflows(first: 100)', seen },
    { call: 'workflows(filter: { tenantId: $id })', target: tenant, seen },
  ],
  'Query.node(Workflow)': { call: 'node(id: $id)', target: globalOnly(workflow, 'id'), seen },
  'Query.workflowGraph': { call: 'workflowGraph(id: $id)', target: workflow, seen },
  'Query.validateWorkflow': { call: `validateWorkflow(input: { ${DEFINITION} })`, target: named, seen },
  'WorkflowValidation.faults': { call: `validateWorkflow(input: { ${INVALID} })` },
  ...edges(
    ['errorHandler', 'globalRetry', 'graph', 'steps', 'tenant', 'trigger'].map((name) => `Workflow.${name}`),
    { call: 'workflow(id: $id)', target: workflow, seen },
  ),
  ...edges(
    ['AgentStep.agent', 'UnknownStep.retry'].concat(
      stepTypes.flatMap((type) => [`${type}Step.config`, `${type}Step.retry`]),
    ),
    { call: 'workflow(id: $id)', under: ['steps'], target: workflow, seen },
  ),
  'ConditionStepConfig.conditions': {
    call: 'workflow(id: $id)',
    under: ['steps', 'ConditionStep.config'],
    target: workflow,
    seen,
  },
  ...Object.fromEntries(
    Object.entries(triggers).map(([name, target]) => [
      `WorkflowTrigger.${name}`,
      { call: 'workflow(id: $id)', under: ['trigger'], target, seen },
    ]),
  ),
  'WorkflowEventTrigger.conditions': {
    call: 'workflow(id: $id)',
    under: ['trigger', 'event'],
    target: triggers.event,
    seen,
  },
  ...edges(['WorkflowGraph.edges', 'WorkflowGraph.nodes'], {
    call: 'workflowGraph(id: $id)',
    target: workflow,
    seen,
  }),
  ...runsOf('Workflow', workflow),
  // The logs of workflows can be asked for by execution as well.
  'Query.workflowExecutionLogs': [
    { call: 'workflowExecutionLogs(first: 100)' },
    {
      call: 'workflowExecutionLogs(filter: { workflowId: $id, tenantId: $tenantId, executionId: $executionId })',
      target: workflow,
    },
  ],
  'Tenant.workflows': { call: 'tenant(id: $id)', target: tenant, seen },

  'Mutation.createWorkflow': [
    {
      call: `createWorkflow(input: { tenantId: $tenantId, ${making} })`,
      target: named,
      seen: { viewer: changes },
    },
    {
      call: `createWorkflow(input: { tenantId: $ownTenant, ${making} })`,
      target: named,
      seen: { viewer: names },
    },
  ],
  'Mutation.cloneWorkflow': [
    change('cloneWorkflow(id: $id, input: { tenantId: $tenantId, name: $fresh })'),
    { call: 'cloneWorkflow(id: $id, input: { tenantId: $ownTenant, name: $fresh })', target: workflow, seen },
  ],
  'Mutation.updateWorkflow': [
    change('updateWorkflow(id: $id, input: { name: $fresh })'),
    change(
      `updateWorkflow(id: $id, input: { startStepId: "${stepId('e')}", steps: [${step('e', 'delay: { duration: 5 }')}] })`,
    ),
  ],
  'Mutation.enableWorkflow': change('enableWorkflow(id: $id, enabled: false)'),
  'Mutation.deprecateWorkflow': change('deprecateWorkflow(id: $id)'),
  'Mutation.deleteWorkflow': change('deleteWorkflow(id: $id)'),
};
