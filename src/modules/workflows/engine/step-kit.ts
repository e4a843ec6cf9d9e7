import type { Sql } from '../../../platform/db/sql.ts';
import type { StepConfig } from '../../steps/definition/step-configs.ts';
import type { Scope, StepCall, StepRunner } from '../../steps/step.ts';

/** Types of steps that a worker runs from beginning to end. */
export const ACTION_TYPES = [
  'transform',
  'match',
  'reconcile',
  'api',
  'database',
  'generate',
  'notification',
  'webhook',
] as const;
export type ActionType = (typeof ACTION_TYPES)[number];

/** An execution that a step starts as a part of its own, within the step's transaction. */
export type Child = {
  /** Of the workflow. */
  executionId: string;
  /** The run of the step that waits for its end; undefined where none does. */
  stepRunId: string | undefined;
  userId: string;
  tenantId: string | null;
  /** Unique among the owner's. */
  idempotencyKey: string;
};

/** What the engine needs of others to run steps. */
export type StepKit = {
  runners: { [Type in ActionType]: StepRunner<StepConfig<Type>> };
  /** Whether the conditions of a condition step hold. */
  holds(config: StepConfig<'condition'>, scope: Scope, call: StepCall): Promise<boolean>;
  /** The items of a loop. @throws {StepError} where they are no list, or too many */
  loopItems(config: StepConfig<'loop'>, scope: Scope, call: StepCall): Promise<readonly unknown[]>;
  /** Any JSON with the `{{ … }}` in its texts filled in. */
  fill(value: unknown, scope: Scope, call: StepCall): Promise<unknown>;
  /** @returns the execution's id. @throws {StepError} where it may not be started */
  startAgent(sql: Sql, child: Child & { agentId: string; input: unknown }): Promise<string>;
  startTraining(sql: Sql, child: Child & StepConfig<'training'>): Promise<string>;
};
