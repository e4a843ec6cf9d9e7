import { printSchema } from 'graphql';
import { builder } from '../graphql/builder.ts';
import '../graphql/error-types.ts';
import '../modules/accounts/schema.ts';
import '../modules/accounts/mutations.ts';
import '../modules/accounts/token-renewal.ts';
import '../modules/notifications/schema.ts';
import '../modules/notifications/mutations.ts';
import '../modules/notifications/subscriptions.ts';
import '../modules/secrets/schema.ts';
import '../modules/secrets/mutations.ts';
import '../modules/billing/schema.ts';
import '../modules/billing/usage-records.ts';
import '../modules/billing/billing-events.ts';
import '../modules/billing/report-types.ts';
import '../modules/billing/tenant-fields.ts';
import '../modules/billing/viewer-fields.ts';
import '../modules/billing/mutations.ts';
import '../modules/observability/telemetry-types.ts';
import '../modules/observability/error-types.ts';
import '../modules/observability/performance-types.ts';
import '../modules/observability/live-stats.ts';
import '../modules/observability/tenant-fields.ts';
import '../modules/observability/mutations.ts';
import '../modules/executions/stats.ts';
import '../modules/executions/log-search-field.ts';
import '../modules/training/schema.ts';
import '../modules/training/mutations.ts';
import '../modules/training/catalogue-mutations.ts';
import '../modules/training/subscriptions.ts';
import '../modules/agents/schema.ts';
import '../modules/agents/execution-types.ts';
import '../modules/agents/execution-log-types.ts';
import '../modules/agents/step-types.ts';
import '../modules/agents/tenant-fields.ts';
import '../modules/agents/mutations.ts';
import '../modules/agents/run-mutations.ts';
import '../modules/agents/subscriptions.ts';
import '../modules/workflows/schema.ts';
import '../modules/workflows/execution-types.ts';
import '../modules/workflows/execution-log-types.ts';
import '../modules/workflows/tenant-fields.ts';
import '../modules/workflows/definition-inputs.ts';
import '../modules/workflows/definition-queries.ts';
import '../modules/workflows/mutations.ts';
import '../modules/workflows/run-types.ts';
import '../modules/workflows/run-mutations.ts';
import '../modules/workflows/approval-link-types.ts';
import '../modules/workflows/schedule-types.ts';
import '../modules/workflows/webhook-types.ts';
import '../modules/workflows/subscriptions.ts';

/** The schema of all modules: each file imported above defines its types on the builder. */
export const schema = builder.toSchema();

/** As `schema.graphql` has it. */
export function printedSchema(): string {
  return `${printSchema(schema)}\n`;
}
