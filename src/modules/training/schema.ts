import { createBatch } from '../../graphql/batch.ts';
import { builder } from '../../graphql/builder.ts';
import { connectionOf } from '../../graphql/connection.ts';
import { assertSignedIn, type Context, perLease } from '../../graphql/context.ts';
import { rowId } from '../../graphql/ids.ts';
import { valueOrUnknown } from '../../graphql/stored-enum.ts';
import { addFeedFields } from '../executions/feed-fields.ts';
import { headOf as streamHeadOf } from '../executions/heads.ts';
import { TrainingConfigRef } from './config-types.ts';
import { TrainingMethodEnum, TrainingOrder, TrainingProviderEnum, TrainingStatusEnum } from './enums.ts';
import { TrainingExecutionFilter, whereExecution } from './filter.ts';
import { resultOf, TrainingResultRef } from './result.ts';
import { loadEtas } from './sql.ts';
import { trainingConfigs, trainingExecutions } from './table.ts';
import { METHODS, PROVIDERS, STATUSES } from './vocabulary.ts';

const etas = ({ db }: Context) => createBatch((ids) => loadEtas(db.sql, ids));
const headOf = (context: Context, id: string) => streamHeadOf(context, { kind: 'training', id });

export const TrainingExecutionRef = builder.prismaNode('TrainingExecution', {
  nullable: true,
  id: { field: 'id', description: 'Its global id.', extensions: { globalIdOf: 'id' } },
  description: 'A training run. Only its owner sees it.',
  select: { id: true },
  fields: (t) => ({
    databaseId: t.exposeString('id', {
      description: 'The row’s id, e.g. exec_…, as the REST endpoints and SQL know it; arguments take both.',
    }),
    publicId: t.exposeString('publicId', { description: 'The public id of the config it was started from.' }),
    config: t.field({
      type: TrainingConfigRef,
      nullable: true,
      description:
        'That config as it is today; null where it was deleted or renamed, or is no longer public.',
      select: { publicId: true },
      resolve: ({ publicId }, _args, context, info) =>
        trainingConfigs.oneBy('publicId', context, info, publicId),
    }),
    settings: t.expose('config', {
      type: 'JSON',
      nullable: true,
      description: 'What this run sets over the config: `startTraining(input: {config})`.',
    }),
    method: t.field({
      type: TrainingMethodEnum,
      description: 'How the model is trained.',
      select: { method: true },
      resolve: ({ method }) => valueOrUnknown(METHODS, method),
    }),
    methodText: t.exposeString('method', { description: 'The method as it is stored.' }),
    provider: t.field({
      type: TrainingProviderEnum,
      description: 'Where it runs.',
      select: { provider: true },
      resolve: ({ provider }) => valueOrUnknown(PROVIDERS, provider),
    }),
    providerText: t.exposeString('provider', { description: 'The provider as it is stored.' }),
    status: t.field({
      type: TrainingStatusEnum,
      description: 'How far it has come.',
      select: { status: true },
      resolve: ({ status }) => valueOrUnknown(STATUSES, status),
    }),
    statusText: t.exposeString('status', { description: 'The status as it is stored.' }),
    progress: t.exposeInt('progress', { description: 'Percent, 0 to 100.' }),
    etaSeconds: t.int({
      nullable: true,
      description:
        'Seconds left, as the trainer last estimated them; null where it did not, or the run has ended.',
      resolve: async ({ id }, _args, context) => (await perLease(context, etas)(id)) ?? null,
    }),
    error: t.exposeString('error', { nullable: true, description: 'Why it failed; null while it has not.' }),
    result: t.field({
      type: TrainingResultRef,
      nullable: true,
      description: 'What came out of it; null before it has completed.',
      select: { result: true },
      resolve: ({ result }) => resultOf(result),
    }),
    attempt: t.int({
      description: 'How often a worker has taken it; more than 1 after a worker was lost.',
      resolve: async ({ id }, _args, context) => (await headOf(context, id))?.attempt ?? 0,
    }),
    cancelRequestedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When somebody asked a running execution to end; null where nobody did.',
      resolve: async ({ id }, _args, context) => (await headOf(context, id))?.cancelRequestedAt ?? null,
    }),
    tenant: t.prismaField({
      type: 'Tenant',
      nullable: true,
      description: 'The tenant it was started for; null for none.',
      resolve: async (query, { id }, _args, context) => {
        const tenantId = (await headOf(context, id))?.tenantId;
        return tenantId ? context.db.prisma.tenant.findUnique({ ...query, where: { id: tenantId } }) : null;
      },
    }),
    colabUrl: t.exposeString('colabUrl', {
      nullable: true,
      description: 'The notebook to open, for provider COLAB.',
    }),
    huggingfaceUrl: t.exposeString('huggingfaceUrl', {
      nullable: true,
      description: 'The job’s or the model’s page, for provider HUGGINGFACE.',
    }),
    openaiJobId: t.exposeString('openaiJobId', {
      nullable: true,
      description: 'OpenAI’s job, for provider OPENAI.',
    }),
    callbackUrl: t.exposeString('callbackUrl', {
      nullable: true,
      description: 'The URL that was given with the start; null for none.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was asked for.' }),
    startedAt: t.expose('startedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it first ran; null while it waits.',
    }),
    completedAt: t.expose('completedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it ended, however it did; null before.',
    }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When its row last changed.' }),
  }),
});

addFeedFields(TrainingExecutionRef, 'training');

builder.prismaObjectField(TrainingExecutionRef, 'retryOf', (t) =>
  t.field({
    type: TrainingExecutionRef,
    nullable: true,
    description: 'The execution that this one runs again; null for none.',
    resolve: async ({ id }, _args, context, info) => {
      const head = await headOf(context, id);
      return trainingExecutions.one(context, info, head?.retryOf);
    },
  }),
);

builder.queryField('trainingExecution', (t) =>
  t.field({
    type: TrainingExecutionRef,
    nullable: true,
    description: 'A run of the caller’s by its id; null where there is none.',
    args: { id: t.arg.id({ required: true, description: 'Global id or row id (exec_…).' }) },
    resolve: (_root, { id }, context, info) => {
      assertSignedIn(context);
      return trainingExecutions.one(context, info, rowId('TrainingExecution', id));
    },
  }),
);

builder.queryField('trainingExecutions', (t) =>
  t.connection(
    {
      type: TrainingExecutionRef,
      description: 'The caller’s runs, newest first unless ordered otherwise. Pages of at most 100.',
      args: {
        filter: t.arg({ type: TrainingExecutionFilter, description: 'Which ones; default: all.' }),
        orderBy: t.arg({ type: TrainingOrder, description: 'In which order; default: newest first.' }),
      },
      resolve: (_root, args, context, info) => {
        assertSignedIn(context);
        return trainingExecutions.page(context, info, args, whereExecution(args.filter));
      },
    },
    ...connectionOf('TrainingExecution', 'runs'),
  ),
);
