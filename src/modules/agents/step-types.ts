import { z } from 'zod';
import { createBatch } from '../../graphql/batch.ts';
import { builder } from '../../graphql/builder.ts';
import { type Context, perLease } from '../../graphql/context.ts';
import { objectIn, outputOf } from '../../graphql/json-shapes.ts';
import { valueOrUnknown } from '../../graphql/stored-enum.ts';
import { whole } from '../../platform/shapes.ts';
import { headOf } from '../executions/heads.ts';
import { executionError } from '../executions/shapes.ts';
import { AgentApprovalDecision, AgentStepKind, AgentStepState } from './enums.ts';
import { AgentExecutionRef } from './execution-types.ts';
import { type AgentApproval, type AgentStep, loadApprovals, loadSteps, type StepUsage } from './step-sql.ts';
import { agentExecutions } from './table.ts';
import { STEP_KINDS, STEP_STATES } from './vocabulary.ts';

const steps = ({ db }: Context) => createBatch((ids) => loadSteps(db.sql, ids));
const approvals = ({ db }: Context) => createBatch((ids) => loadApprovals(db.sql, ids));

const TokenUsageRef = builder.objectRef<StepUsage>('TokenUsage').implement({
  description: 'Tokens by what they were used for. None is counted twice: the four add up to all.',
  fields: (t) => ({
    input: t.exposeInt('input', { description: 'Read by the model, and not out of its cache.' }),
    cachedInput: t.exposeInt('cachedInput', { description: 'Read out of the provider’s cache.' }),
    output: t.exposeInt('output', { description: 'Written by the model, without its reasoning.' }),
    reasoning: t.exposeInt('reasoning', { description: 'Written by the model for itself.' }),
  }),
});

const AgentStepRef = builder.objectRef<AgentStep>('AgentRunStep').implement({
  description:
    'A call of a model or a tool in an agent’s run. It is made once, whichever workers the run has had.',
  fields: (t) => ({
    key: t.exposeString('key', {
      description: 'Where in the run it stands, e.g. model/2/tool/0: `stepId` of its events.',
    }),
    kind: t.field({
      type: AgentStepKind,
      description: 'What happened in it.',
      resolve: ({ kind }) => valueOrUnknown(STEP_KINDS, kind),
    }),
    kindText: t.exposeString('kind', { description: 'The kind as it is stored.' }),
    name: t.exposeString('name', { description: 'The model’s or the tool’s name.' }),
    state: t.field({
      type: AgentStepState,
      description: 'How far it has come.',
      resolve: ({ state }) => valueOrUnknown(STEP_STATES, state),
    }),
    stateText: t.exposeString('state', { description: 'The state as it is stored.' }),
    tries: t.exposeInt('tries', {
      description: 'How often it was begun: more than once where a worker was lost in it.',
    }),
    input: t.expose('input', { type: 'JSON', nullable: true, description: 'The arguments of a tool.' }),
    output: t.expose('output', {
      type: 'JSON',
      nullable: true,
      description: 'A tool’s result; of a model its text and the calls that it asks for. Null until then.',
    }),
    error: t.field({
      type: outputOf(executionError),
      nullable: true,
      description: 'Why it failed; null where it has not.',
      resolve: ({ error }) => objectIn(error),
    }),
    provider: t.exposeString('provider', {
      nullable: true,
      description: 'Who serves the model; null of a tool.',
    }),
    model: t.exposeString('model', {
      nullable: true,
      description: 'The model that was asked; null of a tool.',
    }),
    usage: t.expose('usage', {
      type: TokenUsageRef,
      nullable: true,
      description: 'Tokens used; null of a tool, and where the server did not say.',
    }),
    cost: t.expose('cost', {
      type: 'Decimal',
      nullable: true,
      description: 'US dollars, exactly; null of a tool, and where there is no price for the model.',
    }),
    priceVersion: t.exposeInt('priceVersion', {
      nullable: true,
      description: 'The version of the model’s price that the cost was computed from; null for no cost.',
    }),
    startedAt: t.expose('startedAt', { type: 'DateTime', description: 'When it was last begun.' }),
    completedAt: t.expose('completedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it had ended, however it did; null before.',
    }),
  }),
});

const AgentApprovalRef = builder.objectRef<AgentApproval>('AgentApproval').implement({
  description: 'A call of a tool that a person is asked about, as the agent’s requireHumanApproval demands.',
  fields: (t) => ({
    id: t.exposeID('id', { description: 'Its id, for decideAgentApproval.' }),
    stepKey: t.exposeString('stepKey', {
      description: 'The step that waits for it: `stepId` of its events.',
    }),
    tool: t.exposeString('tool', { description: 'The tool’s name.' }),
    prompt: t.exposeString('prompt', { description: 'What is asked.' }),
    arguments: t.expose('arguments', {
      type: 'JSON',
      nullable: true,
      description: 'What the tool is to be called with.',
    }),
    requestedAt: t.expose('requestedAt', { type: 'DateTime', description: 'When it was asked.' }),
    decision: t.expose('decision', {
      type: AgentApprovalDecision,
      nullable: true,
      description: 'What was decided; null while it is open.',
    }),
    comment: t.exposeString('comment', { nullable: true, description: 'Why; null where nobody said so.' }),
    decidedBy: t.expose('decidedBy', {
      type: 'UUID',
      nullable: true,
      description: 'The account that decided; null while it is open, or for a service.',
    }),
    decidedAt: t.expose('decidedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it was decided; null while it is open.',
    }),
  }),
});

/** Other programs write that column, too. */
function usageIn(metrics: unknown): StepUsage | null {
  return storedUsage.safeParse(objectIn(metrics)?.usage).data ?? null;
}

const storedUsage = z.object({ input: whole(), cachedInput: whole(), output: whole(), reasoning: whole() });

builder.prismaObjectFields(AgentExecutionRef, (t) => ({
  steps: t.field({
    type: [AgentStepRef],
    description: 'What it has done, in the order in which it was begun. Empty where others run it.',
    resolve: async ({ id }, _args, context) => (await perLease(context, steps)(id)) ?? [],
  }),
  approvals: t.field({
    type: [AgentApprovalRef],
    description: 'What a person was asked, oldest first.',
    resolve: async ({ id }, _args, context) => (await perLease(context, approvals)(id)) ?? [],
  }),
  usage: t.field({
    type: TokenUsageRef,
    nullable: true,
    description: 'The tokens that it has used; null before it has ended, and where nobody counted.',
    select: { metrics: true },
    resolve: ({ metrics }) => usageIn(metrics),
  }),
  attempt: t.int({
    description: 'How often a worker has taken it; more than 1 after it has waited, or a worker was lost.',
    resolve: async ({ id }, _args, context) => (await headOf(context, { kind: 'agent', id }))?.attempt ?? 0,
  }),
  cancelRequestedAt: t.field({
    type: 'DateTime',
    nullable: true,
    description: 'When somebody asked a running execution to end; null where nobody did.',
    resolve: async ({ id }, _args, context) =>
      (await headOf(context, { kind: 'agent', id }))?.cancelRequestedAt ?? null,
  }),
  retryOf: t.field({
    type: AgentExecutionRef,
    nullable: true,
    description: 'The execution that this one runs again, or has taken over from; null for none.',
    resolve: async ({ id }, _args, context, info) => {
      const head = await headOf(context, { kind: 'agent', id });
      return agentExecutions.one(context, info, head?.retryOf);
    },
  }),
}));
