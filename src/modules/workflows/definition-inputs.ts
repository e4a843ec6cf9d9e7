import type { z } from 'zod';
import { builder } from '../../graphql/builder.ts';
import { fromInput, inputOf } from '../../graphql/json-shapes.ts';
import { stepConfigs } from '../steps/definition/step-configs.ts';
import { isList, isObject } from '../steps/json.ts';
import { STEP_TYPES, type StepType } from '../steps/vocabulary.ts';
import { triggerConfigs } from './definition/trigger.ts';
import { TRIGGER_TYPES } from './vocabulary.ts';

builder.inputType('WorkflowStepConfigInput', {
  description: 'What a step does: exactly one of these, by the type of the step.',
  isOneOf: true,
  fields: (t) =>
    Object.fromEntries(
      (Object.keys(stepConfigs) as StepType[]).map((type) => [
        type,
        t.field({ type: inputOf(stepConfigs[type]), description: STEP_TYPES[type] }),
      ]),
    ),
});

const { schedule, webhook, event, api } = triggerConfigs;

builder.inputType('WorkflowTriggerInput', {
  description: 'How executions of a workflow begin: exactly one of these.',
  isOneOf: true,
  fields: (t) => ({
    manual: t.boolean({ description: `${TRIGGER_TYPES.manual} The value is true.` }),
    schedule: t.field({ type: inputOf(schedule), description: TRIGGER_TYPES.schedule }),
    webhook: t.field({ type: inputOf(webhook), description: TRIGGER_TYPES.webhook }),
    event: t.field({ type: inputOf(event), description: TRIGGER_TYPES.event }),
    api: t.field({ type: inputOf(api), description: TRIGGER_TYPES.api }),
  }),
});

type Input = Readonly<Record<string, unknown>>;

/**
 * An input with its definition in the stored form. What does not fit stays as it is, for the schema to complain about.
 *
 * @param shape the input's own shape
 */
export function storedForm(shape: z.ZodObject, input: object): Input {
  const given = fromInput(shape, input) as Input;
  const { trigger, ...others } = given;
  const { steps } = others;
  return {
    ...others,
    ...(isList(steps) && { steps: steps.map(storedStep) }),
    ...(trigger != null && { trigger: isObject(trigger) ? storedTrigger(trigger) : trigger }),
  };
}

/** As `storedForm`; a definition without a start begins with its first step, and one without a trigger by hand. */
export function storedDefinition(shape: z.ZodObject, input: object): Input {
  const given = storedForm(shape, input);
  const [first] = isList(given.steps) ? given.steps : [];
  return { trigger: { type: 'manual' }, ...(isObject(first) && { startStepId: first.id }), ...given };
}

function storedStep(step: unknown): unknown {
  if (!isObject(step) || !isObject(step.config)) return step;
  const [type, config] = onlyOf(step.config);
  // The input type has no other fields than these.
  return { ...step, type, config: fromInput(stepConfigs[type as StepType], config) };
}

function storedTrigger(trigger: Input): Input {
  const [type, config] = onlyOf(trigger);
  const schema = Object.hasOwn(triggerConfigs, type)
    ? triggerConfigs[type as keyof typeof triggerConfigs]
    : undefined;
  const rest = schema && isObject(config) ? (fromInput(schema, config) as Input) : {};
  return { type, ...rest };
}

/** GraphQL has seen to it that there is exactly one. */
function onlyOf(oneOf: Input): [string, unknown] {
  const [only] = Object.entries(oneOf);
  return only ?? ['', undefined];
}

/** Where in the input a fault of the stored form is: below the name of the type. */
export function inputPath(path: readonly string[], stored: Input): string[] {
  const [field, index = '', part, ...rest] = path;
  const { steps, trigger } = stored;
  if (field === 'steps' && part === 'config' && isList(steps)) {
    const step = steps[Number(index)];
    const type = isObject(step) ? step.type : undefined;
    return typeof type === 'string' ? [field, index, part, type, ...rest] : [...path];
  }
  if (field === 'trigger' && index !== '' && isObject(trigger) && typeof trigger.type === 'string') {
    return [field, trigger.type, ...path.slice(1)];
  }
  return [...path];
}
