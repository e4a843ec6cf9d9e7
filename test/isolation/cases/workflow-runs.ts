import { randomUUID } from 'node:crypto';
import type { Client } from 'pg';
import { loadWorkflow, startWorkflow } from '../../../src/modules/workflows/engine/start.ts';
import { parseDefinition } from '../../../src/modules/workflows/validation/validate.ts';
import { insertWorkflow } from '../../support/workflows.ts';
import { asPerson, type Cases, globalOnly, type MakeTarget, type Person, type Seen, sqlOf } from '../case.ts';
import { waitingRun as waitingAgentRun } from './agents.ts';
import { waitingRun as waitingTraining } from './training.ts';

/** A workflow of a step that may fail and one that asks. */
async function insertDefinition(admin: Client, person: Person) {
  const [mapping, human] = [randomUUID(), randomUUID()];
  const name = person.mark;
  const workflowId = await insertWorkflow(admin, person.tenantId, {
    ...{ name, createdBy: person.id, startStepId: mapping },
    steps: [
      { id: mapping, name, type: 'transform', onError: 'skip', config: { mapping: { x: 'input.x' } } },
      { id: human, name, type: 'human', config: { prompt: name, required: true } },
    ],
  });
  return { workflowId, human };
}

/** A run whose first step has failed and whose second one waits for a decision, of this account or else of its owner. */
async function insertRun(admin: Client, person: Person, assignTo?: string) {
  const { workflowId, human } = await insertDefinition(admin, person);
  const workflow = await loadWorkflow(sqlOf(admin), workflowId);
  const { definition } = parseDefinition(workflow?.stored ?? {});
  if (!workflow || !definition) throw new Error('the workflow cannot be run');
  const of = { definition, workflow, userId: person.id, input: { note: person.mark } };
  const executionId = await asPerson(admin, person, () => startWorkflow(sqlOf(admin), of));
  const error = { code: 'TEST', name: 'TestError', message: person.mark };
  await settle(admin, executionId, { outcome: 'failed', error, final: true });
  await settle(admin, executionId, { outcome: 'approval', prompt: person.mark, required: true, assignTo });
  const { rows } = await admin.query<{ approvalId: string; stepRunId: string }>(
    'select id as "approvalId", step_run_id as "stepRunId" from runcast.approvals where execution_id = $1',
    [executionId],
  );
  const [question] = rows;
  if (!question) throw new Error('the run does not ask');
  return { executionId, human, ...question };
}

/** What a worker would do with the step that is ready. */
async function settle(admin: Client, executionId: string, result: object): Promise<void> {
  await admin.query(
    `select runcast.settle_step($1, id, (runcast.take_step($1, id, job_id, 'w') ->> 'attempt')::integer, $2::jsonb)
     from runcast.workflow_step_runs where execution_id = $1 and state = 'queued'`,
    [executionId, JSON.stringify(result)],
  );
}

const runFor =
  (assignee: (admin: Client, person: Person) => Promise<string | undefined>): MakeTarget =>
  async (admin, person) => {
    const run = await insertRun(admin, person, await assignee(admin, person));
    return {
      executionId: { row: run.executionId, typename: 'WorkflowExecution' },
      approvalId: { row: run.approvalId, typename: 'Approval' },
      stepRunId: { row: run.stepRunId, typename: 'WorkflowStepRun' },
      stepId: { row: run.human },
    };
  };

const waiting = runFor(async () => undefined);
const askingOwner = runFor(async (_admin, { id }) => id);

/** A question of the person's run to the viewer of the tenant; in a tenant without one, to the owner of the run. */
const askingViewer = runFor(async (admin, { tenantId }) => {
  const { rows } = await admin.query<{ id: string }>(
    `select user_id as id from public.user_tenants where tenant_id = $1 and role = 'viewer'`,
    [tenantId],
  );
  return rows[0]?.id;
});

const after =
  (change: string): MakeTarget =>
  async (admin, person) => {
    const run = await waiting(admin, person);
    await asPerson(admin, person, () => admin.query(change, [run.executionId?.row]));
    return run;
  };

const paused = after('select runcast.pause_workflow($1)');
const ended = after("select runcast.request_cancel('workflow', $1)");

const runnable: MakeTarget = async (admin, person) => ({
  id: { row: (await insertDefinition(admin, person)).workflowId, typename: 'Workflow' },
});

const changes: Seen = { as: 'forbidden', because: 'viewers of a tenant read its workflows and run none' };
const asked: Seen = { as: 'the owner', because: 'whoever is asked sees the question' };
const askedOnly: Seen = {
  as: 'parent only',
  because: 'whoever is asked sees the question, and nothing else of the run',
};
const mayBeAsked = { viewer: asked };

const execution = { call: 'workflowExecution(id: $executionId)', target: waiting };
const approval = { call: 'approval(id: $approvalId)', target: waiting };
export const workflowRuns: Cases = {
  'WorkflowExecution.steps': [
    execution,
    { ...execution, args: '(filter: { stepId: $stepId, state: [AWAITING] })' },
  ],
  'WorkflowStepRun.error': { ...execution, under: ['steps'] },
  'Query.node(WorkflowStepRun)': { call: 'node(id: $id)', target: globalOnly(waiting, 'stepRunId') },

  'Query.approval': [approval, { ...approval, target: askingViewer, seen: mayBeAsked }],
  'Query.approvals': [
    { call: 'approvals(first: 100)', seen: mayBeAsked },
    { call: 'approvals(filter: { executionId: $executionId, isOpen: true })', target: waiting },
    {
      call: 'approvals(filter: { executionId: $executionId, assignedTo: $userId })',
      target: async (admin, person) => ({
        ...(await askingOwner(admin, person)),
        userId: { row: person.id },
      }),
    },
  ],
  'Query.node(Approval)': { call: 'node(id: $id)', target: globalOnly(waiting, 'approvalId') },
  'Approval.execution': [approval, { ...approval, target: askingViewer, seen: { viewer: askedOnly } }],

  'Mutation.runWorkflow': {
    call: 'runWorkflow(workflowId: $id, idempotencyKey: $fresh)',
    target: runnable,
    seen: { viewer: changes },
  },
  'Mutation.rerun': { call: 'rerun(executionId: $executionId)', target: ended },
  'Mutation.retryFromStep': {
    call: 'retryFromStep(executionId: $executionId, stepId: $stepId)',
    target: ended,
  },
  'Mutation.cancelExecution': [
    { call: 'cancelExecution(id: $executionId, reason: "not mine")', target: waiting },
    { call: 'cancelExecution(id: $executionId)', target: waitingAgentRun },
    { call: 'cancelExecution(id: $id)', target: waitingTraining },
  ],
  'Mutation.pauseExecution': { call: 'pauseExecution(executionId: $executionId)', target: waiting },
  'Mutation.resumeExecution': { call: 'resumeExecution(executionId: $executionId)', target: paused },
  'Mutation.decideApproval': [
    {
      call: 'decideApproval(executionId: $executionId, stepId: $stepId, decision: APPROVED)',
      target: waiting,
    },
    {
      call: 'decideApproval(executionId: $executionId, stepId: $stepId, decision: REJECTED, comment: $fresh)',
      target: askingOwner,
    },
  ],
  'Subscription.workflowExecutionEvents': {
    call: 'workflowExecutionEvents(id: $executionId)',
    target: ended,
  },
  'Subscription.workflowExecutionChanged': {
    call: 'workflowExecutionChanged(id: $executionId)',
    target: ended,
  },
};
