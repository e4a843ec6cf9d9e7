import { z } from 'zod';
import { builder } from '../../graphql/builder.ts';
import { assertSignedIn } from '../../graphql/context.ts';
import { storedEnum, valueOrUnknown } from '../../graphql/stored-enum.ts';
import { TimePeriodInput, timePeriod } from '../../graphql/time-buckets.ts';
import { absent, uuidOf, validated } from '../../graphql/validation.ts';
import { ExecutionKindEnum } from './kinds.ts';
import { type Durations, type ExecutionStats, loadStats } from './stats-sql.ts';

/** Of all kinds together; a workflow alone may be paused. */
const STATUSES = {
  pending: 'Waits for a worker, or for whoever inserted it.',
  running: 'Is being worked on.',
  paused: 'Waits for somebody’s decision.',
  completed: 'Has ended well.',
  failed: 'Has ended with an error.',
  cancelled: 'Was ended on request.',
} as const;

const StatusEnum = storedEnum('ExecutionStatsStatus', 'How far an execution of any kind has come.', STATUSES);

const StatusCountRef = builder
  .objectRef<ExecutionStats['statuses'][number]>('ExecutionStatusCount')
  .implement({
    description: 'How many executions are in a status.',
    fields: (t) => ({
      status: t.field({
        type: StatusEnum,
        description: 'The status.',
        resolve: ({ status }) => valueOrUnknown(STATUSES, status),
      }),
      statusText: t.exposeString('status', { description: 'The status as it is stored.' }),
      count: t.exposeInt('count', { description: 'How many are in it.' }),
    }),
  });

const DurationsRef = builder.objectRef<Durations>('ExecutionDurations').implement({
  description: 'How long executions ran, from their start to their end, in milliseconds.',
  fields: (t) => ({
    count: t.exposeInt('count', {
      description: 'How many there are: those that have ended, however they did, after they had begun.',
    }),
    mean: t.exposeFloat('mean', { description: 'Their mean.' }),
    p50: t.exposeFloat('p50', { description: 'Their median.' }),
    p95: t.exposeFloat('p95', { description: '95 of 100 took no longer.' }),
    p99: t.exposeFloat('p99', { description: '99 of 100 took no longer.' }),
  }),
});

const StatsRef = builder.objectRef<ExecutionStats>('ExecutionStats').implement({
  description: 'What became of the executions of one kind in a period.',
  fields: (t) => ({
    total: t.exposeInt('total', { description: 'How many there are.' }),
    statuses: t.expose('statuses', {
      type: [StatusCountRef],
      description: 'How many are in each status that any is in, the most frequent first.',
    }),
    ended: t.exposeInt('ended', { description: 'How many are completed, failed or cancelled.' }),
    successRate: t.exposeFloat('successRate', {
      nullable: true,
      description: 'Completed by ended, 0 to 1; null where none has ended.',
    }),
    durations: t.expose('durations', {
      type: DurationsRef,
      nullable: true,
      description: 'How long they ran; null where none has ended.',
    }),
    cost: t.expose('cost', {
      type: 'Decimal',
      nullable: true,
      description:
        'US dollars in all, as their logs or else their metrics say; null where none says, as for training.',
    }),
    tokens: t.field({
      type: 'BigInt',
      nullable: true,
      description: 'Tokens in all, from where the cost is.',
      resolve: ({ tokens }) => (tokens === null ? null : BigInt(tokens)),
    }),
  }),
});

const statsArguments = z.object({
  period: timePeriod,
  tenantId: uuidOf('Tenant').nullish().transform(absent),
});

builder.queryField('executionStats', (t) =>
  t.field({
    type: StatsRef,
    description: 'Statistics of the caller’s executions of one kind, or of everybody’s for services.',
    args: {
      kind: t.arg({ type: ExecutionKindEnum, required: true, description: 'What was executed.' }),
      period: t.arg({
        type: TimePeriodInput,
        required: true,
        description:
          'When they were asked for: `createdAt` of training, `startedAt` of agents and workflows.',
      }),
      tenantId: t.arg.id({
        description: 'Only those in this tenant: global id or row id. Default: in any or none.',
      }),
    },
    resolve: (_root, { kind, ...args }, context) => {
      assertSignedIn(context);
      const { period, tenantId } = validated(statsArguments, args, []);
      return loadStats(context.db.sql, kind, { ...period, tenantId });
    },
  }),
);
