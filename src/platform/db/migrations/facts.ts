/**
 * What the platform's tables look like: the contract with every client that already uses them, written down a second
 * time so that `migrate verify` compares the database with something other than the files that made it.
 *
 * A column reads `name type[?] [= default] [-> table [on-delete]]`; `?` is nullable, `ts` is timestamptz. What a table
 * has beyond this is no fault.
 */
export type TableFacts = {
  name: string;
  columns: string[];
  /** Columns of each unique constraint beyond the primary key. */
  unique?: string[];
  /** Columns that `idx_<table>_<column>` indexes; `column as name` where the index leaves part of it out. */
  indexes?: string[];
  policies: string;
  /** The trigger that moves updated_at. */
  trigger?: string;
};

const ID = 'id uuid = gen_random_uuid()';
const CREATED = 'created_at ts = now()';
const UPDATED = 'updated_at ts = now()';
const USER = 'user_id uuid -> auth.users';
const TENANT = 'tenant_id uuid? -> tenants cascade';
const EXECUTION = [
  USER,
  TENANT,
  "status varchar(50) = 'pending'",
  "input jsonb = '{}'",
  'output jsonb?',
  'error jsonb?',
  'metrics jsonb?',
  'started_at ts = now()',
  'completed_at ts?',
  'metadata jsonb?',
];
const ALL = 'select, insert, update, delete';

const base: TableFacts[] = [
  {
    name: 'tenants',
    columns: [
      ID,
      'name text',
      'subdomain text',
      "status text = 'active'",
      "settings jsonb = '{}'",
      "limits jsonb = '{}'",
      CREATED,
      UPDATED,
    ],
    unique: ['subdomain'],
    policies: 'select',
  },
  {
    name: 'user_tenants',
    columns: [
      'tenant_id uuid -> tenants cascade',
      'user_id uuid -> auth.users cascade',
      "role text = 'member'",
      "status text = 'active'",
      CREATED,
    ],
    unique: ['tenant_id, user_id'],
    policies: 'select',
  },
  {
    name: 'training_configs',
    columns: [
      ID,
      USER,
      'name text',
      'public_id text',
      'is_public bool = false',
      'config_json jsonb',
      'gist_urls jsonb',
      'created_at ts',
      'updated_at ts',
    ],
    unique: ['public_id'],
    policies: ALL,
  },
  {
    name: 'training_datasets',
    columns: [ID, USER, 'name text', 'storage_path text', 'format text', 'created_at ts'],
    policies: ALL,
  },
  {
    name: 'training_config_datasets',
    columns: ['config_id uuid -> training_configs cascade', 'dataset_id uuid -> training_datasets cascade'],
    policies: 'select, insert, delete',
  },
];

const agentsAndWorkflows: TableFacts[] = [
  {
    name: 'agents',
    columns: [
      ID,
      'name varchar(200)',
      'description text?',
      'version varchar(20)',
      'category varchar(50)',
      "planning_style varchar(50) = 'sequential'",
      "capabilities jsonb = '{}'",
      "tools jsonb = '[]'",
      "execution_config jsonb = '{}'",
      'memory_config jsonb?',
      "safety_constraints jsonb = '{}'",
      'validation_schema jsonb?',
      'output_type varchar(50)',
      'output_schema jsonb?',
      'enabled bool = true',
      'deprecated bool = false',
      CREATED,
      UPDATED,
      'created_by uuid? -> auth.users',
      TENANT,
    ],
    indexes: ['tenant_id', 'enabled', 'category'],
    policies: ALL,
    trigger: 'update_agents_updated_at',
  },
  {
    name: 'agent_executions',
    columns: [ID, 'agent_id uuid -> agents cascade', ...EXECUTION],
    indexes: ['agent_id', 'user_id', 'tenant_id', 'status', 'started_at'],
    policies: 'select, insert',
  },
  {
    name: 'workflows',
    columns: [
      ID,
      'name varchar(200)',
      'description text?',
      'version varchar(20)',
      'trigger jsonb',
      "steps jsonb = '[]'",
      'start_step_id uuid',
      'state_schema jsonb?',
      'initial_state jsonb?',
      'global_retry jsonb?',
      'error_handler jsonb?',
      'category varchar(50)',
      'enabled bool = true',
      'deprecated bool = false',
      'introspectable bool = true',
      'audit_log bool = true',
      CREATED,
      UPDATED,
      'created_by uuid? -> auth.users',
      TENANT,
    ],
    indexes: ['tenant_id', 'enabled', 'category'],
    policies: ALL,
    trigger: 'update_workflows_updated_at',
  },
  {
    name: 'workflow_executions',
    columns: [ID, 'workflow_id uuid -> workflows cascade', ...EXECUTION, 'state jsonb?'],
    indexes: ['workflow_id', 'user_id', 'tenant_id', 'status', 'started_at'],
    policies: 'select, insert',
  },
];

