import { builder } from '../../graphql/builder.ts';
import { assertSignedIn, requireUser } from '../../graphql/context.ts';
import { badInput } from '../../graphql/errors.ts';
import { rowId } from '../../graphql/ids.ts';
import { ExecutionEventRef } from '../executions/event-types.ts';
import { TrainingExecutionFilter } from './filter.ts';
import { type EventBatch, followEvents, followState } from './follow.ts';
import { followRuns } from './follow-runs.ts';
import { TrainingExecutionRef } from './schema.ts';
import { trainingExecutions } from './table.ts';

const ID = 'Global id or row id (exec_…) of a run of the caller’s.';
const DEFAULT_WAIT_MS = 50;
const LONGEST_WAIT_MS = 5_000;

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

builder.subscriptionFields((t) => ({
  executionEvents: t.field({
    type: ExecutionEventBatchRef,
    description:
      'Every event of a run from a cursor on, then live, in order, each once; completes after the end. A client that ' +
      'lost its connection goes on with `after: <lastSeq>`.',
    extensions: { carriesData: true },
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
      return followEvents(context, rowId('TrainingExecution', id), { after, maxWaitMs });
    },
    resolve: (batch) => batch,
  }),
  executionChanged: t.field({
    type: TrainingExecutionRef,
    description:
      'The newest state of a run, at once and whenever it changes: at most every 100 ms, the last change always among ' +
      'them; completes after the end.',
    args: { id: t.arg.id({ required: true, description: ID }) },
    subscribe: (_root, { id }, context) => {
      assertSignedIn(context);
      return followState(context, rowId('TrainingExecution', id));
    },
    resolve: ({ id }, _args, context, info) => trainingExecutions.oneOrThrow(context, info, id),
  }),
  executionsChanged: t.field({
    type: TrainingExecutionRef,
    description:
      'The newest state of each of the caller’s runs that changes, at most every 100 ms for each. A run that stops ' +
      'matching the filter is delivered once more, so that a list can take it out. Never completes.',
    args: { filter: t.arg({ type: TrainingExecutionFilter, description: 'Which runs; default: all.' }) },
    subscribe: (_root, { filter }, context) => followRuns(context, requireUser(context), filter),
    resolve: ({ id }, _args, context, info) => trainingExecutions.oneOrThrow(context, info, id),
  }),
}));
