import { builder } from '../../graphql/builder.ts';
import { plainEnum, valueOrUnknown } from '../../graphql/stored-enum.ts';
import {
  ReportBucketRef,
  TIME_BUCKETS,
  TIMEZONE,
  type TimeBucket,
  TimeBucketEnum,
  TimePeriodInput,
  TimeSpanRef,
} from '../../graphql/time-buckets.ts';
import { UsageMetricEnum } from './enums.ts';
import { GROUPINGS, type Grouping, MAX_POINTS } from './report-input.ts';
import {
  type Figures,
  type Report,
  type ReportBucket,
  type ReportGroup,
  usageReport,
} from './usage-report.ts';
import { METRICS } from './vocabulary.ts';

const UsageGrouping = plainEnum<Grouping | TimeBucket>(
  'UsageGrouping',
  'What a usage report is divided by. Of the four lengths of buckets at most one.',
  { ...GROUPINGS, ...TIME_BUCKETS },
);

const FiguresInterface = builder.interfaceRef<Figures>('UsageFigures').implement({
  description: 'Sums over a period, beside those of the period before.',
  fields: (t) => ({
    quantity: t.field({
      type: 'BigInt',
      description: 'How much was used: the sum of all quantities, of whatever metrics.',
      resolve: ({ quantity }) => BigInt(quantity),
    }),
    records: t.field({
      type: 'BigInt',
      description: 'How many usage records there are.',
      resolve: ({ records }) => BigInt(records),
    }),
    previousQuantity: t.field({
      type: 'BigInt',
      description: 'The sum over the period before.',
      resolve: ({ previousQuantity }) => BigInt(previousQuantity),
    }),
    previousRecords: t.field({
      type: 'BigInt',
      description: 'How many there were in the period before.',
      resolve: ({ previousRecords }) => BigInt(previousRecords),
    }),
    changePercent: t.exposeFloat('changePercent', {
      nullable: true,
      description:
        'By how many percent `quantity` is above `previousQuantity`, negative where below; null where that was 0.',
    }),
  }),
});

const BucketRef = builder.objectRef<ReportBucket>('UsageReportBucket').implement({
  description: 'What was used in one bucket of a report.',
  interfaces: [ReportBucketRef],
  fields: (t) => ({
    quantity: t.field({
      type: 'BigInt',
      description: 'How much was used; 0 where nothing was.',
      resolve: ({ quantity }) => BigInt(quantity),
    }),
    records: t.field({
      type: 'BigInt',
      description: 'How many usage records there are.',
      resolve: ({ records }) => BigInt(records),
    }),
  }),
});

const GroupRef = builder.objectRef<ReportGroup>('UsageReportGroup').implement({
  description:
    'What was used of one metric, by one account, for one tenant: whatever the report is divided by.',
  interfaces: [FiguresInterface],
  fields: (t) => ({
    metric: t.field({
      type: UsageMetricEnum,
      nullable: true,
      description: 'The metric; null where the report is not divided by it.',
      resolve: ({ metric }) => (metric === null ? null : valueOrUnknown(METRICS, metric)),
    }),
    metricText: t.exposeString('metric', {
      nullable: true,
      description: 'The metric as it is stored; null where the report is not divided by it.',
    }),
    userId: t.expose('userId', {
      type: 'UUID',
      nullable: true,
      description: 'The account; null where the report is not divided by it.',
    }),
    tenantId: t.expose('tenantId', {
      type: 'UUID',
      nullable: true,
      description: 'The tenant; null for no tenant, and where the report is not divided by it.',
    }),
    buckets: t.field({
      type: [BucketRef],
      description: 'All of the period in order, without gaps.',
      resolve: ({ buckets }) => buckets,
    }),
  }),
});

const TotalRef = builder.objectRef<Figures>('UsageReportTotal').implement({
  description: 'All groups of a report together.',
  interfaces: [FiguresInterface],
});

const ReportRef = builder.objectRef<Report>('UsageReport').implement({
  description: 'What was used in a period, exact to the moment it is asked for.',
  fields: (t) => ({
    period: t.expose('period', { type: TimeSpanRef, description: 'The period, as it was asked for.' }),
    previousPeriod: t.expose('previousPeriod', {
      type: TimeSpanRef,
      description:
        'What it is compared with: as many days, weeks or months before, where the period is made of whole ones; else a ' +
        'span as long.',
    }),
    timezone: t.exposeString('timezone', { description: 'Whose clock and calendar say when buckets begin.' }),
    bucket: t.expose('bucket', { type: TimeBucketEnum, description: 'How long a bucket is.' }),
    total: t.field({ type: TotalRef, description: 'All groups together.', resolve: ({ total }) => total }),
    groups: t.field({
      type: [GroupRef],
      description:
        'One for each that something was used by in the period or the one before, the largest first; a single one where ' +
        'the report is divided by nothing.',
      resolve: ({ groups }) => groups,
    }),
  }),
});

builder.queryField('usageReport', (t) =>
  t.field({
    type: ReportRef,
    nullable: true,
    description:
      'Sums of usage: the caller’s own, or all that is charged to a tenant, for its admins and billing role. Null where ' +
      `there is no such tenant. At most ${MAX_POINTS.toLocaleString('en')} buckets, counted in all groups together.`,
    args: {
      period: t.arg({ type: TimePeriodInput, required: true, description: 'Of which time.' }),
      tenantId: t.arg.id({
        description:
          'Of which tenant: global id or row id. Default: the caller’s own usage, for whatever tenant.',
      }),
      metrics: t.arg({ type: [UsageMetricEnum], description: 'Of these metrics alone; default: all.' }),
      groupBy: t.arg({
        type: [UsageGrouping],
        description: 'What to divide it by; default: METRIC. A length among them stands for `bucket`.',
      }),
      bucket: t.arg({ type: TimeBucketEnum, description: 'How long a bucket is; default: DAY.' }),
      timezone: t.arg.string({ description: TIMEZONE }),
    },
    resolve: (_root, args, context) => usageReport(context, args),
  }),
);
