import { z } from 'zod';
import type { ServiceDatabase } from '../../../platform/db/service.ts';
import { messageOf } from '../../../platform/errors.ts';
import { storableJson } from '../../../platform/feed/events.ts';
import { defineJob } from '../../../platform/jobs/define.ts';
import type { Logger } from '../../../platform/logger.ts';
import type { Conditions } from '../../steps/conditions.ts';
import { StepError } from '../../steps/step.ts';
import { loadWorkflow, type StoredWorkflow } from '../engine/start.ts';
import type { FaultsHere } from '../run-service.ts';
import { type HeardEvent, listenersOf, loadTelemetry, loadTrainingEnd } from '../triggers/event.ts';
import { asRefusal, isTaken, startTriggered, TriggerRefusal } from '../triggers/start.ts';
import { parseDefinition } from '../validation/validate.ts';

export type HearEventDependencies = {
  database: ServiceDatabase;
  /** Whether conditions hold of an event, which is their `input`. */
  holds: Conditions['holds'];
  faultsHere: FaultsHere;
  log: Logger;
};

/**
 * Something has happened that workflows listen for: starts each of them whose conditions hold. What is wrong with one is
 * written down for whoever made it and does not keep the others from starting; a second delivery starts nothing twice.
 */
export const hearEvent = defineJob({
  name: 'workflow.event',
  payload: z.union([z.object({ eventId: z.uuid() }), z.object({ trainingId: z.string() })]),
  async handle(pointer, deps: HearEventDependencies) {
    const { sql } = deps.database;
    const heard = await ('eventId' in pointer
      ? loadTelemetry(sql, pointer.eventId)
      : loadTrainingEnd(sql, pointer.trainingId));
    if (heard === undefined) return;
    for (const workflowId of await listenersOf(sql, heard.event)) {
      const workflow = await loadWorkflow(sql, workflowId);
      if (!workflow?.enabled) continue;
      await startOrReport(workflow, heard, deps);
    }
  },
});

/** @throws where the database is not there: the job is delivered again, and goes through all of them anew */
async function startOrReport(workflow: StoredWorkflow, heard: HeardEvent, deps: HearEventDependencies) {
  try {
    if (!(await concerns(workflow, heard, deps))) return;
    const { id, event, depth } = heard;
    const run = {
      workflow,
      input: { ...event },
      idempotencyKey: `event:${id}:${workflow.id}`,
      metadata: { trigger: 'event', eventName: event.type, eventId: id },
      depth: depth === undefined ? 0 : depth + 1,
    };
    await deps.database.transaction((sql) => startTriggered(sql, run, deps.faultsHere));
  } catch (error) {
    if (!isTaken(error)) await report(workflow, heard, asRefusal(error), deps);
  }
}

async function concerns({ stored }: StoredWorkflow, { event }: HeardEvent, { holds }: HearEventDependencies) {
  const { definition } = parseDefinition(stored);
  // One that cannot be read is refused when it is started, with all its faults.
  const conditions = definition?.trigger.type === 'event' ? (definition.trigger.conditions ?? []) : [];
  if (conditions.length === 0) return true;
  try {
    return await holds(conditions, { input: event, steps: {}, state: {}, vars: {} });
  } catch (error) {
    if (!(error instanceof StepError)) throw error;
    throw new TriggerRefusal(
      'INVALID',
      `The conditions of its trigger cannot be evaluated: ${messageOf(error)}`,
    );
  }
}

/** A row of the error logs for whoever made the workflow, one for an event however often it is delivered. */
async function report(
  { id: workflowId, name, createdBy, tenantId }: StoredWorkflow,
  { id: eventId, event }: HeardEvent,
  refusal: TriggerRefusal,
  { database, log }: HearEventDependencies,
): Promise<void> {
  const { code, message } = refusal;
  if (code === 'FAILED') log.error({ err: refusal.cause, workflowId, eventId }, 'an event started nothing');
  await database.sql.query(
    `insert into public.error_logs (id, user_id, tenant_id, error, context, severity)
     values (md5($1)::uuid, $2, $3, $4::jsonb, $5::jsonb, 'medium') on conflict (id) do nothing`,
    [
      `event:${eventId}:${workflowId}`,
      createdBy,
      tenantId,
      storableJson({
        name: 'TriggerError',
        code,
        message: `The event ${event.type} has not started ${JSON.stringify(name)}. ${message}`,
      }),
      storableJson({ workflowId, eventId, eventName: event.type }),
    ],
  );
}