const billing: TableFacts[] = [
  {
    name: 'subscriptions',
    columns: [
      ID,
      'user_id uuid -> auth.users cascade',
      TENANT,
      'tier varchar(50)',
      "status varchar(50) = 'trialing'",
      'stripe_subscription_id varchar(255)?',
      'stripe_customer_id varchar(255)?',
      'current_period_start ts',
      'current_period_end ts',
      'cancel_at_period_end bool = false',
      'canceled_at ts?',
      'trial_start ts?',
      'trial_end ts?',
      'metadata jsonb?',
      CREATED,
      UPDATED,
    ],
    unique: ['stripe_subscription_id'],
    indexes: ['user_id', 'tenant_id', 'status', 'stripe_subscription_id'],
    policies: 'select, insert, update',
    trigger: 'update_subscriptions_updated_at',
  },
  {
    name: 'usage_metrics',
    columns: [
      ID,
      'user_id uuid -> auth.users cascade',
      TENANT,
      'metric_type varchar(50)',
      'quantity integer = 0',
      'timestamp ts = now()',
      'metadata jsonb?',
    ],
    indexes: ['user_id', 'tenant_id', 'metric_type', 'timestamp'],
    policies: 'select, insert',
  },
  {
    name: 'billing_events',
    columns: [
      ID,
      'user_id uuid -> auth.users cascade',
      'event_type varchar(50)',
      "data jsonb = '{}'",
      'timestamp ts = now()',
    ],
    indexes: ['user_id', 'event_type', 'timestamp'],
    policies: 'select',
  },
];

const LOGGED = [
  USER,
  'tenant_id uuid? -> tenants set null',
  'status varchar(50)',
  'started_at ts',
  'completed_at ts?',
  'duration integer?',
  'input jsonb?',
  'output jsonb?',
  'error jsonb?',
];
const OF_ANYBODY = ['user_id uuid? -> auth.users set null', 'tenant_id uuid? -> tenants set null'];

const observability: TableFacts[] = [
  {
    name: 'telemetry_events',
    columns: [
      ID,
      'type varchar(50)',
      'timestamp ts = now()',
      ...OF_ANYBODY,
      'session_id varchar(255)?',
      "properties jsonb = '{}'",
      'metadata jsonb?',
    ],
    indexes: ['type', 'user_id', 'tenant_id', 'timestamp'],
    policies: 'select, insert',
  },
  {
    name: 'workflow_execution_logs',
    columns: [
      ID,
      'execution_id uuid -> workflow_executions cascade',
      'workflow_id uuid -> workflows cascade',
      ...LOGGED,
      'steps_executed integer = 0',
      'steps_succeeded integer = 0',
      'steps_failed integer = 0',
    ],
    indexes: ['execution_id', 'workflow_id', 'user_id', 'status', 'started_at'],
    policies: 'select',
  },
  {
    name: 'agent_execution_logs',
    columns: [
      ID,
      'execution_id uuid -> agent_executions cascade',
      'agent_id uuid -> agents cascade',
      ...LOGGED,
      'token_usage integer?',
      'cost numeric(10,4)?',
    ],
    indexes: ['execution_id', 'agent_id', 'user_id', 'status', 'started_at'],
    policies: 'select',
  },
  {
    name: 'error_logs',
    columns: [
      ID,
      'timestamp ts = now()',
      ...OF_ANYBODY,
      'error jsonb',
      'context jsonb?',
      "severity varchar(20) = 'medium'",
      'resolved bool = false',
    ],
    indexes: ['user_id', 'tenant_id', 'severity', 'resolved', 'timestamp'],
    policies: 'select, insert',
  },
  {
    name: 'performance_metrics',
    columns: [
      ID,
      'timestamp ts = now()',
      'metric varchar(100)',
      'value numeric(12,4)',
      'unit varchar(20)',
      'tags jsonb?',
    ],
    indexes: ['metric', 'timestamp'],
    policies: 'select',
  },
];

export const trainingExecutions: TableFacts = {
  name: 'training_executions',
  columns: [
    "id text = 'exec_' || gen_random_uuid()",
    'user_id uuid -> auth.users cascade',
    'public_id text',
    'method text',
    'provider text',
    "status text = 'pending'",
    'progress integer = 0',
    'colab_url text?',
    'huggingface_url text?',
    'openai_job_id text?',
    'callback_url text?',
    "config jsonb = '{}'",
    "logs text[] = '{}'",
    'error text?',
    'result jsonb?',
    'started_at ts?',
    'completed_at ts?',
    CREATED,
    UPDATED,
  ],
  indexes: ['user_id', 'public_id', 'status', 'provider', 'openai_job_id as openai_job'],
  policies: ALL,
  trigger: 'update_training_executions_updated_at',
};

export const tableFacts: TableFacts[] = [
  ...base,
  ...agentsAndWorkflows,
  ...billing,
  ...observability,
  trainingExecutions,
];
