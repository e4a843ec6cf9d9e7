import { builder } from '../../graphql/builder.ts';
import { requireUser } from '../../graphql/context.ts';
import {
  ConflictError,
  ForbiddenError,
  NotFoundError,
  UnauthenticatedError,
  ValidationError,
} from '../../graphql/errors.ts';
import { rowId } from '../../graphql/ids.ts';
import type { Row } from '../../graphql/page.ts';
import { BillingEventRef } from './billing-events.ts';
import { BillingEventTypeEnum, UsageMetricEnum } from './enums.ts';
import { BillingSubscriptionRef } from './schema.ts';
import { cancelAtPeriodEnd, recordBillingEvent, recordUsage, recordUsageBatch } from './service.ts';
import { billingEvents, billingSubscriptions, usageRecords } from './table.ts';
import { UsageRecordRef } from './usage-records.ts';

const RecordUsageInput = builder.inputType('RecordUsageInput', {
  description: 'Something that was used.',
  fields: (t) => ({
    metric: t.field({ type: UsageMetricEnum, required: true, description: 'What was used.' }),
    quantity: t.int({ required: true, description: 'How much, in the metric’s unit; 0 or more.' }),
    tenantId: t.id({
      description:
        'The tenant that is charged (global id or row id): the caller must be an active member, and more than a viewer. ' +
        'Default: none.',
    }),
    timestamp: t.field({
      type: 'DateTime',
      description: 'When it was used, however long ago; not in the future. Default: now.',
    }),
    metadata: t.field({ type: 'JSON', description: 'A JSON object to keep with it.' }),
    idempotencyKey: t.string({
      description:
        'Any text of at most 200 characters, e.g. a uuid made before the first try. The same key with the same input ' +
        'returns the same record, however often and however many at once; with another input it is a ConflictError.',
    }),
  }),
});

const RecordBillingEventInput = builder.inputType('RecordBillingEventInput', {
  description: 'Something that happened in somebody’s billing.',
  fields: (t) => ({
    userId: t.id({ required: true, description: 'The account whose billing it is.' }),
    type: t.field({ type: BillingEventTypeEnum, required: true, description: 'What happened.' }),
    data: t.field({ type: 'JSON', description: 'A JSON object with what is known about it. Default: {}.' }),
    timestamp: t.field({
      type: 'DateTime',
      description: 'When it happened; not in the future. Default: now.',
    }),
  }),
});

const RecordedUsageRef = builder.objectRef<{ ids: string[] }>('RecordedUsage').implement({
  description: 'What was recorded.',
  fields: (t) => ({
    records: t.field({
      type: [UsageRecordRef],
      description:
        'The records, in the order of the input; an earlier one where its idempotency key was known.',
      resolve: ({ ids }, _args, context, info) =>
        Promise.all(ids.map(async (id) => found(await usageRecords.one(context, info, id)))),
    }),
  }),
});

const recording = [UnauthenticatedError, ForbiddenError, NotFoundError, ValidationError, ConflictError];

builder.mutationFields((t) => ({
  recordUsage: t.field({
    type: UsageRecordRef,
    description: 'Records that the caller has used something. Reports show it at once.',
    args: { input: t.arg({ type: RecordUsageInput, required: true, description: 'What was used.' }) },
    errors: { types: recording },
    resolve: async (_root, { input }, context, info) => {
      const id = await recordUsage(context.db, requireUser(context), input);
      return found(await usageRecords.one(context, info, id));
    },
  }),
  recordUsageBatch: t.field({
    type: RecordedUsageRef,
    description:
      'As recordUsage, for up to 1,000 records at once: all of them or, where one is refused, none.',
    args: {
      input: t.arg({
        type: [RecordUsageInput],
        required: true,
        description: 'What was used, 1 to 1,000 times.',
      }),
    },
    errors: { types: recording },
    resolve: async (_root, { input }, context) => ({
      ids: await recordUsageBatch(context.db, requireUser(context), input),
    }),
  }),
  recordBillingEvent: t.field({
    type: BillingEventRef,
    description:
      'Writes down what happened in somebody’s billing. For services: with a user’s token it is a ForbiddenError.',
    args: {
      input: t.arg({
        type: RecordBillingEventInput,
        required: true,
        description: 'What happened, and whose it is.',
      }),
    },
    errors: { types: [UnauthenticatedError, ForbiddenError, NotFoundError, ValidationError] },
    resolve: async (_root, { input }, context, info) => {
      if (context.identity.claims.role !== 'service_role') {
        requireUser(context);
        throw new ForbiddenError('Billing events are written by services alone.');
      }
      return found(await billingEvents.one(context, info, await recordBillingEvent(context.db, input)));
    },
  }),
  cancelBillingSubscriptionAtPeriodEnd: t.field({
    type: BillingSubscriptionRef,
    description: 'Lets a subscription of the caller’s own end with its period, or takes that back.',
    args: {
      id: t.arg.id({ required: true, description: 'Global id or row id of a subscription.' }),
      cancel: t.arg.boolean({
        required: true,
        defaultValue: true,
        description: 'Whether it shall end; false: it is renewed after all.',
      }),
      ifUpdatedAt: t.arg({
        type: 'DateTime',
        description:
          'Its `updatedAt` as it was read: a ConflictError where it has changed since. Default: unchecked.',
      }),
    },
    errors: { types: recording },
    resolve: async (_root, args, context, info) => {
      const id = rowId('BillingSubscription', args.id);
      await cancelAtPeriodEnd(context.db, requireUser(context), { ...args, id });
      return found(await billingSubscriptions.one(context, info, id));
    },
  }),
}));

/** What was written a moment ago can have been deleted by somebody since. */
function found(row: Row | null): Row {
  if (row === null) throw new NotFoundError('record', 'just written');
  return row;
}
