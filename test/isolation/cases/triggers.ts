import type { Client } from 'pg';
import { id as stepId } from '../../modules/workflows/definitions.ts';
import { insertWorkflow, insertWorkflowExecution } from '../../support/workflows.ts';
import type { Cases, MakeTarget, Person, Seen } from '../case.ts';

const made = (admin: Client, person: Person, trigger: object) =>
  insertWorkflow(admin, person.tenantId, { name: person.mark, createdBy: person.id, trigger });

const execution = (admin: Client, { id: userId, tenantId }: Person, workflowId: string) =>
  insertWorkflowExecution(admin, { workflowId, userId, tenantId }, { status: 'running' });

/** With a run that it has started, and a fault. */
const scheduled: MakeTarget = async (admin, person) => {
  const id = await made(admin, person, { type: 'schedule', cron: '0 9 * * *' });
  await admin.query(
    `update runcast.workflow_schedules set next_at = now(), last_at = now(), last_error = $2, last_execution_id = $3
     where workflow_id = $1`,
    [id, person.mark, await execution(admin, person, id)],
  );
  return { id: { row: id, typename: 'Workflow' } };
};

const hooked: MakeTarget = async (admin, person) => {
  const id = await made(admin, person, { type: 'webhook', path: '/hook' });
  await admin.query(
    'insert into runcast.workflow_webhooks (workflow_id, ciphertext, rotated_by) values ($1, $2, $3)',
    [id, person.mark, person.id],
  );
  return { id: { row: id, typename: 'Workflow' } };
};

/** An open question of a run of the person's, assigned to nobody. */
const question: MakeTarget = async (admin, person) => {
  const workflowId = await made(admin, person, { type: 'manual' });
  const executionId = await execution(admin, person, workflowId);
  const { rows } = await admin.query<{ id: string }>(
    `with run as (
       insert into runcast.workflow_step_runs (execution_id, step_id, name, type, parent_id, place, position, path, after,
         joins_any, is_last, lane, state)
       values ($1, $2, $3, 'human', $1, 'main', 1, '', '{}', false, true, $4, 'awaiting') returning id)
     insert into runcast.approvals (execution_id, step_run_id, step_id, prompt, is_required)
     select $1, id, $2, $3, true from run returning id`,
    [executionId, stepId('ask'), person.mark, person.tenantId],
  );
  return { id: { row: rows[0]?.id ?? '', typename: 'Approval' } };
};

const reads: Seen = { as: 'the owner', because: 'viewers of a tenant read its workflows' };
const changes: Seen = { as: 'forbidden', because: 'viewers of a tenant read its workflows and change none' };
const ofOwner: Seen = {
  as: 'parent only',
  because: 'a viewer sees when a workflow is due; its runs are seen by their owners',
};

export const triggers: Cases = {
  'Workflow.schedule': { call: 'workflow(id: $id)', target: scheduled, seen: { viewer: reads } },
  'WorkflowSchedule.lastExecution': {
    call: 'workflow(id: $id)',
    under: ['schedule'],
    target: scheduled,
    seen: { viewer: ofOwner },
  },
  'Workflow.webhook': { call: 'workflow(id: $id)', target: hooked, seen: { viewer: reads } },
  'Mutation.rotateWorkflowWebhookSecret': {
    call: 'rotateWorkflowWebhookSecret(workflowId: $id)',
    target: hooked,
    seen: { viewer: changes },
  },
  'WorkflowWebhookSecret.workflow': {
    call: 'rotateWorkflowWebhookSecret(workflowId: $id)',
    target: hooked,
    seen: { viewer: changes },
  },
  'Approval.links': { call: 'approval(id: $id)', target: question },
};
