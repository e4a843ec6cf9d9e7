import { builder } from '../../graphql/builder.ts';
import { requireUser } from '../../graphql/context.ts';
import { DeletedRef } from '../../graphql/deleted.ts';
import { ConflictError, NotFoundError, UnauthenticatedError, ValidationError } from '../../graphql/errors.ts';
import { rowId } from '../../graphql/ids.ts';
import * as catalogue from './catalogue.ts';
import { TrainingConfigRef, TrainingDatasetRef } from './config-types.ts';
import { DatasetFormatEnum } from './enums.ts';
import { trainingConfigs, trainingDatasets } from './table.ts';

const CONFIG_ID = 'Global id or row id of a config of the caller’s.';
const DATASET_ID = 'Global id or row id of a dataset of the caller’s.';
const CONFIG = 'The config: model.name, training.method, hyperparameters and whatever else trainers read.';
const STORAGE = 'A path below the data folder, e.g. datasets/tales.jsonl, or an http(s) URL.';

const CreateConfigInput = builder.inputType('CreateTrainingConfigInput', {
  description: 'A new training config.',
  fields: (t) => ({
    name: t.string({ required: true, description: 'Its name, for people.' }),
    publicId: t.string({
      required: true,
      description: 'Unique across all users: letters, digits, dots, dashes, underscores.',
    }),
    config: t.field({ type: 'JSON', required: true, description: CONFIG }),
    gistUrls: t.field({ type: 'JSON', description: 'Notebooks by method, e.g. {"sft": "https://…"}.' }),
    datasetIds: t.idList({ description: 'Datasets of the caller’s that it is trained on.' }),
    isPublic: t.boolean({
      description: 'Whether everybody may see it and start runs from it. Default: false.',
    }),
  }),
});

const UpdateConfigInput = builder.inputType('UpdateTrainingConfigInput', {
  description: 'What changes about a training config; what is left out or null stays.',
  fields: (t) => ({
    name: t.string({ description: 'Its name, for people.' }),
    publicId: t.string({ description: 'Its public id. Runs keep the one they were started by.' }),
    config: t.field({ type: 'JSON', description: `${CONFIG} Replaces the old one as a whole.` }),
    gistUrls: t.field({ type: 'JSON', description: 'Notebooks by method; replaces the old ones.' }),
    datasetIds: t.idList({ description: 'Datasets of the caller’s; replaces the old list.' }),
  }),
});

const CreateDatasetInput = builder.inputType('CreateTrainingDatasetInput', {
  description: 'A dataset to register; the file itself is not touched.',
  fields: (t) => ({
    name: t.string({ required: true, description: 'Its name, for people.' }),
    storagePath: t.string({ required: true, description: STORAGE }),
    format: t.field({ type: DatasetFormatEnum, required: true, description: 'How its lines are laid out.' }),
  }),
});

const UpdateDatasetInput = builder.inputType('UpdateTrainingDatasetInput', {
  description: 'What changes about a dataset; what is left out or null stays.',
  fields: (t) => ({
    name: t.string({ description: 'Its name, for people.' }),
    storagePath: t.string({ description: STORAGE }),
    format: t.field({ type: DatasetFormatEnum, description: 'How its lines are laid out.' }),
  }),
});

const types = [UnauthenticatedError, NotFoundError, ValidationError, ConflictError];

builder.mutationFields((t) => ({
  createTrainingConfig: t.field({
    type: TrainingConfigRef,
    description: 'Makes a training config of the caller’s.',
    args: { input: t.arg({ type: CreateConfigInput, required: true, description: 'The config.' }) },
    errors: { types },
    resolve: async (_root, { input }, context, info) => {
      const id = await catalogue.createConfig(context.db, requireUser(context), input);
      return trainingConfigs.oneOrThrow(context, info, id);
    },
  }),
  updateTrainingConfig: t.field({
    type: TrainingConfigRef,
    description: 'Changes a config of the caller’s; runs that have begun are not affected.',
    args: {
      id: t.arg.id({ required: true, description: CONFIG_ID }),
      input: t.arg({ type: UpdateConfigInput, required: true, description: 'What changes.' }),
    },
    errors: { types },
    resolve: async (_root, args, context, info) => {
      const row = rowId('TrainingConfig', args.id);
      const id = await catalogue.updateConfig(context.db, requireUser(context), row, args.input);
      return trainingConfigs.oneOrThrow(context, info, id);
    },
  }),
  publishTrainingConfig: t.field({
    type: TrainingConfigRef,
    description: 'Makes a config of the caller’s public, or private again.',
    args: {
      id: t.arg.id({ required: true, description: CONFIG_ID }),
      isPublic: t.arg.boolean({ required: true, defaultValue: true, description: 'false takes it back.' }),
    },
    errors: { types: [UnauthenticatedError, NotFoundError] },
    resolve: async (_root, args, context, info) => {
      const row = rowId('TrainingConfig', args.id);
      const id = await catalogue.publishConfig(context.db, requireUser(context), row, args.isPublic);
      return trainingConfigs.oneOrThrow(context, info, id);
    },
  }),
  deleteTrainingConfig: t.field({
    type: DeletedRef,
    description: 'Deletes a config of the caller’s. Its runs stay, with its public id.',
    args: { id: t.arg.id({ required: true, description: CONFIG_ID }) },
    errors: { types: [UnauthenticatedError, NotFoundError] },
    resolve: async (_root, args, context) => {
      const id = rowId('TrainingConfig', args.id);
      await catalogue.deleteConfig(context.db, requireUser(context), id);
      return { typename: 'TrainingConfig', id };
    },
  }),
  createTrainingDataset: t.field({
    type: TrainingDatasetRef,
    description: 'Registers a dataset of the caller’s.',
    args: { input: t.arg({ type: CreateDatasetInput, required: true, description: 'The dataset.' }) },
    errors: { types: [UnauthenticatedError, ValidationError] },
    resolve: async (_root, { input }, context, info) => {
      const id = await catalogue.createDataset(context.db, requireUser(context), input);
      return trainingDatasets.oneOrThrow(context, info, id);
    },
  }),
  updateTrainingDataset: t.field({
    type: TrainingDatasetRef,
    description: 'Changes a dataset of the caller’s.',
    args: {
      id: t.arg.id({ required: true, description: DATASET_ID }),
      input: t.arg({ type: UpdateDatasetInput, required: true, description: 'What changes.' }),
    },
    errors: { types: [UnauthenticatedError, NotFoundError, ValidationError] },
    resolve: async (_root, args, context, info) => {
      const row = rowId('TrainingDataset', args.id);
      const id = await catalogue.updateDataset(context.db, requireUser(context), row, args.input);
      return trainingDatasets.oneOrThrow(context, info, id);
    },
  }),
  deleteTrainingDataset: t.field({
    type: DeletedRef,
    description: 'Deletes a dataset of the caller’s, and takes it out of its configs. The file stays.',
    args: { id: t.arg.id({ required: true, description: DATASET_ID }) },
    errors: { types: [UnauthenticatedError, NotFoundError] },
    resolve: async (_root, args, context) => {
      const id = rowId('TrainingDataset', args.id);
      await catalogue.deleteDataset(context.db, requireUser(context), id);
      return { typename: 'TrainingDataset', id };
    },
  }),
}));
