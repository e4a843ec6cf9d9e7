import type { GraphQLResolveInfo } from 'graphql';
import { builder } from '../../graphql/builder.ts';
import { assertSignedIn, type Context, requireUser } from '../../graphql/context.ts';
import { badInput, NotFoundError } from '../../graphql/errors.ts';
import { encodeGlobalId, rowId } from '../../graphql/ids.ts';
import { ExecutionEventRef } from '../executions/event-types.ts';
import { type EventBatch, followEvents, followState } from '../executions/follow.ts';
import { TrainingExecutionFilter } from './filter.ts';
import { followRuns } from './follow-runs.ts';
import type { ChangedRun } from './runs-feed.ts';
import { TrainingExecutionRef } from './schema.ts';
import { trainingExecutions } from './table.ts';

const ID = 'Global id or row id (exec_…) of a run of the caller’s.';
const DEFAULT_WAIT_MS = 50;
const LONGEST_WAIT_MS = 5_000;
/** No progress bar shows more changes a second. */
const DEFAULT_RATE = 10;
const LEAST_RATE = 0.01;
const RATE = `States a second at most, ${LEAST_RATE} to ${DEFAULT_RATE}: the newest one each time, and the last one always.`;

/** @throws BAD_USER_INPUT */
function gapOf(maxRate: number): number {
  if (maxRate >= LEAST_RATE && maxRate <= DEFAULT_RATE) return 1_000 / maxRate;
  throw badInput(`\`maxRate\` goes from ${LEAST_RATE} to ${DEFAULT_RATE} states a second.`);
}

/** @throws {NotFoundError} where the run was deleted before it was read */
async function newestState(context: Context, info: GraphQLResolveInfo, id: string) {
  const run = await trainingExecutions.one(context, info, id);
  if (!run) throw new NotFoundError('training execution', id);
  return run;
}

const ExecutionEventBatchRef = builder.objectRef<EventBatch>('ExecutionEventBatch').implement({
  description: 'Events that came together.',
  fields: (t) => ({
    events: t.field({
      type: [ExecutionEventRef],
      description:
        'In order, without gaps; at most 500. Empty only in a last batch that says nothing but the end.',
      resolve: ({ events }) => events,
    }),
    lastSeq: t.exposeInt('lastSeq', {
      description:
        'The number of the last event so far. Keep it: subscribing again with `after` set to it resumes.',
    }),
    ended: t.exposeBoolean('ended', {
      description: 'Whether the execution has ended and this is everything; the subscription completes then.',
    }),
  }),
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
  executionEvents: t.field({
    type: ExecutionEventBatchRef,
    description:
      'Every event of a run from a cursor on, then live, in order, each once; completes after the end. A client that ' +
      'lost its connection goes on with `after: <lastSeq>`.',
    extensions: { carriesData: true, cursor: 'after' },
    args: {
      id: t.arg.id({ required: true, description: ID }),
      after: t.arg.int({
        required: true,
        defaultValue: 0,
        description:
          'The number of the last event the client has; 0 for all. Beyond the newest it waits for the next.',
      }),
      maxWaitMs: t.arg.int({
        required: true,
        defaultValue: DEFAULT_WAIT_MS,
        description: 'How long live events gather for one batch, in milliseconds: 0 to 5000.',
      }),
    },
    subscribe: (_root, { id, after, maxWaitMs }, context) => {
      assertSignedIn(context);
      if (after < 0) throw badInput('`after` is the number of an event, or 0: it cannot be negative.');
      if (maxWaitMs < 0 || maxWaitMs > LONGEST_WAIT_MS) throw badInput('`maxWaitMs` goes from 0 to 5000.');
      const ref = { kind: 'training', id: rowId('TrainingExecution', id) } as const;
      return followEvents(context, ref, { after, maxWaitMs });
    },
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
    subscribe: (_root, { id, maxRate }, context) => {
      assertSignedIn(context);
      const ref = { kind: 'training', id: rowId('TrainingExecution', id) } as const;
      return followState(context, ref, { minGapMs: gapOf(maxRate) });
    },
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
