import { builder } from '../../graphql/builder.ts';
import { requireUser } from '../../graphql/context.ts';
import { encodeGlobalId } from '../../graphql/ids.ts';
import {
  addExecutionSubscriptions,
  DEFAULT_RATE,
  gapOf,
  newestState,
  RATE,
} from '../executions/subscriptions.ts';
import { TrainingExecutionFilter } from './filter.ts';
import { followRuns } from './follow-runs.ts';
import type { ChangedRun } from './runs-feed.ts';
import { TrainingExecutionRef } from './schema.ts';
import { trainingExecutions } from './table.ts';

const RUNS = { kind: 'training', table: trainingExecutions } as const;

addExecutionSubscriptions({
  typename: 'TrainingExecution',
  noun: 'training run',
  prefix: 'execution',
  ref: TrainingExecutionRef,
  ...RUNS,
});

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
    resolve: ({ id }, _args, context, info) => newestState(RUNS, context, info, id),
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
