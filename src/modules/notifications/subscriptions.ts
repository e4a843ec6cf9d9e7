import { builder } from '../../graphql/builder.ts';
import { requireUser } from '../../graphql/context.ts';
import { badInput } from '../../graphql/errors.ts';
import { followNotifications, type NotificationPage } from './follow-notifications.ts';
import { NotificationRef } from './schema.ts';
import { notifications } from './table.ts';

const NotificationBatchRef = builder.objectRef<NotificationPage>('NotificationBatch').implement({
  description: 'Notifications that came together.',
  fields: (t) => ({
    notifications: t.field({
      type: [NotificationRef],
      description: 'In the order of their numbers; at most 100. One that was deleted meanwhile is left out.',
      resolve: async ({ events }, _args, context, info) => {
        const rows = await Promise.all(events.map(({ id }) => notifications.one(context, info, id)));
        return rows.filter((row) => row !== null);
      },
    }),
    lastSeq: t.exposeInt('lastSeq', {
      description: 'The number of the last one so far: subscribing again with `after` set to it resumes.',
    }),
  }),
});

builder.subscriptionField('notificationReceived', (t) =>
  t.field({
    type: NotificationBatchRef,
    description:
      'What the caller is told from a cursor on, in order, each once. A client that lost its connection goes on with ' +
      '`after: <lastSeq>`. Never completes.',
    extensions: { cursor: 'after' },
    args: {
      after: t.arg.int({
        description:
          'The `seq` of the newest one the client has, 0 for all that are kept. Default: the newest there is, which a ' +
          'client that must miss none reads from `notifications` before.',
      }),
    },
    subscribe: (_root, { after }, context) => {
      if (after != null && after < 0) throw badInput('`after` is the number of a notification, or 0.');
      return followNotifications(context, requireUser(context), after ?? undefined);
    },
    resolve: (page) => page,
  }),
);
