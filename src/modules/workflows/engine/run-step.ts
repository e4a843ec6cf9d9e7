import type { Sql } from '../../../platform/db/sql.ts';
import { storable } from '../../../platform/feed/events.ts';
import type { StepConfig } from '../../steps/definition/step-configs.ts';
import { type Scope, type StepCall, StepError } from '../../steps/step.ts';
import type { StepType } from '../../steps/vocabulary.ts';
import type { PlannedStep } from './plan.ts';
import { stepsRead } from './reads.ts';
import type { Settlement, StepRunRef, TakenStep } from './sql.ts';
import { stepResults } from './sql.ts';
import { ACTION_TYPES, type ActionType, type Child, type StepKit } from './step-kit.ts';

/** What becomes of a step's run: the settlement, or what makes it in the transaction that writes it down. */
export type StepEnd = Settlement | { start(sql: Sql): Promise<Settlement> };

/** What is read of the execution, by what the step's config names. */
export async function scopeOf(sql: Sql, { executionId }: StepRunRef, taken: TakenStep): Promise<Scope> {
  const stepIds = stepsRead(taken.step);
  const isAlone = stepIds?.length === 0;
  const { input, state, vars, path } = taken;
  const steps = isAlone ? {} : await stepResults(sql, { executionId, path, stepIds });
  return { input, state: state ?? {}, vars, steps };
}

/** Steps whose configs are filled in as a whole; the others have expressions, or templates that make a document. */
const FILLED = ['api', 'webhook', 'database', 'agent'];

/**
 * What a step's config becomes once it is filled in, for people to see: secrets stay references.
 *
 * @returns undefined where nothing is to be filled in, or cannot be, which running the step will say
 */
export async function inputOf(
  { step: { type, config } }: TakenStep,
  scope: Scope,
  call: StepCall,
  { fill }: StepKit,
): Promise<unknown> {
  if (!FILLED.includes(type) || !JSON.stringify(config).includes('{{')) return undefined;
  try {
    return await fill(config, scope, call);
  } catch (error) {
    if (error instanceof StepError) return undefined;
    throw error;
  }
}

/** Runs a step of whatever type. @throws what its runner throws */
export async function runStep(
  run: StepRunRef,
  taken: TakenStep,
  scope: Scope,
  call: StepCall,
  kit: StepKit,
): Promise<StepEnd> {
  const { step } = taken;
  if (taken.usesFallback) return takeOver(run, taken, scope, call, kit);
  if (isAction(step)) return { outcome: 'completed', output: await runAction(step, scope, call, kit) };
  const child = childOf(run, taken, call);
  switch (step.type) {
    case 'delay':
      return { outcome: 'completed', output: configOf<'delay'>(step) };
    case 'condition':
      return { outcome: 'branch', holds: await kit.holds(configOf<'condition'>(step), scope, call) };
    case 'loop':
      return await loopOf(configOf<'loop'>(step), { scope, call, kit });
    case 'human':
      return await questionOf(step, { scope, call, kit });
    case 'agent':
      return await agentOf(step, child, { scope, call, kit });
    case 'training':
      return trainingOf(step, child, kit);
    default:
      throw new StepError(
        { code: 'UNKNOWN_STEP', message: 'This version runs no such step.' },
        { isFinal: true },
      );
  }
}

/** Of each attempt: its start and what waits for it are one transaction, so an attempt starts one or none. */
function childOf({ executionId, stepRunId }: StepRunRef, { attempt }: TakenStep, { owner }: StepCall): Child {
  return { executionId, stepRunId, idempotencyKey: `${stepRunId}:${attempt}`, ...owner };
}

/** The agent that a retry policy names does what the step could not: it is told what that was, and why it failed. */
function takeOver(
  run: StepRunRef,
  taken: TakenStep,
  { input }: Scope,
  call: StepCall,
  kit: StepKit,
): StepEnd {
  const { step, error } = taken;
  const { name, type, config, retry } = step;
  const agentId = retry?.fallbackAgent ?? '';
  return starting(step, childOf(run, taken, call), true, (sql, of) =>
    kit.startAgent(sql, { ...of, agentId, input: { step: { name, type, config }, error, input } }),
  );
}

function isAction(step: PlannedStep): step is PlannedStep & { type: ActionType } {
  return ACTION_TYPES.some((type) => type === step.type);
}

/** A step's type decides its config's: the definition was parsed when it was planned. */
function configOf<Type extends StepType>({ config }: PlannedStep): StepConfig<Type> {
  return config as StepConfig<Type>;
}

function runAction<Type extends ActionType>(
  step: PlannedStep & { type: Type },
  scope: Scope,
  call: StepCall,
  { runners }: StepKit,
): Promise<unknown> {
  return runners[step.type](configOf<Type>(step), scope, call);
}

type Given = { scope: Scope; call: StepCall; kit: StepKit };

async function loopOf(config: StepConfig<'loop'>, { scope, call, kit }: Given): Promise<Settlement> {
  const items = await kit.loopItems(config, scope, call);
  if (items.length === 0) return { outcome: 'completed', output: [] };
  return { outcome: 'loop', items, parallelism: config.parallelism ?? 1 };
}

async function questionOf(step: PlannedStep, { scope, call, kit }: Given): Promise<Settlement> {
  const { prompt, required, assignTo, timeout } = configOf<'human'>(step);
  const filled = await kit.fill(prompt, scope, call);
  const timeoutMs = timeout ?? step.timeout;
  return { outcome: 'approval', prompt: textOf(filled), required, assignTo, timeoutMs };
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

async function agentOf(step: PlannedStep, child: Child, { scope, call, kit }: Given): Promise<StepEnd> {
  const { agentId, input, waitForCompletion = true } = configOf<'agent'>(step);
  const filled = storable(await kit.fill(input, scope, call));
  return starting(step, child, waitForCompletion, (sql, of) =>
    kit.startAgent(sql, { ...of, agentId, input: filled }),
  );
}

function trainingOf(step: PlannedStep, child: Child, kit: StepKit): StepEnd {
  const config = configOf<'training'>(step);
  return starting(step, child, config.waitForCompletion ?? true, (sql, of) =>
    kit.startTraining(sql, { ...of, ...config }),
  );
}

/** The child and what waits for it are one transaction: there are both, or neither. */
function starting(
  { timeout }: PlannedStep,
  child: Child,
  waits: boolean,
  start: (sql: Sql, child: Child) => Promise<string>,
): StepEnd {
  return {
    async start(sql) {
      const executionId = await start(sql, waits ? child : { ...child, stepRunId: undefined });
      if (!waits) return { outcome: 'completed', output: { executionId } };
      return { outcome: 'child', timeoutMs: timeout };
    },
  };
}
