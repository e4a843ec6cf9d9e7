import { randomUUID } from 'node:crypto';
import { notifyUser } from '../../../src/modules/notifications/sql.ts';
import type { TestApi } from '../../support/api.ts';
import { type Cases, edges, globalOnly, type MakeTarget, sqlOf } from '../case.ts';

const notification: MakeTarget = async (admin, { id, tenantId, mark }) => ({
  id: {
    row: await notifyUser(sqlOf(admin), {
      userId: id,
      tenantId,
      title: `a ${mark}`,
      body: mark,
      source: { kind: 'workflow', executionId: randomUUID(), stepId: randomUUID() },
      dedupeKey: randomUUID(),
    }),
    typename: 'Notification',
  },
});

const received = {
  call: 'notificationReceived',
  provoke: ({ admin }: TestApi, person: Parameters<MakeTarget>[1]) => notification(admin, person),
};

export const notifications: Cases = {
  'Query.notifications': [
    { call: 'notifications(first: 100)' },
    { call: 'notifications(filter: { unread: true })' },
  ],
  'Query.unreadNotificationCount': { call: 'unreadNotificationCount' },
  'Query.node(Notification)': { call: 'node(id: $id)', target: globalOnly(notification, 'id') },
  ...edges(['Notification.source', 'Notification.tenant'], {
    call: 'node(id: $id)',
    target: globalOnly(notification, 'id'),
  }),
  'Mutation.markNotificationsRead': { call: 'markNotificationsRead(ids: [$id])', target: notification },
  'MarkedNotifications.notifications': {
    call: 'markNotificationsRead(ids: [$id])',
    target: notification,
  },
  'Mutation.markAllNotificationsRead': { call: 'markAllNotificationsRead' },
  'Subscription.notificationReceived': received,
  'NotificationBatch.notifications': received,
};
