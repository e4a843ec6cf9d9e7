import { builder } from '../../graphql/builder.ts';
import { requireUser } from '../../graphql/context.ts';
import { NotFoundError, UnauthenticatedError, ValidationError } from '../../graphql/errors.ts';
import { rowId } from '../../graphql/ids.ts';
import { NotificationRef } from './schema.ts';
import * as service from './service.ts';
import { countUnread } from './sql.ts';
import { notifications } from './table.ts';

type Marked = { ids: readonly string[] };

const unreadCount = {
  description: 'How many of the caller’s are unread now.',
} as const;

const MarkedRef = builder.objectRef<Marked>('MarkedNotifications').implement({
  description: 'Notifications that are read now.',
  fields: (t) => ({
    notifications: t.field({
      type: [NotificationRef],
      description: 'Those that were named, each once.',
      extensions: { listSize: service.MAX_IDS },
      resolve: ({ ids }, _args, context, info) =>
        Promise.all(ids.map((id) => notifications.oneOrThrow(context, info, id))),
    }),
    unreadCount: t.int({
      ...unreadCount,
      resolve: (_marked, _args, context) => countUnread(context.db.sql, requireUser(context)),
    }),
  }),
});

const AllMarkedRef = builder.objectRef<{ count: number }>('MarkedAllNotifications').implement({
  description: 'That all notifications are read.',
  fields: (t) => ({
    count: t.exposeInt('count', { description: 'How many were unread before.' }),
    unreadCount: t.int({
      ...unreadCount,
      resolve: (_marked, _args, context) => countUnread(context.db.sql, requireUser(context)),
    }),
  }),
});

builder.mutationFields((t) => ({
  markNotificationsRead: t.field({
    type: MarkedRef,
    description:
      'Marks notifications of the caller’s as read: all of them, or none where one is not there. Those that are read ' +
      'already keep the time of the first mark.',
    args: {
      ids: t.arg.idList({ required: true, description: 'Global ids or row ids, at most 100.' }),
    },
    errors: { types: [UnauthenticatedError, NotFoundError, ValidationError] },
    resolve: async (_root, { ids }, context) => {
      const named = ids.map((id) => rowId('Notification', id));
      return { ids: await service.markRead(context.db, requireUser(context), named) };
    },
  }),
  markAllNotificationsRead: t.field({
    type: AllMarkedRef,
    description: 'Marks every notification of the caller’s as read.',
    errors: { types: [UnauthenticatedError] },
    resolve: async (_root, _args, context) => ({
      count: await service.markAllRead(context.db, requireUser(context)),
    }),
  }),
}));
