import type { Prisma } from '../../generated/prisma/client.ts';
import { builder } from '../../graphql/builder.ts';
import { assertSignedIn } from '../../graphql/context.ts';
import { isUuid, rowId, searchable, uuidOrNone } from '../../graphql/ids.ts';
import { valueOrUnknown, whereStored } from '../../graphql/stored-enum.ts';
import { DatasetFormatEnum, orderBy, TrainingOrder } from './enums.ts';
import { assertPage } from './pages.ts';
import { DATASET_FORMATS } from './vocabulary.ts';

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
      select: (_args, _context, nestedSelection) => ({
        datasetLinks: {
          select: { dataset: nestedSelection() },
          orderBy: [{ dataset: { createdAt: 'asc' } }, { datasetId: 'asc' }],
        },
      }),
      resolve: ({ datasetLinks }) => datasetLinks.map(({ dataset }) => dataset),
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

function whereConfig(
  filter: ConfigFilter | null | undefined,
  sub: string | undefined,
): Prisma.TrainingConfigWhereInput {
  const { isPublic, isMine, nameContains } = filter ?? {};
  const own: Prisma.TrainingConfigWhereInput = sub === undefined ? { id: { in: [] } } : { userId: sub };
  return {
    ...(isPublic != null && { isPublic }),
    ...(isMine != null && (isMine ? { AND: own } : { NOT: own })),
    ...(nameContains != null && { name: { contains: searchable(nameContains), mode: 'insensitive' } }),
  };
}

builder.queryField('trainingConfig', (t) =>
  t.prismaField({
    type: TrainingConfigRef,
    nullable: true,
    description: 'A config by its id or its public id; null where there is none that the caller may see.',
    args: {
      id: t.arg.id({ description: 'Global id or row id.' }),
      publicId: t.arg.string({ description: 'The name that runs are started by.' }),
    },
    resolve: (query, _root, { id, publicId }, { db }) => {
      const row = id == null ? undefined : rowId('TrainingConfig', id);
      if ((row === undefined && publicId == null) || (row !== undefined && !isUuid(row))) return null;
      const where = {
        ...(row !== undefined && { id: row }),
        ...(publicId != null && { publicId: searchable(publicId) }),
      };
      return db.prisma.trainingConfig.findFirst({ ...query, where });
    },
  }),
);

builder.queryField('trainingConfigs', (t) =>
  t.prismaConnection(
    {
      type: TrainingConfigRef,
      cursor: 'id',
      description:
        'The caller’s configs and all public ones, newest first unless ordered otherwise. Pages of at most 100.',
      args: {
        filter: t.arg({ type: TrainingConfigFilter, description: 'Which ones; default: all.' }),
        orderBy: t.arg({ type: TrainingOrder, description: 'In which order; default: newest first.' }),
      },
      totalCount: (_root, { filter }, { db, identity }) =>
        db.prisma.trainingConfig.count({ where: whereConfig(filter, identity.claims.sub) }),
      resolve: (query, _root, args, { db, identity }) => {
        assertPage(args, isUuid);
        const where = whereConfig(args.filter, identity.claims.sub);
        return db.prisma.trainingConfig.findMany({ ...query, where, orderBy: orderBy(args.orderBy) });
      },
    },
    { name: 'TrainingConfigConnection', description: 'A page of configs.' },
    { name: 'TrainingConfigEdge', description: 'A config with its place in the list.' },
  ),
);

builder.queryField('trainingDataset', (t) =>
  t.prismaField({
    type: TrainingDatasetRef,
    nullable: true,
    description: 'A dataset of the caller’s by its id; null where there is none.',
    args: { id: t.arg.id({ required: true, description: 'Global id or row id.' }) },
    resolve: (query, _root, args, context) => {
      assertSignedIn(context);
      const id = rowId('TrainingDataset', args.id);
      return isUuid(id) ? context.db.prisma.trainingDataset.findUnique({ ...query, where: { id } }) : null;
    },
  }),
);

builder.queryField('trainingDatasets', (t) =>
  t.prismaConnection(
    {
      type: TrainingDatasetRef,
      cursor: 'id',
      description: 'The caller’s datasets, newest first. Pages of at most 100.',
      args: {
        format: t.arg({
          type: [DatasetFormatEnum],
          description: 'Only those of these formats; default: all.',
        }),
      },
      totalCount: (_root, { format }, context) => {
        assertSignedIn(context);
        return context.db.prisma.trainingDataset.count({ where: whereDataset(format) });
      },
      resolve: (query, _root, args, context) => {
        assertSignedIn(context);
        assertPage(args, isUuid);
        return context.db.prisma.trainingDataset.findMany({
          ...query,
          where: whereDataset(args.format),
          orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
        });
      },
    },
    { name: 'TrainingDatasetConnection', description: 'A page of datasets.' },
    { name: 'TrainingDatasetEdge', description: 'A dataset with its place in the list.' },
  ),
);

function whereDataset(formats: (typeof DatasetFormatEnum.$inferType)[] | null | undefined) {
  if (formats == null) return {};
  return { OR: whereStored(DATASET_FORMATS, formats).OR.map((format) => ({ format })) };
}
