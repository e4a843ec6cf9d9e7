import { builder } from '../../graphql/builder.ts';
import { valueOrUnknown } from '../../graphql/stored-enum.ts';
import { ViewerRef } from '../accounts/refs.ts';
import { BillingSubscriptionStatusEnum, BillingTierEnum } from './enums.ts';
import { BillingSubscriptionRef } from './schema.ts';
import { currentPlan, type Plan } from './sql.ts';
import { billingSubscriptions } from './table.ts';
import { MONTHLY_RUNS, SUBSCRIPTION_STATUSES, TIERS, type Tier } from './vocabulary.ts';

const LimitsRef = builder.objectRef<{ runs: number | null }>('PlanLimits').implement({
  description: 'What a plan includes each month.',
  fields: (t) => ({
    workflowRuns: t.exposeInt('runs', {
      nullable: true,
      description: 'Runs of workflows; null: as many as needed.',
    }),
    agentRuns: t.exposeInt('runs', {
      nullable: true,
      description: 'Runs of agents; null: as many as needed.',
    }),
  }),
});

const PlanRef = builder.objectRef<Plan>('Plan').implement({
  description: 'What somebody has subscribed to: their newest subscription that counts, or else FREE.',
  fields: (t) => ({
    tier: t.field({
      type: BillingTierEnum,
      description: 'What it includes.',
      resolve: ({ tier }) => valueOrUnknown(TIERS, tier),
    }),
    tierText: t.exposeString('tier', { description: 'The tier as it is stored.' }),
    status: t.field({
      type: BillingSubscriptionStatusEnum,
      nullable: true,
      description: 'ACTIVE, TRIALING or PAST_DUE; null without a subscription.',
      resolve: ({ status }) => (status === null ? null : valueOrUnknown(SUBSCRIPTION_STATUSES, status)),
    }),
    periodStart: t.expose('periodStart', {
      type: 'DateTime',
      nullable: true,
      description: 'When the current period began; null without a subscription.',
    }),
    periodEnd: t.expose('periodEnd', {
      type: 'DateTime',
      nullable: true,
      description: 'When it ends; null without a subscription.',
    }),
    limits: t.field({
      type: LimitsRef,
      description: 'What it includes each month. Of a tier that this version does not know, what FREE does.',
      resolve: ({ tier }) => ({ runs: MONTHLY_RUNS[isTier(tier) ? tier : 'free'] }),
    }),
    subscription: t.field({
      type: BillingSubscriptionRef,
      nullable: true,
      description: 'The subscription itself; null without one.',
      resolve: ({ subscriptionId }, _args, context, info) =>
        billingSubscriptions.one(context, info, subscriptionId),
    }),
  }),
});

builder.objectField(ViewerRef, 'plan', (t) =>
  t.field({
    type: PlanRef,
    description: 'The caller’s current plan.',
    resolve: ({ id }, _args, { db }) => currentPlan(db.sql, id),
  }),
);

function isTier(text: string): text is Tier {
  return Object.hasOwn(TIERS, text);
}
