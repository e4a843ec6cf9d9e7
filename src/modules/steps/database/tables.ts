import { z } from 'zod';
import { jsonObject, oneOf, text } from '../../../graphql/validation.ts';
import { SEVERITIES, TELEMETRY_TYPES } from '../../observability/vocabulary.ts';
import type { Table } from './columns.ts';

/**
 * The tables and columns that the step `database` knows: the one list of them. Row-level security decides about rows; what
 * is here decides what can be said at all.
 *
 * Writable is only what the API lets its callers write without a rule of its own: what a use case checks (definitions,
 * versions, public ids, paths of datasets, paid usage), what the feed projects (status, progress, error, logs) and whose
 * a row is are not.
 */

const flag = z.boolean({ error: 'must be true or false' });

const error = z.strictObject({
  message: text(10_000),
  name: text(200).default('Error'),
  code: text(200).optional(),
});

const execution = {
  id: 'uuid',
  user_id: 'uuid',
  tenant_id: 'uuid',
  status: 'text',
  input: 'json',
  output: 'json',
  error: 'json',
  started_at: 'moment',
  completed_at: 'moment',
} as const;

const executionLog = {
  ...execution,
  execution_id: 'uuid',
  duration: 'number',
} as const;

const versioned = {
  id: 'uuid',
  name: 'text',
  description: 'text',
  version: 'text',
  category: 'text',
  enabled: 'boolean',
  deprecated: 'boolean',
  created_at: 'moment',
  updated_at: 'moment',
  created_by: 'uuid',
  tenant_id: 'uuid',
} as const;

export const TABLES: Readonly<Record<string, Table>> = {
  training_configs: {
    name: 'public.training_configs',
    isOfTenant: false,
    columns: {
      id: 'uuid',
      user_id: 'uuid',
      name: 'text',
      public_id: 'text',
      is_public: 'boolean',
      config_json: 'json',
      gist_urls: 'json',
      created_at: 'moment',
      updated_at: 'moment',
    },
    update: z.strictObject({ name: text(200), is_public: flag }).partial(),
    touches: 'updated_at',
    canDelete: true,
  },
  training_datasets: {
    name: 'public.training_datasets',
    isOfTenant: false,
    columns: {
      id: 'uuid',
      user_id: 'uuid',
      name: 'text',
      storage_path: 'text',
      format: 'text',
      created_at: 'moment',
    },
    update: z.strictObject({ name: text(200) }).partial(),
    canDelete: true,
  },
  training_executions: {
    name: 'public.training_executions',
    isOfTenant: false,
    columns: {
      id: 'text',
      user_id: 'uuid',
      public_id: 'text',
      method: 'text',
      provider: 'text',
      status: 'text',
      progress: 'number',
      config: 'json',
      error: 'text',
      result: 'json',
      started_at: 'moment',
      completed_at: 'moment',
      created_at: 'moment',
      updated_at: 'moment',
    },
  },
  agents: {
    name: 'public.agents',
    isOfTenant: true,
    columns: {
      ...versioned,
      planning_style: 'text',
      capabilities: 'json',
      tools: 'json',
      execution_config: 'json',
      safety_constraints: 'json',
      output_type: 'text',
      output_schema: 'json',
    },
    update: z.strictObject({ enabled: flag, deprecated: flag }).partial(),
  },
  agent_executions: {
    name: 'public.agent_executions',
    isOfTenant: true,
    columns: { ...execution, agent_id: 'uuid', metrics: 'json', metadata: 'json' },
  },
  agent_execution_logs: {
    name: 'public.agent_execution_logs',
    isOfTenant: true,
    columns: { ...executionLog, agent_id: 'uuid', token_usage: 'number', cost: 'number' },
  },
  workflows: {
    name: 'public.workflows',
    isOfTenant: true,
    columns: {
      ...versioned,
      trigger: 'json',
      steps: 'json',
      start_step_id: 'uuid',
      introspectable: 'boolean',
      audit_log: 'boolean',
    },
    update: z.strictObject({ enabled: flag, deprecated: flag }).partial(),
  },
  workflow_executions: {
    name: 'public.workflow_executions',
    isOfTenant: true,
    columns: { ...execution, workflow_id: 'uuid', state: 'json', metrics: 'json', metadata: 'json' },
  },
  workflow_execution_logs: {
    name: 'public.workflow_execution_logs',
    isOfTenant: true,
    columns: {
      ...executionLog,
      workflow_id: 'uuid',
      steps_executed: 'number',
      steps_succeeded: 'number',
      steps_failed: 'number',
    },
  },
  usage_metrics: {
    name: 'public.usage_metrics',
    isOfTenant: true,
    columns: {
      id: 'uuid',
      user_id: 'uuid',
      tenant_id: 'uuid',
      metric_type: 'text',
      quantity: 'number',
      timestamp: 'moment',
      metadata: 'json',
    },
  },
  telemetry_events: {
    name: 'public.telemetry_events',
    isOfTenant: true,
    columns: {
      id: 'uuid',
      user_id: 'uuid',
      tenant_id: 'uuid',
      type: 'text',
      timestamp: 'moment',
      session_id: 'text',
      properties: 'json',
      metadata: 'json',
    },
    insert: z.strictObject({
      type: oneOf(TELEMETRY_TYPES),
      session_id: text(255).optional(),
      properties: jsonObject.default({}),
      metadata: jsonObject.default({}),
    }),
  },
  error_logs: {
    name: 'public.error_logs',
    isOfTenant: true,
    columns: {
      id: 'uuid',
      user_id: 'uuid',
      tenant_id: 'uuid',
      timestamp: 'moment',
      error: 'json',
      context: 'json',
      severity: 'text',
      resolved: 'boolean',
    },
    insert: z.strictObject({
      error,
      context: jsonObject.optional(),
      severity: oneOf(SEVERITIES).default('medium'),
    }),
    update: z.strictObject({ resolved: flag }).partial(),
  },
  performance_metrics: {
    name: 'public.performance_metrics',
    isOfTenant: false,
    columns: {
      id: 'uuid',
      timestamp: 'moment',
      metric: 'text',
      value: 'number',
      unit: 'text',
      tags: 'json',
    },
  },
  notifications: {
    name: 'runcast.notifications',
    isOfTenant: true,
    columns: {
      id: 'uuid',
      user_id: 'uuid',
      tenant_id: 'uuid',
      title: 'text',
      body: 'text',
      source_kind: 'text',
      source_execution_id: 'text',
      source_step_id: 'text',
      created_at: 'moment',
      read_at: 'moment',
    },
  },
};
