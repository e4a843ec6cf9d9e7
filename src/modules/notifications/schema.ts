import { builder } from '../../graphql/builder.ts';
import { connectionOf } from '../../graphql/connection.ts';
import { requireUser } from '../../graphql/context.ts';
import { uuidOrNone } from '../../graphql/ids.ts';
import { storedEnum, valueOrUnknown } from '../../graphql/stored-enum.ts';
import type { Condition } from '../../graphql/table.ts';
import { TenantRef } from '../accounts/refs.ts';
import { tenants } from '../accounts/table.ts';
import { countUnread } from './sql.ts';
import { notifications } from './table.ts';
import { SOURCE_KINDS } from './vocabulary.ts';

const SourceKindEnum = storedEnum('NotificationSourceKind', 'What sent a notification.', SOURCE_KINDS);

type Source = { kind: string; executionId: string | null; stepId: string | null };

const NotificationSourceRef = builder.objectRef<Source>('NotificationSource').implement({
  description: 'Where a notification comes from. The execution may be gone by now, or another’s.',
  fields: (t) => ({
    kind: t.field({
      type: SourceKindEnum,
      description: 'What it is.',
      resolve: ({ kind }) => valueOrUnknown(SOURCE_KINDS, kind),
    }),
    executionId: t.exposeString('executionId', {
      nullable: true,
      description: 'The row’s id of the execution; null where nobody said.',
    }),
    stepId: t.exposeString('stepId', {
      nullable: true,
      description: 'The id of the workflow’s step; null where it was no step.',
    }),
  }),
});

export const NotificationRef = builder.prismaNode('Notification', {
  nullable: true,
  findUnique: (id) => ({ id: uuidOrNone(id) }),
  id: { field: 'id', description: 'Its global id.', extensions: { globalIdOf: 'id' } },
  description:
    'Something that a user is told. What was said of a tenant’s run is seen while one is an active member.',
  select: { id: true },
  fields: (t) => ({
    databaseId: t.expose('id', {
      type: 'UUID',
      description: 'The row’s id, as SQL knows it; arguments take both.',
    }),
    seq: t.int({
      description: 'Its number among those of its user, from 1; `notificationReceived` goes on after it.',
      select: { seq: true },
      resolve: ({ seq }) => Number(seq),
    }),
    title: t.exposeString('title', { description: 'In a line; at most 200 characters.' }),
    body: t.exposeString('body', { description: 'At length, as plain text; at most 10,000 characters.' }),
    tenant: t.field({
      type: TenantRef,
      nullable: true,
      description: 'The tenant of the run that sent it; null for none.',
      select: { tenantId: true },
      resolve: ({ tenantId }, _args, context, info) => tenants.one(context, info, tenantId),
    }),
    source: t.field({
      type: NotificationSourceRef,
      nullable: true,
      description: 'What sent it; null where nobody said.',
      select: { sourceKind: true, sourceExecutionId: true, sourceStepId: true },
      resolve: ({ sourceKind, sourceExecutionId, sourceStepId }) =>
        sourceKind === null
          ? null
          : { kind: sourceKind, executionId: sourceExecutionId, stepId: sourceStepId },
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was sent.' }),
    readAt: t.expose('readAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it was first marked as read; null while it is unread.',
    }),
  }),
});

const NotificationFilter = builder.inputType('NotificationFilter', {
  description: 'Which notifications to list.',
  fields: (t) => ({
    unread: t.boolean({ description: 'Only those that are unread, or only those that are not.' }),
  }),
});

function whereNotification(userId: string, unread: boolean | null | undefined): Condition[] {
  const own: Condition = { field: 'userId', is: userId };
  return unread == null ? [own] : [own, { field: 'readAt', isNull: unread }];
}

builder.queryFields((t) => ({
  notifications: t.connection(
    {
      type: NotificationRef,
      description: 'What the caller was told, newest first. Pages of at most 100.',
      args: { filter: t.arg({ type: NotificationFilter, description: 'Which ones; default: all.' }) },
      resolve: (_root, args, context, info) =>
        notifications.page(context, info, args, whereNotification(requireUser(context), args.filter?.unread)),
    },
    ...connectionOf('Notification', 'notifications'),
  ),
  unreadNotificationCount: t.int({
    description: 'How many notifications the caller has not marked as read.',
    resolve: (_root, _args, context) => countUnread(context.db.sql, requireUser(context)),
  }),
}));
