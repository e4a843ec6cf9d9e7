import { builder } from '../../graphql/builder.ts';
import { rowId, uuidOrNone } from '../../graphql/ids.ts';
import { orderInput } from '../../graphql/order.ts';
import { stored } from '../../graphql/stored-enum.ts';
import type { Condition } from '../../graphql/table.ts';
import { whereVersioned } from '../agents/versioned.ts';
import {
  WorkflowCategory,
  WorkflowExecutionLogStatus,
  WorkflowExecutionStatus,
  WorkflowTriggerType,
} from './enums.ts';
import { CATEGORIES, EXECUTION_STATUSES, LOG_STATUSES, TRIGGER_TYPES } from './vocabulary.ts';

export const WorkflowFilter = builder.inputType('WorkflowFilter', {
  description: 'Which workflows to list; conditions add up.',
  fields: (t) => ({
    tenantId: t.id({ description: 'Of this tenant: global id or row id.' }),
    category: t.field({ type: [WorkflowCategory], description: 'For one of these purposes.' }),
    triggerType: t.field({ type: [WorkflowTriggerType], description: 'Started in one of these ways.' }),
    enabled: t.boolean({ description: 'Only those that can be run, or only those that cannot.' }),
    deprecated: t.boolean({
      description: 'Only those that should not be used any more, or only the others.',
    }),
    nameContains: t.string({ description: 'Only those whose name contains this, in upper or lower case.' }),
    version: t.string({ description: 'Of exactly this version.' }),
    isMine: t.boolean({ description: 'Only those that the caller has made, or only those of others.' }),
  }),
});

type Wanted = typeof WorkflowFilter.$inferInput | null | undefined;

export function whereWorkflow(filter: Wanted, sub: string | undefined): Condition[] {
  const { category, triggerType, ...wanted } = filter ?? {};
  const where = whereVersioned(wanted, sub);
  if (category != null) where.push(stored('category', CATEGORIES, category));
  if (triggerType != null) where.push(startedBy(triggerType));
  return where;
}

function startedBy(wanted: readonly string[]): Condition {
  const type = `"row"."trigger" ->> 'type'`;
  return {
    sql: (bind) =>
      `(${type} = any(${bind(wanted)}::text[])${
        wanted.includes('unknown')
          ? ` or ${type} is null or ${type} <> all(${bind(Object.keys(TRIGGER_TYPES))}::text[])`
          : ''
      })`,
  };
}

export const WorkflowOrder = orderInput('Workflow', {
  createdAt: 'When it was made.',
  updatedAt: 'When it last changed. It moves while you page, so a row may be met twice or not at all.',
  name: 'Its name.',
});

export const WorkflowExecutionFilter = builder.inputType('WorkflowExecutionFilter', {
  description: 'Which runs of workflows to list; conditions add up.',
  fields: (t) => ({
    status: t.field({ type: [WorkflowExecutionStatus], description: 'In one of these statuses.' }),
    workflowId: t.id({ description: 'Of this workflow: global id or row id.' }),
    tenantId: t.id({ description: 'For this tenant: global id or row id.' }),
    startedAfter: t.field({ type: 'DateTime', description: 'Started at this moment or later.' }),
    startedBefore: t.field({ type: 'DateTime', description: 'Started before this moment.' }),
  }),
});

export const WorkflowExecutionOrder = orderInput('WorkflowExecution', { startedAt: 'When it was started.' });

export const WorkflowExecutionLogFilter = builder.inputType('WorkflowExecutionLogFilter', {
  description: 'Which states of runs to list; conditions add up.',
  fields: (t) => ({
    status: t.field({ type: [WorkflowExecutionLogStatus], description: 'One of these states.' }),
    executionId: t.id({ description: 'Of this execution: global id or row id.' }),
    workflowId: t.id({ description: 'Of runs of this workflow: global id or row id.' }),
    tenantId: t.id({ description: 'Of runs for this tenant: global id or row id.' }),
    startedAfter: t.field({ type: 'DateTime', description: 'Begun at this moment or later.' }),
    startedBefore: t.field({ type: 'DateTime', description: 'Begun before this moment.' }),
  }),
});

export const WorkflowExecutionLogOrder = orderInput('WorkflowExecutionLog', {
  startedAt: 'When the state began.',
});

type WantedRuns = typeof WorkflowExecutionFilter.$inferInput;
type WantedLogs = typeof WorkflowExecutionLogFilter.$inferInput;

export function whereExecution({ status, ...rest }: WantedRuns = {}): Condition[] {
  return [...(status == null ? [] : [stored('status', EXECUTION_STATUSES, status)]), ...whereRun(rest)];
}

export function whereLog({ status, executionId, ...rest }: WantedLogs = {}): Condition[] {
  const where = [...(status == null ? [] : [stored('status', LOG_STATUSES, status)]), ...whereRun(rest)];
  if (executionId == null) return where;
  return [...where, { field: 'executionId', is: uuidOrNone(rowId('WorkflowExecution', executionId)) }];
}

function whereRun({
  workflowId,
  tenantId,
  startedAfter,
  startedBefore,
}: Omit<WantedRuns, 'status'>): Condition[] {
  const where: Condition[] = [];
  if (workflowId != null) where.push({ field: 'workflowId', is: uuidOrNone(rowId('Workflow', workflowId)) });
  if (tenantId != null) where.push({ field: 'tenantId', is: uuidOrNone(rowId('Tenant', tenantId)) });
  if (startedAfter != null) where.push({ field: 'startedAt', from: startedAfter });
  if (startedBefore != null) where.push({ field: 'startedAt', before: startedBefore });
  return where;
}
