import type { ToolRunners } from '../modules/agents/ports.ts';
import { startAgent } from '../modules/agents/start.ts';
import { toolConfigs } from '../modules/agents/tool-configs.ts';
import { channelAvailability, createChannels } from '../modules/notifications/channels/channels.ts';
import { createSecrets } from '../modules/secrets/service.ts';
import type { Conditions } from '../modules/steps/conditions.ts';
import { createDatabaseStep } from '../modules/steps/database.ts';
import { createApiRunner } from '../modules/steps/http/api.ts';
import { createWebhookRunner } from '../modules/steps/http/webhook.ts';
import { createNotificationStep } from '../modules/steps/notification.ts';
import { STEP_PROGRAMS } from '../modules/steps/programs.ts';
import { createPureRunners } from '../modules/steps/pure-runners.ts';
import { StepError } from '../modules/steps/step.ts';
import type { FillTemplates } from '../modules/steps/templates.ts';
import { unconfiguredChannels } from '../modules/steps/unconfigured-channels.ts';
import type { Availabilities } from '../modules/training/service.ts';
import { startTrainingFor, TrainingRefusal } from '../modules/training/start.ts';
import type { Child, StepKit } from '../modules/workflows/engine/step-kit.ts';
import type { FaultsHere } from '../modules/workflows/run-service.ts';
import type { ChannelsConfig } from '../platform/channel-settings.ts';
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

/** What a definition asks for that is not configured here. */
export function faultsOf(channels: ChannelsConfig): FaultsHere {
  const availability = channelAvailability(channels);
  return ({ steps }) => unconfiguredChannels(steps, availability);
}

/** Everything that runs steps, and the tools of agents that do the same as a step. */
export type Steps = {
  kit: StepKit;
  holds: Conditions['holds'];
  toolRunners: ToolRunners;
};

/** Whoever made the sandbox closes it. */
export function createSteps({
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
}): Steps {
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
  const actions: StepKit['runners'] = {
    ...{ transform, match, reconcile, generate },
    api: createApiRunner(http),
    webhook: createWebhookRunner(http),
    database: createDatabaseStep({ database, fill }),
    notification: createNotificationStep({ channels, render, fill }),
  };
  const kit: StepKit = {
    runners: actions,
    holds: (step, scope, { signal }) => conditions.holds(step.conditions, scope, { signal }),
    loopItems,
    fill: (value, scope, { signal }) => fillIn.fill(value, scope, { signal, secrets: 'none' }),
    startAgent: (sql, { agentId, input, ...child }) =>
      orStepError(startAgent(sql, { agentId, input, ...partOf(child) })),
    startTraining: (sql, { publicId, method, provider, ...child }) =>
      orStepError(startTrainingFor(sql, { publicId, method, provider, ...partOf(child) }, providers)),
  };
  return { kit, holds: conditions.holds, toolRunners: toolsOf(actions, sandbox) };
}

/** The arguments of a tool's call are the `input` of its config's expressions. */
function toolsOf({ api, database, transform }: StepKit['runners'], sandbox: Sandbox): ToolRunners {
  const scopeOf = (args: unknown) => ({ input: args, steps: {}, state: {}, vars: {} });
  return {
    api: ({ config }, args, call) => api(toolConfigs.api.parse(config), scopeOf(args), call),
    database: ({ config }, args, call) => database(toolConfigs.database.parse(config), scopeOf(args), call),
    transformation: ({ config }, args, call) =>
      transform(toolConfigs.transformation.parse(config), scopeOf(args), call),
    async validation({ config }, args, { signal }) {
      const { schema } = toolConfigs.validation.parse(config);
      const faults = await sandbox.validateJson(schema, 'value' in args ? args.value : args, { signal });
      return { valid: faults.length === 0, faults };
    },
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
