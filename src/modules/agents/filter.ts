import { builder } from '../../graphql/builder.ts';
import { rowId, uuidOrNone } from '../../graphql/ids.ts';
import { orderInput } from '../../graphql/order.ts';
import { stored } from '../../graphql/stored-enum.ts';
import type { Condition } from '../../graphql/table.ts';
import { AgentCategory, AgentExecutionStatus, AgentOutputType, AgentPlanningStyle } from './enums.ts';
import { whereVersioned } from './versioned.ts';
import { CATEGORIES, OUTPUT_TYPES, PLANNING_STYLES, STATUSES } from './vocabulary.ts';

export const AgentFilter = builder.inputType('AgentFilter', {
  description: 'Which agents to list; conditions add up.',
  fields: (t) => ({
    tenantId: t.id({ description: 'Of this tenant: global id or row id.' }),
    category: t.field({ type: [AgentCategory], description: 'For one of these purposes.' }),
    planningStyle: t.field({ type: [AgentPlanningStyle], description: 'Working in one of these ways.' }),
    outputType: t.field({ type: [AgentOutputType], description: 'With one of these kinds of output.' }),
    enabled: t.boolean({ description: 'Only those that can be run, or only those that cannot.' }),
    deprecated: t.boolean({
      description: 'Only those that should not be used any more, or only the others.',
    }),
    nameContains: t.string({ description: 'Only those whose name contains this, in upper or lower case.' }),
    version: t.string({ description: 'Of exactly this version.' }),
    isMine: t.boolean({ description: 'Only those that the caller has made, or only those of others.' }),
  }),
});

type Wanted = typeof AgentFilter.$inferInput | null | undefined;

export function whereAgent(filter: Wanted, sub: string | undefined): Condition[] {
  const { category, planningStyle, outputType, ...wanted } = filter ?? {};
  const where = whereVersioned(wanted, sub);
  if (category != null) where.push(stored('category', CATEGORIES, category));
  if (planningStyle != null) where.push(stored('planningStyle', PLANNING_STYLES, planningStyle));
  if (outputType != null) where.push(stored('outputType', OUTPUT_TYPES, outputType));
  return where;
}

export const AgentOrder = orderInput('Agent', {
  createdAt: 'When it was made.',
  updatedAt: 'When it last changed. It moves while you page, so a row may be met twice or not at all.',
  name: 'Its name.',
});

export const AgentExecutionFilter = builder.inputType('AgentExecutionFilter', {
  description: 'Which runs of agents to list; conditions add up.',
  fields: (t) => ({
    status: t.field({ type: [AgentExecutionStatus], description: 'In one of these statuses.' }),
    agentId: t.id({ description: 'Of this agent: global id or row id.' }),
    tenantId: t.id({ description: 'For this tenant: global id or row id.' }),
    startedAfter: t.field({ type: 'DateTime', description: 'Started at this moment or later.' }),
    startedBefore: t.field({ type: 'DateTime', description: 'Started before this moment.' }),
  }),
});

type WantedRuns = typeof AgentExecutionFilter.$inferInput | null | undefined;

/** Executions and their state logs have these columns alike. */
export function whereExecution(filter: WantedRuns): Condition[] {
  const { status, agentId, tenantId, startedAfter, startedBefore } = filter ?? {};
  const where: Condition[] = [];
  if (status != null) where.push(stored('status', STATUSES, status));
  if (agentId != null) where.push({ field: 'agentId', is: uuidOrNone(rowId('Agent', agentId)) });
  if (tenantId != null) where.push({ field: 'tenantId', is: uuidOrNone(rowId('Tenant', tenantId)) });
  if (startedAfter != null) where.push({ field: 'startedAt', from: startedAfter });
  if (startedBefore != null) where.push({ field: 'startedAt', before: startedBefore });
  return where;
}

export const AgentExecutionOrder = orderInput('AgentExecution', { startedAt: 'When it was started.' });

export const AgentExecutionLogOrder = orderInput('AgentExecutionLog', {
  startedAt: 'When the run had reached the state.',
});
