import { createBatch } from '../../graphql/batch.ts';
import { builder } from '../../graphql/builder.ts';
import { type Context, perLease } from '../../graphql/context.ts';
import type { Sql } from '../../platform/db/sql.ts';
import { WorkflowExecutionRef } from './execution-types.ts';
import { WorkflowRef } from './schema.ts';
import { workflowExecutions } from './table.ts';

type Schedule = {
  nextAt: Date | null;
  lastAt: Date | null;
  lastExecutionId: string | null;
  lastError: string | null;
};

async function loadSchedules(sql: Sql, workflowIds: string[]): Promise<Map<string, Schedule>> {
  const rows = await sql.query<Schedule & { id: string }>(
    `select workflow_id as id, nullif(next_at, 'infinity') as "nextAt", last_at as "lastAt",
       last_execution_id as "lastExecutionId", last_error as "lastError"
     from runcast.workflow_schedules where workflow_id = any ($1::uuid[])`,
    [workflowIds],
  );
  return new Map(rows.map((row) => [row.id, row]));
}

const schedules = ({ db }: Context) => createBatch((ids) => loadSchedules(db.sql, ids));

const WorkflowScheduleRef = builder.objectRef<Schedule>('WorkflowSchedule').implement({
  description: 'When a workflow with a schedule is started, and what became of the last time.',
  fields: (t) => ({
    nextAt: t.expose('nextAt', {
      type: 'DateTime',
      nullable: true,
      description:
        'When it is due; null while that is being worked out, for a second or so, and where it is disabled or cannot be read.',
    }),
    lastAt: t.expose('lastAt', {
      type: 'DateTime',
      nullable: true,
      description: 'For which time a run was last started; null before the first.',
    }),
    lastExecution: t.field({
      type: WorkflowExecutionRef,
      nullable: true,
      description: 'That run; null for everybody but its owner, who is whoever made the workflow.',
      resolve: ({ lastExecutionId }, _args, context, info) =>
        lastExecutionId === null ? null : workflowExecutions.one(context, info, lastExecutionId),
    }),
    lastError: t.exposeString('lastError', {
      nullable: true,
      description: 'Why nothing was started when it was last due; null where something was.',
    }),
  }),
});

builder.prismaObjectField(WorkflowRef, 'schedule', (t) =>
  t.field({
    type: WorkflowScheduleRef,
    nullable: true,
    description: 'When it is started; null where its trigger is no schedule.',
    select: { id: true },
    resolve: async ({ id }, _args, context) => (await perLease(context, schedules)(id)) ?? null,
  }),
);
