import { orderInput } from '../../graphql/order.ts';
import { storedEnum } from '../../graphql/stored-enum.ts';
import { BILLING_EVENTS, METRICS, SUBSCRIPTION_STATUSES, TIERS } from './vocabulary.ts';

export const BillingTierEnum = storedEnum('BillingTier', 'What a subscription includes.', TIERS);
export const BillingSubscriptionStatusEnum = storedEnum(
  'BillingSubscriptionStatus',
  'How a subscription stands, in Stripe’s terms.',
  SUBSCRIPTION_STATUSES,
);
export const UsageMetricEnum = storedEnum('UsageMetric', 'What is metered.', METRICS);
export const BillingEventTypeEnum = storedEnum(
  'BillingEventType',
  'What happened in somebody’s billing.',
  BILLING_EVENTS,
);

export const BillingSubscriptionOrder = orderInput('BillingSubscription', {
  createdAt: 'When it was made. An index serves it.',
});
export const UsageRecordOrder = orderInput('UsageRecord', {
  timestamp: 'When it was used. An index serves it.',
});
export const BillingEventOrder = orderInput('BillingEvent', {
  timestamp: 'When it happened. An index serves it.',
});
