import { builder } from '../../graphql/builder.ts';
import { connectionOf } from '../../graphql/connection.ts';
import { BillingSubscriptionOrder, UsageRecordOrder } from './enums.ts';
import { BillingSubscriptionFilter, BillingSubscriptionRef, whereSubscription } from './schema.ts';
import { billingSubscriptions, usageRecords } from './table.ts';
import { UsageRecordFilter, UsageRecordRef, whereUsage } from './usage-records.ts';

builder.prismaObjectField('Tenant', 'billingSubscriptions', (t) =>
  t.connection(
    {
      type: BillingSubscriptionRef,
      description: 'What is paid for it: all for its admins and billing role, for others their own. Newest first.',
      args: {
        filter: t.arg({ type: BillingSubscriptionFilter, description: 'Which ones; default: all.' }),
        orderBy: t.arg({ type: BillingSubscriptionOrder, description: 'In which order; default: newest first.' }),
      },
      resolve: ({ id }, args, context, info) =>
        billingSubscriptions.pageOf({ tenantId: id }, context, info, args, whereSubscription(args.filter)),
    },
    ...connectionOf('TenantBillingSubscription', 'tenant’s subscriptions'),
  ),
);
