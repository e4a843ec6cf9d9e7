import type { GraphQLResolveInfo } from 'graphql';
import { builder } from '../../graphql/builder.ts';
import { type Context, requireUser } from '../../graphql/context.ts';
import { NotFoundError } from '../../graphql/errors.ts';
import { encodeGlobalId } from '../../graphql/ids.ts';
import {
  DEFAULT_RATE,
  ExecutionEventBatchRef,
  FOLLOWING,
  gapOf,
  RATE,
  subscribeToEvents,
  subscribeToState,
} from '../executions/event-subscription.ts';
import { TrainingExecutionFilter } from './filter.ts';
import { followRuns } from './follow-runs.ts';
import type { ChangedRun } from './runs-feed.ts';
import { TrainingExecutionRef } from './schema.ts';
import { trainingExecutions } from './table.ts';

const ID = 'Global id or row id (exec_…) of a run of the caller’s.';
const OF = { kind: 'training', typename: 'TrainingExecution' } as const;

/** @throws {NotFoundError} where the run was deleted before it was read */
async function newestState(context: Context, info: GraphQLResolveInfo, id: string) {
  const run = await trainingExecutions.one(context, info, id);
  if (!run) throw new NotFoundError('training execution', id);
  return run;
}

const TrainingExecutionListChangeRef = builder
  .objectRef<ChangedRun>('TrainingExecutionListChange')
  .implement({
    description: 'What a list of runs has to do about one of them.',
    fields: (t) => ({
      id: t.id({
        description: 'The run’s global id, also of one that was deleted.',
        resolve: ({ id }) => encodeGlobalId('TrainingExecution', id),
      }),
      databaseId: t.exposeString('id', { description: 'The row’s id, e.g. exec_….' }),
      hasLeft: t.exposeBoolean('hasLeft', {
        description:
          'Whether the list is to take it out: it matched the filter before, and does not any more.',
      }),
      execution: t.field({
        type: TrainingExecutionRef,
        nullable: true,
        description: 'Its newest state; null where it was deleted.',
        resolve: ({ id }, _args, context, info) => trainingExecutions.one(context, info, id),
      }),
    }),
  });

builder.subscriptionFields((t) => ({
  executionEvents: t.field({
    type: ExecutionEventBatchRef,
    description:
      'Every event of a run from a cursor on, then live, in order, each once; completes after the end. A client that ' +
      'lost its connection goes on with `after: <lastSeq>`.',
    extensions: { carriesData: true, cursor: 'after' },
    args: {
      id: t.arg.id({ required: true, description: ID }),
      after: t.arg.int(FOLLOWING.after),
      maxWaitMs: t.arg.int(FOLLOWING.maxWaitMs),
    },
    subscribe: (_root, args, context) => subscribeToEvents(context, OF, args),
    resolve: (batch) => batch,
  }),
  executionChanged: t.field({
    type: TrainingExecutionRef,
    description:
      'The newest state of a run, at once and whenever it changes, the last change always among them; completes after ' +
      'the end.',
    args: {
      id: t.arg.id({ required: true, description: ID }),
      maxRate: t.arg.float({ required: true, defaultValue: DEFAULT_RATE, description: RATE }),
    },
    subscribe: (_root, args, context) => subscribeToState(context, OF, args),
    resolve: ({ id }, _args, context, info) => newestState(context, info, id),
  }),
  executionsChanged: t.field({
    type: TrainingExecutionRef,
    description:
      'The newest state of each of the caller’s runs that changes. A run that stops matching the filter is delivered ' +
      'once more; `executionListChanged` says so, and tells of deleted ones too. Never completes.',
    args: {
      filter: t.arg({ type: TrainingExecutionFilter, description: 'Which runs; default: all.' }),
      maxRate: t.arg.float({
        required: true,
        defaultValue: DEFAULT_RATE,
        description: `Of each run. ${RATE}`,
      }),
    },
    subscribe: (_root, { filter, maxRate }, context) =>
      followRuns(context, requireUser(context), { filter, minGapMs: gapOf(maxRate), namesDeleted: false }),
    resolve: ({ id }, _args, context, info) => newestState(context, info, id),
  }),
  executionListChanged: t.field({
    type: TrainingExecutionListChangeRef,
    description:
      'What a list of the caller’s runs has to show anew or take out: each run that changes and matches the filter, and ' +
      'each that has left it. Never completes.',
    args: {
      filter: t.arg({ type: TrainingExecutionFilter, description: 'Which runs; default: all.' }),
      maxRate: t.arg.float({
        required: true,
        defaultValue: DEFAULT_RATE,
        description: `Of each run. ${RATE}`,
      }),
    },
    subscribe: (_root, { filter, maxRate }, context) =>
      followRuns(context, requireUser(context), { filter, minGapMs: gapOf(maxRate), namesDeleted: true }),
    resolve: (change) => change,
  }),
}));
