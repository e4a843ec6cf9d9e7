import { builder } from '../../graphql/builder.ts';
import { connectionOf } from '../../graphql/connection.ts';
import { assertSignedIn } from '../../graphql/context.ts';
import { rowId, uuidOrNone } from '../../graphql/ids.ts';
import { stored, valueOrUnknown } from '../../graphql/stored-enum.ts';
import type { Condition } from '../../graphql/table.ts';
import { tenants } from '../accounts/table.ts';
import { TenantRef } from '../accounts/tenant-types.ts';
import { UsageMetricEnum, UsageRecordOrder } from './enums.ts';
import { ownUnlessTenant } from './own.ts';
import { usageRecords } from './table.ts';
import { METRICS } from './vocabulary.ts';

export const UsageRecordRef = builder.prismaNode('UsageMetric', {
  name: 'UsageRecord',
  nullable: true,
  findUnique: (id) => ({ id: uuidOrNone(id) }),
  id: { field: 'id', description: 'Its global id.', extensions: { globalIdOf: 'id' } },
  description:
    'Something that was used, once and for good: a row of usage_metrics. Seen by whose it is and by the tenant’s ' +
    'admins and billing role.',
  select: { id: true },
  fields: (t) => ({
    databaseId: t.expose('id', {
      type: 'UUID',
      description: 'The row’s id, as SQL knows it; arguments take both.',
    }),
    userId: t.expose('userId', { type: 'UUID', description: 'The account that used it.' }),
    tenantId: t.expose('tenantId', {
      type: 'UUID',
      nullable: true,
      description: 'The tenant that is charged; null for none.',
    }),
    tenant: t.field({
      type: TenantRef,
      nullable: true,
      description: 'That tenant; null where there is none, or the caller is not in it any more.',
      select: { tenantId: true },
      resolve: ({ tenantId }, _args, context, info) => tenants.one(context, info, tenantId),
    }),
    metric: t.field({
      type: UsageMetricEnum,
      description: 'What was used.',
      select: { metricType: true },
      resolve: ({ metricType }) => valueOrUnknown(METRICS, metricType),
    }),
    metricText: t.exposeString('metricType', { description: 'The metric as it is stored.' }),
    quantity: t.exposeInt('quantity', { description: 'How much, in the metric’s unit.' }),
    timestamp: t.expose('timestamp', { type: 'DateTime', description: 'When it was used.' }),
    metadata: t.expose('metadata', {
      type: 'JSON',
      nullable: true,
      description: 'Whatever was recorded with it; null for nothing.',
    }),
  }),
});

export const UsageRecordFilter = builder.inputType('UsageRecordFilter', {
  description: 'Which usage to list; conditions add up.',
  fields: (t) => ({
    metric: t.field({ type: [UsageMetricEnum], description: 'Of one of these metrics.' }),
    tenantId: t.id({
      description:
        'Charged to this tenant (global id or row id): all of it for its admins and billing role, for others their own.',
    }),
    userId: t.field({ type: 'UUID', description: 'Used by this account.' }),
    from: t.field({ type: 'DateTime', description: 'Used at this moment or later.' }),
    to: t.field({ type: 'DateTime', description: 'Used before this moment.' }),
  }),
});

type Filter = typeof UsageRecordFilter.$inferInput;

export function whereUsage(filter: Filter | null | undefined): Condition[] {
  const { metric, tenantId, userId, from, to } = filter ?? {};
  const all: Condition[] = [];
  if (metric != null) all.push(stored('metricType', METRICS, metric));
  if (tenantId != null) all.push({ field: 'tenantId', is: uuidOrNone(rowId('Tenant', tenantId)) });
  if (userId != null) all.push({ field: 'userId', is: userId });
  if (from != null) all.push({ field: 'timestamp', from });
  if (to != null) all.push({ field: 'timestamp', before: to });
  return all;
}

const [connection, edge] = connectionOf('UsageRecord', 'usage records');
export const UsageRecordConnection = builder.connectionObject({ type: UsageRecordRef, ...connection }, edge);

builder.queryField('usageRecords', (t) =>
  t.connection(
    {
      type: UsageRecordRef,
      description:
        'What the caller has used, newest first; with `filter: {tenantId}` what is charged to that tenant. Pages of at ' +
        'most 100. For sums ask `usageReport`.',
      args: {
        filter: t.arg({ type: UsageRecordFilter, description: 'Which of it; default: all.' }),
        orderBy: t.arg({ type: UsageRecordOrder, description: 'In which order; default: newest first.' }),
      },
      resolve: (_root, args, context, info) => {
        assertSignedIn(context);
        const where = [...ownUnlessTenant(args.filter, context), ...whereUsage(args.filter)];
        return usageRecords.page(context, info, args, where);
      },
    },
    UsageRecordConnection,
  ),
);
