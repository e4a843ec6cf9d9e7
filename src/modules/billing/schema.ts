import { builder } from '../../graphql/builder.ts';
import { connectionOf } from '../../graphql/connection.ts';
import { assertSignedIn } from '../../graphql/context.ts';
import { rowId, uuidOrNone } from '../../graphql/ids.ts';
import { stored, valueOrUnknown } from '../../graphql/stored-enum.ts';
import type { Condition } from '../../graphql/table.ts';
import { tenants } from '../accounts/table.ts';
import { TenantRef } from '../accounts/tenant-types.ts';
import { BillingSubscriptionOrder, BillingSubscriptionStatusEnum, BillingTierEnum } from './enums.ts';
import { ownUnlessTenant } from './own.ts';
import { billingSubscriptions } from './table.ts';
import { SUBSCRIPTION_STATUSES, TIERS } from './vocabulary.ts';

export const BillingSubscriptionRef = builder.prismaNode('BillingSubscription', {
  nullable: true,
  findUnique: (id) => ({ id: uuidOrNone(id) }),
  id: { field: 'id', description: 'Its global id.', extensions: { globalIdOf: 'id' } },
  description:
    'What a user or a tenant pays for, as Stripe knows it. Seen by its owner and by the tenant’s admins and billing role.',
  select: { id: true },
  fields: (t) => ({
    databaseId: t.expose('id', {
      type: 'UUID',
      description: 'The row’s id, as SQL knows it; arguments take both.',
    }),
    userId: t.expose('userId', { type: 'UUID', description: 'The account that owns it.' }),
    tenantId: t.expose('tenantId', {
      type: 'UUID',
      nullable: true,
      description: 'The tenant it is for; null where it is the owner’s own.',
    }),
    tenant: t.field({
      type: TenantRef,
      nullable: true,
      description: 'That tenant; null where there is none, or the caller is not in it any more.',
      select: { tenantId: true },
      resolve: ({ tenantId }, _args, context, info) => tenants.one(context, info, tenantId),
    }),
    tier: t.field({
      type: BillingTierEnum,
      description: 'What it includes.',
      select: { tier: true },
      resolve: ({ tier }) => valueOrUnknown(TIERS, tier),
    }),
    tierText: t.exposeString('tier', { description: 'The tier as it is stored.' }),
    status: t.field({
      type: BillingSubscriptionStatusEnum,
      description: 'How it stands.',
      select: { status: true },
      resolve: ({ status }) => valueOrUnknown(SUBSCRIPTION_STATUSES, status),
    }),
    statusText: t.exposeString('status', { description: 'The status as it is stored.' }),
    stripeSubscriptionId: t.exposeString('stripeSubscriptionId', {
      nullable: true,
      description: 'Stripe’s id of it; null where it is not paid through Stripe.',
    }),
    stripeCustomerId: t.exposeString('stripeCustomerId', {
      nullable: true,
      description: 'Stripe’s id of who pays; null where nobody does.',
    }),
    currentPeriodStart: t.expose('currentPeriodStart', {
      type: 'DateTime',
      description: 'When the period that is paid for began.',
    }),
    currentPeriodEnd: t.expose('currentPeriodEnd', {
      type: 'DateTime',
      description: 'When that period ends, and the next one is due.',
    }),
    cancelAtPeriodEnd: t.exposeBoolean('cancelAtPeriodEnd', {
      description: 'Whether it ends with the period instead of being renewed.',
    }),
    canceledAt: t.expose('canceledAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it was cancelled; null where it was not.',
    }),
    trialStart: t.expose('trialStart', {
      type: 'DateTime',
      nullable: true,
      description: 'When its trial began; null without one.',
    }),
    trialEnd: t.expose('trialEnd', {
      type: 'DateTime',
      nullable: true,
      description: 'When its trial ends; null without one.',
    }),
    metadata: t.expose('metadata', {
      type: 'JSON',
      nullable: true,
      description: 'Whatever was kept with it; null for nothing.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was made.' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When it last changed.' }),
  }),
});

export const BillingSubscriptionFilter = builder.inputType('BillingSubscriptionFilter', {
  description: 'Which subscriptions to list; conditions add up.',
  fields: (t) => ({
    tier: t.field({ type: [BillingTierEnum], description: 'Of one of these tiers.' }),
    status: t.field({ type: [BillingSubscriptionStatusEnum], description: 'In one of these statuses.' }),
    tenantId: t.id({ description: 'For this tenant: global id or row id.' }),
    cancelAtPeriodEnd: t.boolean({
      description: 'Only those that end with their period, or only the others.',
    }),
  }),
});

export function whereSubscription(
  filter: typeof BillingSubscriptionFilter.$inferInput | null | undefined,
): Condition[] {
  const { tier, status, tenantId, cancelAtPeriodEnd } = filter ?? {};
  const all: Condition[] = [];
  if (tier != null) all.push(stored('tier', TIERS, tier));
  if (status != null) all.push(stored('status', SUBSCRIPTION_STATUSES, status));
  if (tenantId != null) all.push({ field: 'tenantId', is: uuidOrNone(rowId('Tenant', tenantId)) });
  if (cancelAtPeriodEnd != null) all.push({ field: 'cancelAtPeriodEnd', is: cancelAtPeriodEnd });
  return all;
}

const [connection, edge] = connectionOf('BillingSubscription', 'subscriptions');
export const BillingSubscriptionConnection = builder.connectionObject(
  { type: BillingSubscriptionRef, ...connection },
  edge,
);

builder.queryField('billingSubscription', (t) =>
  t.field({
    type: BillingSubscriptionRef,
    nullable: true,
    description: 'A subscription by its id; null where there is none that the caller may see.',
    args: { id: t.arg.id({ required: true, description: 'Global id or row id.' }) },
    resolve: (_root, { id }, context, info) => {
      assertSignedIn(context);
      return billingSubscriptions.one(context, info, rowId('BillingSubscription', id));
    },
  }),
);

builder.queryField('billingSubscriptions', (t) =>
  t.connection(
    {
      type: BillingSubscriptionRef,
      description:
        'The caller’s subscriptions, newest first; with `filter: {tenantId}` those of that tenant, as far as the caller may ' +
        'see them. Pages of at most 100.',
      args: {
        filter: t.arg({ type: BillingSubscriptionFilter, description: 'Which ones; default: all.' }),
        orderBy: t.arg({
          type: BillingSubscriptionOrder,
          description: 'In which order; default: newest first.',
        }),
      },
      resolve: (_root, args, context, info) => {
        assertSignedIn(context);
        const where = [...ownUnlessTenant(args.filter, context), ...whereSubscription(args.filter)];
        return billingSubscriptions.page(context, info, args, where);
      },
    },
    BillingSubscriptionConnection,
  ),
);
