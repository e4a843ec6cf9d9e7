import { builder } from '../../graphql/builder.ts';
import { TenantRef } from '../accounts/tenant-types.ts';
import { BillingSubscriptionOrder, UsageRecordOrder } from './enums.ts';
import {
  BillingSubscriptionConnection,
  BillingSubscriptionFilter,
  BillingSubscriptionRef,
  whereSubscription,
} from './schema.ts';
import { billingSubscriptions, usageRecords } from './table.ts';
import { UsageRecordConnection, UsageRecordFilter, UsageRecordRef, whereUsage } from './usage-records.ts';

builder.prismaObjectFields(TenantRef, (t) => ({
  billingSubscriptions: t.connection(
    {
      type: BillingSubscriptionRef,
      description:
        'What is paid for it, newest first: all for its admins and billing role, for others their own. Pages of at most 100.',
      args: {
        filter: t.arg({ type: BillingSubscriptionFilter, description: 'Which of it; default: all.' }),
        orderBy: t.arg({
          type: BillingSubscriptionOrder,
          description: 'In which order; default: newest first.',
        }),
      },
      resolve: ({ id }, args, context, info) =>
        billingSubscriptions.pageOf({ tenantId: id }, context, info, args, whereSubscription(args.filter)),
    },
    BillingSubscriptionConnection,
  ),
  usageRecords: t.connection(
    {
      type: UsageRecordRef,
      description:
        'What is charged to it, newest first: all for its admins and billing role, for others their own. Pages of at most ' +
        '100. For sums ask `usageReport`.',
      args: {
        filter: t.arg({ type: UsageRecordFilter, description: 'Which of it; default: all.' }),
        orderBy: t.arg({ type: UsageRecordOrder, description: 'In which order; default: newest first.' }),
      },
      resolve: ({ id }, args, context, info) =>
        usageRecords.pageOf({ tenantId: id }, context, info, args, whereUsage(args.filter)),
    },
    UsageRecordConnection,
  ),
}));
