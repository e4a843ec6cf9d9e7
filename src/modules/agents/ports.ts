import type { Sql } from '../../platform/db/sql.ts';
import type { ExecutionRef } from '../../platform/feed/events.ts';
import type { StepCall } from '../steps/step.ts';
import type { Tool } from './definition.ts';
import type { ModelServers } from './models/servers.ts';
import type { Arguments } from './run/arguments.ts';
import type { ToolCategory } from './vocabulary.ts';

/** Calls a tool. Resolves to JSON; throws a StepError where it has failed, which the model is told in full. */
export type ToolRunner = (tool: Tool, args: Arguments, call: StepCall) => Promise<unknown>;

/**
 * What carries tools out, by category: whatever is missing here cannot be run, and an agent with such a tool is refused
 * before its run. `ai` is the run's own, and `workflow` is started by `startWorkflow`.
 */
export type ToolRunners = Readonly<Partial<Record<Exclude<ToolCategory, 'ai' | 'workflow'>, ToolRunner>>>;

/**
 * Starts a workflow as a part of an agent's run, in the caller's transaction and under the service role; the owner is for it
 * to mind. Called again with the same idempotency key it gives the same execution.
 *
 * @returns the id of the workflow's execution
 */
export type StartWorkflow = (
  sql: Sql,
  start: {
    workflowId: string;
    input: unknown;
    owner: { userId: string; tenantId: string | null };
    parent: ExecutionRef;
    idempotencyKey: string;
  },
) => Promise<string>;

/** Whether JSON matches a JSON schema: what is wrong with it, empty where nothing is. Schemas are hostile. */
export type ValidateJson = (
  schema: unknown,
  value: unknown,
) => Promise<{ path: string[]; message: string }[]>;

/** What agents need of the rest of the program. */
export type AgentPorts = {
  models: ModelServers;
  toolRunners: ToolRunners;
  startWorkflow?: StartWorkflow | undefined;
  validateJson: ValidateJson;
};

/** The categories of tools that can be run. */
export function runnable({ toolRunners, startWorkflow }: AgentPorts): Set<ToolCategory> {
  const own: ToolCategory[] = startWorkflow ? ['ai', 'workflow'] : ['ai'];
  return new Set([...own, ...(Object.keys(toolRunners) as ToolCategory[])]);
}
