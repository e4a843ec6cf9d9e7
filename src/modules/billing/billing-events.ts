import { builder } from '../../graphql/builder.ts';
import { connectionOf } from '../../graphql/connection.ts';
import { assertSignedIn } from '../../graphql/context.ts';
import { uuidOrNone } from '../../graphql/ids.ts';
import { stored, valueOrUnknown } from '../../graphql/stored-enum.ts';
import type { Condition } from '../../graphql/table.ts';
import { BillingEventOrder, BillingEventTypeEnum } from './enums.ts';
import { billingEvents } from './table.ts';
import { BILLING_EVENTS } from './vocabulary.ts';

export const BillingEventRef = builder.prismaNode('BillingEvent', {
  nullable: true,
  findUnique: (id) => ({ id: uuidOrNone(id) }),
  id: { field: 'id', description: 'Its global id.', extensions: { globalIdOf: 'id' } },
  description: 'Something that happened in somebody’s billing. Seen by whose billing it is.',
  select: { id: true },
  fields: (t) => ({
    databaseId: t.expose('id', { type: 'UUID', description: 'The row’s id, as SQL knows it.' }),
    userId: t.expose('userId', { type: 'UUID', description: 'The account whose billing it is.' }),
    type: t.field({
      type: BillingEventTypeEnum,
      description: 'What happened.',
      select: { eventType: true },
      resolve: ({ eventType }) => valueOrUnknown(BILLING_EVENTS, eventType),
    }),
    typeText: t.exposeString('eventType', { description: 'The type as it is stored.' }),
    data: t.expose('data', {
      type: 'JSON',
      nullable: true,
      description: 'What is known about it: a JSON object unless somebody stored another value.',
    }),
    timestamp: t.expose('timestamp', { type: 'DateTime', description: 'When it happened.' }),
  }),
});

const BillingEventFilter = builder.inputType('BillingEventFilter', {
  description: 'Which billing events to list; conditions add up.',
  fields: (t) => ({
    type: t.field({ type: [BillingEventTypeEnum], description: 'Of one of these types.' }),
    from: t.field({ type: 'DateTime', description: 'At this moment or later.' }),
    to: t.field({ type: 'DateTime', description: 'Before this moment.' }),
  }),
});

function whereEvent(filter: typeof BillingEventFilter.$inferInput | null | undefined): Condition[] {
  const { type, from, to } = filter ?? {};
  const all: Condition[] = [];
  if (type != null) all.push(stored('eventType', BILLING_EVENTS, type));
  if (from != null) all.push({ field: 'timestamp', from });
  if (to != null) all.push({ field: 'timestamp', before: to });
  return all;
}

builder.queryField('billingEvents', (t) =>
  t.connection(
    {
      type: BillingEventRef,
      description: 'The history of the caller’s billing, newest first. Pages of at most 100.',
      args: {
        filter: t.arg({ type: BillingEventFilter, description: 'Which ones; default: all.' }),
        orderBy: t.arg({ type: BillingEventOrder, description: 'In which order; default: newest first.' }),
      },
      resolve: (_root, args, context, info) => {
        assertSignedIn(context);
        return billingEvents.page(context, info, args, whereEvent(args.filter));
      },
    },
    ...connectionOf('BillingEvent', 'billing events'),
  ),
);
