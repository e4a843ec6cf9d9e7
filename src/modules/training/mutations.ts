import { builder } from '../../graphql/builder.ts';
import { assertSignedIn, requireUser } from '../../graphql/context.ts';
import { ProviderUnavailableError } from '../../graphql/errors.ts';
import { rowId } from '../../graphql/ids.ts';
import {
  CANCEL_REASON,
  ENDING,
  IDEMPOTENCY_KEY,
  RETRYING,
  RUN_ID,
  STARTING,
} from '../executions/mutation-parts.ts';
import { TrainingMethodEnum, TrainingProviderEnum } from './enums.ts';
import { TrainingExecutionRef } from './schema.ts';
import type { TrainingService } from './service.ts';
import { trainingExecutions } from './table.ts';

declare module '../../graphql/context.ts' {
  interface Services {
    training: TrainingService;
  }
}

const StartTrainingInput = builder.inputType('StartTrainingInput', {
  description: 'What to train, and where.',
  fields: (t) => ({
    publicId: t.string({
      required: true,
      description: 'The public id of a config that is public or the caller’s.',
    }),
    method: t.field({ type: TrainingMethodEnum, required: true, description: 'How to train.' }),
    provider: t.field({ type: TrainingProviderEnum, required: true, description: 'Where to train.' }),
    tenantId: t.id({
      description: 'The tenant it is for, in which the caller must be a member or an admin. Default: none.',
    }),
    config: t.field({
      type: 'JSON',
      description:
        'A JSON object of settings over the config’s: `hyperparameters` one by one, anything else as a whole.',
    }),
    callbackUrl: t.string({ description: 'An http(s) URL that is kept with the run.' }),
    idempotencyKey: t.string({
      description: IDEMPOTENCY_KEY,
    }),
  }),
});

const LogLineInput = builder.inputType('TrainingLogInput', {
  description: 'A log line to append.',
  fields: (t) => ({
    message: t.string({
      required: true,
      description: 'The line, without a line break; at most 65,536 characters.',
    }),
    level: t.string({ description: 'debug, info, warn or error. Default: info.' }),
  }),
});

const ProgressInput = builder.inputType('TrainingProgressInput', {
  description: 'How far a run has come.',
  fields: (t) => ({
    percent: t.int({ required: true, description: '0 to 100.' }),
    step: t.float({ description: 'The step it is at.' }),
    totalSteps: t.float({ description: 'How many steps there will be.' }),
    etaSeconds: t.float({ description: 'Seconds left, estimated.' }),
    epoch: t.float({ description: 'The epoch, with its fraction.' }),
    metrics: t.field({
      type: 'JSON',
      description: 'Figures of the step by name, e.g. {"loss": 2.31}; needs `step`.',
    }),
  }),
});

const AppendedRef = builder.objectRef<{ id: string; lastSeq: number }>('AppendedEvents').implement({
  description: 'What an append has led to.',
  fields: (t) => ({
    lastSeq: t.exposeInt('lastSeq', { description: 'The number of the last event that was appended.' }),
    execution: t.field({
      type: TrainingExecutionRef,
      description: 'The run, as it is now.',
      resolve: ({ id }, _args, context, info) => trainingExecutions.oneOrThrow(context, info, id),
    }),
  }),
});

builder.mutationFields((t) => ({
  startTraining: t.field({
    type: TrainingExecutionRef,
    description: 'Starts a run. Its row and its job are one transaction: either there are both, or neither.',
    args: {
      input: t.arg({ type: StartTrainingInput, required: true, description: 'What to train, and where.' }),
    },
    errors: { types: [...STARTING, ProviderUnavailableError] },
    resolve: async (_root, { input }, context, info) => {
      const id = await context.services.training.start(context.db, requireUser(context), input);
      return trainingExecutions.oneOrThrow(context, info, id);
    },
  }),
  retryTraining: t.field({
    type: TrainingExecutionRef,
    description:
      'Runs an ended run again, as a new execution that names it in `retryOf`, with the same input.',
    args: {
      id: t.arg.id({ required: true, description: RUN_ID }),
      idempotencyKey: t.arg.string({ description: IDEMPOTENCY_KEY }),
    },
    errors: { types: [...RETRYING, ProviderUnavailableError] },
    resolve: async (_root, args, context, info) => {
      const of = rowId('TrainingExecution', args.id);
      const id = await context.services.training.retry(context.db, requireUser(context), of, args);
      return trainingExecutions.oneOrThrow(context, info, id);
    },
  }),
  cancelTraining: t.field({
    type: TrainingExecutionRef,
    description:
      'Ends a run. One that waits, or that others run, ends at once; one that a worker runs within seconds: follow it.',
    args: {
      id: t.arg.id({ required: true, description: RUN_ID }),
      reason: t.arg.string({ description: CANCEL_REASON }),
    },
    errors: { types: ENDING },
    resolve: async (_root, args, context, info) => {
      assertSignedIn(context);
      const id = rowId('TrainingExecution', args.id);
      await context.services.training.cancel(context.db, id, args);
      return trainingExecutions.oneOrThrow(context, info, id);
    },
  }),
  appendTrainingLogs: t.field({
    type: AppendedRef,
    description: 'Appends log lines to a run of the caller’s, in order; at most 1,000 at once.',
    args: {
      id: t.arg.id({ required: true, description: RUN_ID }),
      lines: t.arg({ type: [LogLineInput], required: true, description: 'The lines, oldest first.' }),
    },
    errors: { types: ENDING },
    resolve: async (_root, args, context) => {
      assertSignedIn(context);
      const id = rowId('TrainingExecution', args.id);
      return { id, lastSeq: await context.services.training.appendLogs(context.db, id, args.lines) };
    },
  }),
  reportTrainingProgress: t.field({
    type: AppendedRef,
    description:
      'Reports how far a run of the caller’s has come, for runs that are not run by a worker of ours.',
    args: {
      id: t.arg.id({ required: true, description: RUN_ID }),
      input: t.arg({ type: ProgressInput, required: true, description: 'How far.' }),
    },
    errors: { types: ENDING },
    resolve: async (_root, args, context) => {
      assertSignedIn(context);
      const id = rowId('TrainingExecution', args.id);
      return { id, lastSeq: await context.services.training.reportProgress(context.db, id, args.input) };
    },
  }),
}));
