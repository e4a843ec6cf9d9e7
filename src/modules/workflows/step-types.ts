import { builder } from '../../graphql/builder.ts';
import { enumOf, objectIn, outputOf, type Stored } from '../../graphql/json-shapes.ts';
import { UNKNOWN, valueOrUnknown } from '../../graphql/stored-enum.ts';
import { agents } from '../agents/table.ts';
import { retryPolicy } from '../executions/shapes.ts';
import { stepConfigs } from '../steps/definition/step-configs.ts';
import { STEP_TYPES, type StepType } from '../steps/vocabulary.ts';
import { onError } from './definition/step.ts';
import { WorkflowStepType } from './enums.ts';
import { AgentRef } from './refs.ts';
import { ON_ERROR } from './vocabulary.ts';

/** A step as it is stored, and its members where it is an object. */
export type StoredStep = { raw: unknown; stored: Stored };

/** The stored steps of a workflow, whatever they are; null where what is stored is no list. */
export function stepsIn(stored: unknown): StoredStep[] | null {
  return Array.isArray(stored) ? stored.map((raw: unknown) => ({ raw, stored: objectIn(raw) ?? {} })) : null;
}

const textIn = (value: unknown) => (typeof value === 'string' ? value : null);

function typeIn({ stored: { type } }: StoredStep) {
  return typeof type === 'string' ? valueOrUnknown(STEP_TYPES, type) : UNKNOWN;
}

export const WorkflowStepRef = builder.interfaceRef<StoredStep>('WorkflowStep').implement({
  description:
    'A step of a workflow; there is a type for each kind of step, with its `config`, and UnknownStep for what this ' +
    'version does not know. Other programs write steps, too: what of one does not fit is null.',
  fields: (t) => ({
    id: t.id({
      nullable: true,
      description: 'The uuid that other steps name it by; it is no global id, and clones have others.',
      resolve: ({ stored }) => textIn(stored.id),
    }),
    name: t.string({
      nullable: true,
      description: 'Its name, for people.',
      resolve: ({ stored }) => textIn(stored.name),
    }),
    type: t.field({ type: WorkflowStepType, description: 'What it does.', resolve: typeIn }),
    typeText: t.string({
      nullable: true,
      description: 'The type as it is stored.',
      resolve: ({ stored }) => textIn(stored.type),
    }),
    configJson: t.field({
      type: 'JSON',
      nullable: true,
      description: 'The config as it is stored.',
      resolve: ({ stored }) => stored.config ?? null,
    }),
    retry: t.field({
      type: outputOf(retryPolicy),
      nullable: true,
      description: 'How it is tried again; null where the workflow’s globalRetry says it.',
      resolve: ({ stored }) => objectIn(stored.retry),
    }),
    timeout: t.float({
      nullable: true,
      description: 'Milliseconds that a try may take; null where its type says it.',
      resolve: ({ stored }) => (typeof stored.timeout === 'number' ? stored.timeout : null),
    }),
    onError: t.field({
      type: enumOf(onError),
      nullable: true,
      description: 'What happens when all tries have failed; null where the workflow’s errorHandler says it.',
      resolve: ({ stored }) =>
        typeof stored.onError === 'string' ? valueOrUnknown(ON_ERROR, stored.onError) : null,
    }),
    onErrorText: t.string({
      nullable: true,
      description: 'The same as it is stored.',
      resolve: ({ stored }) => textIn(stored.onError),
    }),
    fallbackStepId: t.id({
      nullable: true,
      description: 'The step that runs in its place where onError is FALLBACK.',
      resolve: ({ stored }) => textIn(stored.fallbackStepId),
    }),
    metadata: t.field({
      type: 'JSON',
      nullable: true,
      description:
        'What clients keep with it, and for the flow `next`, `join` and `compensate`; null for nothing.',
      resolve: ({ stored }) => stored.metadata ?? null,
    }),
  }),
  resolveType: (step) => {
    const type = typeIn(step);
    return type === UNKNOWN ? 'UnknownStep' : typenameOf(type);
  },
});

const types = Object.keys(stepConfigs) as StepType[];

function typenameOf(type: StepType): string {
  return `${type.charAt(0).toUpperCase()}${type.slice(1)}Step`;
}

const refs = new Map(
  types.map((type) => {
    const ref = builder.objectRef<StoredStep>(typenameOf(type)).implement({
      interfaces: [WorkflowStepRef],
      description: STEP_TYPES[type],
      fields: (t) => ({
        config: t.field({
          type: outputOf(stepConfigs[type]),
          nullable: true,
          description: 'What it does in detail; null where what is stored is no object.',
          resolve: ({ stored }) => objectIn(stored.config),
        }),
      }),
    });
    return [type, ref];
  }),
);

const agentStep = refs.get('agent');
if (agentStep) {
  builder.objectField(agentStep, 'agent', (t) =>
    t.field({
      type: AgentRef,
      nullable: true,
      description: 'The agent that it runs; null where the caller may not see it.',
      resolve: ({ stored }, _args, context, info) =>
        agents.one(context, info, textIn(objectIn(stored.config)?.agentId)),
    }),
  );
}

builder.objectRef<StoredStep>('UnknownStep').implement({
  interfaces: [WorkflowStepRef],
  description: 'A step of a type that this version does not know, or something that is no step at all.',
  fields: (t) => ({
    json: t.field({
      type: 'JSON',
      nullable: true,
      description: 'All of it, as it is stored.',
      resolve: ({ raw }) => raw ?? null,
    }),
  }),
});
