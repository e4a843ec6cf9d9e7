import { builder } from '../../graphql/builder.ts';
import { connectionOf } from '../../graphql/connection.ts';
import { assertSignedIn } from '../../graphql/context.ts';
import { uuidOrNone } from '../../graphql/ids.ts';
import type { Condition } from '../../graphql/table.ts';
import {
  ReportBucketRef,
  TIMEZONE,
  TimeBucketEnum,
  TimePeriodInput,
  TimeSpanRef,
} from '../../graphql/time-buckets.ts';
import { jsonObject, validated } from '../../graphql/validation.ts';
import { PerformanceMetricOrder } from './enums.ts';
import {
  MAX_BUCKETS,
  type PerformanceFigures,
  type PerformanceReport,
  type PerformanceSeries,
  performanceReport,
} from './performance-report.ts';
import { performanceMetrics } from './table.ts';

export const PerformanceMetricRef = builder.prismaNode('PerformanceMetric', {
  nullable: true,
  findUnique: (id) => ({ id: uuidOrNone(id) }),
  id: { field: 'id', description: 'Its global id.', extensions: { globalIdOf: 'id' } },
  description: 'A measured figure. Everybody signed in sees them; services record them.',
  select: { id: true },
  fields: (t) => ({
    databaseId: t.expose('id', { type: 'UUID', description: 'The row’s id, as SQL knows it.' }),
    timestamp: t.expose('timestamp', { type: 'DateTime', description: 'When it was measured.' }),
    metric: t.exposeString('metric', { description: 'What was measured, e.g. api.latency.' }),
    value: t.expose('value', { type: 'Decimal', description: 'How much it was, in the unit.' }),
    unit: t.exposeString('unit', { description: 'What it is counted in, e.g. ms.' }),
    tags: t.expose('tags', {
      type: 'JSON',
      nullable: true,
      description:
        'What tells it from others of its metric, by name, e.g. {"region": "eu"}; null for nothing.',
    }),
  }),
});

const TAGS = 'With at least these tags, e.g. {"region": "eu"}.';

const PerformanceMetricFilter = builder.inputType('PerformanceMetricFilter', {
  description: 'Which figures to list; conditions add up.',
  fields: (t) => ({
    metric: t.string({ description: 'Of this metric.' }),
    unit: t.string({ description: 'In this unit.' }),
    tags: t.field({ type: 'JSON', description: TAGS }),
    since: t.field({ type: 'DateTime', description: 'From this moment on.' }),
    until: t.field({ type: 'DateTime', description: 'Before this moment.' }),
  }),
});

function whereMetric(filter: typeof PerformanceMetricFilter.$inferInput | null | undefined): Condition[] {
  const { metric, unit, tags, since, until } = filter ?? {};
  const all: Condition[] = [];
  if (metric != null) all.push({ field: 'metric', is: metric });
  if (unit != null) all.push({ field: 'unit', is: unit });
  if (tags != null) {
    const wanted = JSON.stringify(validated(jsonObject, tags, ['filter', 'tags']));
    all.push({ sql: (bind) => `"row".tags @> ${bind(wanted)}::jsonb` });
  }
  if (since != null) all.push({ field: 'timestamp', from: since });
  if (until != null) all.push({ field: 'timestamp', before: until });
  return all;
}

const FiguresRef = builder.interfaceRef<PerformanceFigures>('PerformanceFigures').implement({
  description: 'What some figures amount to. All but the count are null where there are none.',
  fields: (t) => ({
    count: t.exposeInt('count', { description: 'How many there are.' }),
    mean: t.expose('mean', { type: 'Decimal', nullable: true, description: 'Their mean, to 6 decimals.' }),
    p50: t.expose('p50', {
      type: 'Decimal',
      nullable: true,
      description:
        'Their median. Percentiles lie between two figures where they have to, and have 6 decimals.',
    }),
    p95: t.expose('p95', { type: 'Decimal', nullable: true, description: '95 of 100 are no larger.' }),
    p99: t.expose('p99', { type: 'Decimal', nullable: true, description: '99 of 100 are no larger.' }),
    min: t.expose('min', { type: 'Decimal', nullable: true, description: 'The smallest.' }),
    max: t.expose('max', { type: 'Decimal', nullable: true, description: 'The largest.' }),
  }),
});

const TotalRef = builder.objectRef<PerformanceFigures>('PerformanceTotal').implement({
  description: 'All figures of a report’s period.',
  interfaces: [FiguresRef],
});

const BucketRef = builder.objectRef<PerformanceSeries['buckets'][number]>('PerformanceBucket').implement({
  description: 'The figures of one bucket of a report.',
  interfaces: [ReportBucketRef, FiguresRef],
});

const SeriesRef = builder.objectRef<PerformanceSeries>('PerformanceSeries').implement({
  description: 'The figures of a report that are of one unit; those of two do not add up.',
  fields: (t) => ({
    unit: t.exposeString('unit', {
      nullable: true,
      description: 'The unit; null where nothing was measured in the period.',
    }),
    total: t.expose('total', { type: TotalRef, description: 'All of the period.' }),
    buckets: t.expose('buckets', {
      type: [BucketRef],
      description: 'Every bucket of the period, in order, also those without any.',
    }),
  }),
});

const ReportRef = builder.objectRef<PerformanceReport>('PerformanceReport').implement({
  description: 'What a metric’s figures were over time.',
  fields: (t) => ({
    metric: t.exposeString('metric', { description: 'The metric that was asked for.' }),
    period: t.expose('period', { type: TimeSpanRef, description: 'The period, as it was asked for.' }),
    bucket: t.expose('bucket', { type: TimeBucketEnum, description: 'What its time is cut into.' }),
    timezone: t.exposeString('timezone', { description: 'Whose clock and calendar say when buckets begin.' }),
    series: t.expose('series', {
      type: [SeriesRef],
      description: 'One a unit, the 10 most measured, the most measured first; never empty.',
    }),
  }),
});

const [connection, edge] = connectionOf('PerformanceMetric', 'performance metrics');

builder.queryFields((t) => ({
  performanceMetrics: t.connection(
    {
      type: PerformanceMetricRef,
      description: 'Measured figures, newest first unless ordered otherwise. Pages of at most 100.',
      args: {
        filter: t.arg({ type: PerformanceMetricFilter, description: 'Which ones; default: all.' }),
        orderBy: t.arg({
          type: PerformanceMetricOrder,
          description: 'In which order; default: newest first.',
        }),
      },
      resolve: (_root, args, context, info) => {
        assertSignedIn(context);
        return performanceMetrics.page(context, info, args, whereMetric(args.filter));
      },
    },
    connection,
    edge,
  ),
  performanceReport: t.field({
    type: ReportRef,
    description: 'What a metric’s figures were over a period, by buckets of time and by unit.',
    args: {
      metric: t.arg.string({ required: true, description: 'The metric, e.g. api.latency.' }),
      period: t.arg({ type: TimePeriodInput, required: true, description: 'From when to when.' }),
      bucket: t.arg({
        type: TimeBucketEnum,
        required: true,
        defaultValue: 'day',
        description: `What the period is cut into; at most ${MAX_BUCKETS.toLocaleString('en')} of them.`,
      }),
      timezone: t.arg.string({ description: TIMEZONE }),
      unit: t.arg.string({ description: 'Only figures of this unit; default: each unit by itself.' }),
      tags: t.arg({ type: 'JSON', description: `${TAGS} Default: whatever they have.` }),
    },
    resolve: (_root, args, context) => {
      assertSignedIn(context);
      return performanceReport(context.db.sql, args);
    },
  }),
}));
