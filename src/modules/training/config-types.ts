import { createBatch } from '../../graphql/batch.ts';
import { builder } from '../../graphql/builder.ts';
import { connectionOf } from '../../graphql/connection.ts';
import { assertSignedIn, type Context, perLease } from '../../graphql/context.ts';
import { rowId, uuidOrNone } from '../../graphql/ids.ts';
import { stored, valueOrUnknown } from '../../graphql/stored-enum.ts';
import type { Condition } from '../../graphql/table.ts';
import { DatasetFormatEnum, TrainingOrder } from './enums.ts';
import { loadDatasetIds } from './sql.ts';
import { trainingConfigs, trainingDatasets } from './table.ts';
import { DATASET_FORMATS } from './vocabulary.ts';

const datasetIds = ({ db }: Context) => createBatch((configs) => loadDatasetIds(db.sql, configs));

export const TrainingDatasetRef = builder.prismaNode('TrainingDataset', {
  nullable: true,
  findUnique: (id) => ({ id: uuidOrNone(id) }),
  id: { field: 'id', description: 'Its global id.', extensions: { globalIdOf: 'id' } },
  description: 'A JSONL file that configs are trained on. Only its owner sees it.',
  select: { id: true },
  fields: (t) => ({
    databaseId: t.exposeString('id', { description: 'The row’s id, as SQL knows it; arguments take both.' }),
    name: t.exposeString('name', { description: 'Its name, for people.' }),
    storagePath: t.exposeString('storagePath', {
      description: 'Where it is: a path below the data folder, or an http(s) URL.',
    }),
    format: t.field({
      type: DatasetFormatEnum,
      description: 'How its lines are laid out.',
      select: { format: true },
      resolve: ({ format }) => valueOrUnknown(DATASET_FORMATS, format),
    }),
    formatText: t.exposeString('format', { description: 'The format as it is stored.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was registered.' }),
  }),
});

export const TrainingConfigRef = builder.prismaNode('TrainingConfig', {
  nullable: true,
  findUnique: (id) => ({ id: uuidOrNone(id) }),
  id: { field: 'id', description: 'Its global id.', extensions: { globalIdOf: 'id' } },
  description:
    'What a training run trains: model, method, hyperparameters, datasets. Seen by its owner, or by all if public.',
  select: { id: true },
  fields: (t) => ({
    databaseId: t.exposeString('id', { description: 'The row’s id, as SQL knows it; arguments take both.' }),
    name: t.exposeString('name', { description: 'Its name, for people.' }),
    publicId: t.exposeString('publicId', { description: 'The unique name that runs are started by.' }),
    isPublic: t.exposeBoolean('isPublic', {
      description: 'Whether everybody may see it and start runs from it.',
    }),
    isMine: t.boolean({
      description: 'Whether the caller owns it, and so may change it.',
      select: { userId: true },
      resolve: ({ userId }, _args, { identity }) => userId === identity.claims.sub,
    }),
    config: t.expose('configJson', {
      type: 'JSON',
      nullable: true,
      description:
        'The config itself: model.name, training.method, hyperparameters and whatever else trainers read.',
    }),
    gistUrls: t.expose('gistUrls', {
      type: 'JSON',
      nullable: true,
      description: 'Notebooks by method, e.g. {"sft": "https://…"}.',
    }),
    datasets: t.field({
      type: [TrainingDatasetRef],
      description:
        'What it is trained on, oldest first; datasets of others are not shown, also of a public config.',
      resolve: async ({ id }, _args, context, info) => {
        // Without a token there is no right to ask, and the refusal would take the public config with it.
        if (context.identity.claims.role === 'anon') return [];
        const ids = (await perLease(context, datasetIds)(id)) ?? [];
        const found = await Promise.all(ids.map((one) => trainingDatasets.one(context, info, one)));
        return found.filter((dataset) => dataset !== null);
      },
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was made.' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When it last changed.' }),
  }),
});

const TrainingConfigFilter = builder.inputType('TrainingConfigFilter', {
  description: 'Which configs to list; conditions add up.',
  fields: (t) => ({
    isPublic: t.boolean({ description: 'Only public ones, or only those that are not.' }),
    isMine: t.boolean({ description: 'Only the caller’s own, or only those of others.' }),
    nameContains: t.string({ description: 'Only those whose name contains this, in upper or lower case.' }),
  }),
});

type ConfigFilter = typeof TrainingConfigFilter.$inferInput;

function whereConfig(filter: ConfigFilter | null | undefined, sub: string | undefined): Condition[] {
  const { isPublic, isMine, nameContains } = filter ?? {};
  const own = sub === undefined ? [] : [sub];
  const all: Condition[] = [];
  if (isPublic != null) all.push({ field: 'isPublic', is: isPublic });
  if (isMine != null) all.push(isMine ? { field: 'userId', in: own } : { field: 'userId', notIn: own });
  if (nameContains != null) all.push({ field: 'name', contains: nameContains });
  return all;
}

builder.queryField('trainingConfig', (t) =>
  t.field({
    type: TrainingConfigRef,
    nullable: true,
    description: 'A config by its id or its public id; null where there is none that the caller may see.',
    args: {
      id: t.arg.id({ description: 'Global id or row id.' }),
      publicId: t.arg.string({ description: 'The name that runs are started by.' }),
    },
    resolve: (_root, { id, publicId }, context, info) => {
      const row = id == null ? undefined : rowId('TrainingConfig', id);
      if (publicId == null) return trainingConfigs.one(context, info, row);
      const where: Condition[] = row === undefined ? [] : [{ field: 'id', is: uuidOrNone(row) }];
      return trainingConfigs.oneBy('publicId', context, info, publicId, where);
    },
  }),
);

builder.queryField('trainingConfigs', (t) =>
  t.connection(
    {
      type: TrainingConfigRef,
      description:
        'The caller’s configs and all public ones, newest first unless ordered otherwise. Pages of at most 100.',
      args: {
        filter: t.arg({ type: TrainingConfigFilter, description: 'Which ones; default: all.' }),
        orderBy: t.arg({ type: TrainingOrder, description: 'In which order; default: newest first.' }),
      },
      resolve: (_root, args, context, info) =>
        trainingConfigs.page(context, info, args, whereConfig(args.filter, context.identity.claims.sub)),
    },
    ...connectionOf('TrainingConfig', 'configs'),
  ),
);

builder.queryField('trainingDataset', (t) =>
  t.field({
    type: TrainingDatasetRef,
    nullable: true,
    description: 'A dataset of the caller’s by its id; null where there is none.',
    args: { id: t.arg.id({ required: true, description: 'Global id or row id.' }) },
    resolve: (_root, { id }, context, info) => {
      assertSignedIn(context);
      return trainingDatasets.one(context, info, rowId('TrainingDataset', id));
    },
  }),
);

builder.queryField('trainingDatasets', (t) =>
  t.connection(
    {
      type: TrainingDatasetRef,
      description: 'The caller’s datasets, newest first. Pages of at most 100.',
      args: {
        format: t.arg({
          type: [DatasetFormatEnum],
          description: 'Only those of these formats; default: all.',
        }),
      },
      resolve: (_root, { format, ...args }, context, info) => {
        assertSignedIn(context);
        const where = format == null ? [] : [stored('format', DATASET_FORMATS, format)];
        return trainingDatasets.page(context, info, args, where);
      },
    },
    ...connectionOf('TrainingDataset', 'datasets'),
  ),
);
