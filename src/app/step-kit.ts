import { startAgent } from '../modules/agents/start.ts';
import { createChannels } from '../modules/notifications/channels/channels.ts';
import { createSecrets } from '../modules/secrets/service.ts';
import { createDatabaseStep } from '../modules/steps/database.ts';
import { createApiRunner } from '../modules/steps/http/api.ts';
import { createWebhookRunner } from '../modules/steps/http/webhook.ts';
import { createNotificationStep } from '../modules/steps/notification.ts';
import { STEP_PROGRAMS } from '../modules/steps/programs.ts';
import { createPureRunners } from '../modules/steps/pure-runners.ts';
import { StepError } from '../modules/steps/step.ts';
import type { FillTemplates } from '../modules/steps/templates.ts';
import type { Availabilities } from '../modules/training/service.ts';
import { startTrainingFor, TrainingRefusal } from '../modules/training/start.ts';
import type { Child, StepKit } from '../modules/workflows/engine/step-kit.ts';
import type { Config } from '../platform/config.ts';
import type { ServiceDatabase } from '../platform/db/service.ts';
import type { Cipher } from '../platform/encryption.ts';
import { codeOf } from '../platform/errors.ts';
import { FeedError } from '../platform/feed/errors.ts';
import type { ExecutionRef } from '../platform/feed/events.ts';
import { createOutbound } from '../platform/outbound/outbound.ts';
import { createSandbox, type Sandbox } from '../platform/sandbox/sandbox.ts';

/** The sandbox with the steps' programs in it; its processes start when they are needed. */
export function openSandbox(): Sandbox {
  return createSandbox({ programs: STEP_PROGRAMS });
}

/** What steps are run with. Whoever made the sandbox closes it. */
export function createStepKit({
  config,
  database,
  sandbox,
  providers,
  cipher,
}: {
  config: Pick<Config, 'outbound' | 'channels'>;
  database: ServiceDatabase;
  sandbox: Sandbox;
  providers: Availabilities;
  /** Without it no secret can be read. */
  cipher: Cipher | undefined;
}): StepKit {
  const { runners, loopItems, fillIn, conditions, documents } = createPureRunners({ sandbox });
  const fill: FillTemplates = (value, scope, { signal }) => fillIn.fill(value, scope, { signal });
  const http = {
    outbound: createOutbound(config.outbound),
    secrets: createSecrets({ sql: database.sql, cipher }),
    fill: (value: unknown, scope: Parameters<typeof fill>[1]) => fillIn.fill(value, scope),
  };
  const render = async (template: string, view: Readonly<Record<string, unknown>>) => {
    const { input, steps, state, vars, ...variables } = view;
    const scope = { input, steps, state, vars } as Parameters<typeof fill>[1];
    return (await documents.render({ template, format: 'text', scope, variables })).content ?? '';
  };
  const channels = createChannels({ config: config.channels, database });
  const { transform, match, reconcile, generate } = runners;
  return {
    runners: {
      ...{ transform, match, reconcile, generate },
      api: createApiRunner(http),
      webhook: createWebhookRunner(http),
      database: createDatabaseStep({ database, fill }),
      notification: createNotificationStep({ channels, render, fill }),
    },
    holds: (step, scope, { signal }) => conditions.holds(step.conditions, scope, { signal }),
    loopItems,
    fill: (value, scope, { signal }) => fillIn.fill(value, scope, { signal, secrets: 'none' }),
    startAgent: (sql, { agentId, input, ...child }) =>
      orStepError(startAgent(sql, { agentId, input, ...partOf(child) })),
    startTraining: (sql, { publicId, method, provider, ...child }) =>
      orStepError(startTrainingFor(sql, { publicId, method, provider, ...partOf(child) }, providers)),
  };
}

function partOf({ executionId, stepRunId, userId, tenantId, idempotencyKey }: Child) {
  const workflow: ExecutionRef = { kind: 'workflow', id: executionId };
  const parent = { ...workflow, ...(stepRunId !== undefined && { stepRunId }) };
  return { userId, tenantId, idempotencyKey, parent };
}

const INSUFFICIENT_PRIVILEGE = '42501';

/** What may not be started fails the step for good: trying again changes nothing about it. */
async function orStepError(start: Promise<string>): Promise<string> {
  try {
    return await start;
  } catch (error) {
    const message = refusalOf(error);
    if (message === undefined) throw error;
    throw new StepError({ code: 'NOT_STARTED', message }, { isFinal: true });
  }
}

function refusalOf(error: unknown): string | undefined {
  if (error instanceof TrainingRefusal) return error.message;
  if (error instanceof FeedError && error.code === 'TOO_DEEP')
    return 'Executions have started each other too deep.';
  if (codeOf(error) === INSUFFICIENT_PRIVILEGE) return 'It is disabled, or the owner may not run it.';
  return undefined;
}
