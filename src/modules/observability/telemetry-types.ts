import { builder } from '../../graphql/builder.ts';
import { connectionOf } from '../../graphql/connection.ts';
import { assertSignedIn } from '../../graphql/context.ts';
import { rowId, uuidOrNone } from '../../graphql/ids.ts';
import { stored, valueOrUnknown } from '../../graphql/stored-enum.ts';
import type { Condition } from '../../graphql/table.ts';
import { TenantRef } from '../accounts/refs.ts';
import { tenants } from '../accounts/table.ts';
import { TelemetryEventOrder, TelemetryTypeEnum } from './enums.ts';
import { telemetryEvents } from './table.ts';
import { TELEMETRY_TYPES } from './vocabulary.ts';

export const TelemetryEventRef = builder.prismaNode('TelemetryEvent', {
  nullable: true,
  findUnique: (id) => ({ id: uuidOrNone(id) }),
  id: { field: 'id', description: 'Its global id.', extensions: { globalIdOf: 'id' } },
  description:
    'Something that happened, for analytics. Users see their own; those of nobody are for services.',
  select: { id: true },
  fields: (t) => ({
    databaseId: t.expose('id', { type: 'UUID', description: 'The row’s id, as SQL knows it.' }),
    type: t.field({
      type: TelemetryTypeEnum,
      description: 'What happened.',
      select: { type: true },
      resolve: ({ type }) => valueOrUnknown(TELEMETRY_TYPES, type),
    }),
    typeText: t.exposeString('type', { description: 'The type as it is stored.' }),
    timestamp: t.expose('timestamp', { type: 'DateTime', description: 'When it happened.' }),
    userId: t.expose('userId', {
      type: 'UUID',
      nullable: true,
      description: 'Whose it is; null for what services recorded for themselves.',
    }),
    tenantId: t.expose('tenantId', {
      type: 'UUID',
      nullable: true,
      description: 'In which tenant, if in any.',
    }),
    tenant: t.field({
      type: TenantRef,
      nullable: true,
      description: 'That tenant; null for none, and for one that the caller is no active member of any more.',
      select: { tenantId: true },
      resolve: ({ tenantId }, _args, context, info) => tenants.one(context, info, tenantId),
    }),
    sessionId: t.exposeString('sessionId', {
      nullable: true,
      description: 'What ties the events of one session of a client together.',
    }),
    properties: t.expose('properties', {
      type: 'JSON',
      nullable: true,
      description: 'What there is to say about it, by name.',
    }),
    metadata: t.expose('metadata', {
      type: 'JSON',
      nullable: true,
      description: 'What the recorder says about itself, e.g. its version.',
    }),
  }),
});

export const TelemetryEventFilter = builder.inputType('TelemetryEventFilter', {
  description: 'Which events to list; conditions add up.',
  fields: (t) => ({
    type: t.field({ type: [TelemetryTypeEnum], description: 'Of one of these types.' }),
    tenantId: t.id({ description: 'In this tenant: global id or row id.' }),
    sessionId: t.string({ description: 'Of this session.' }),
    since: t.field({ type: 'DateTime', description: 'From this moment on.' }),
    until: t.field({ type: 'DateTime', description: 'Before this moment.' }),
  }),
});

export function whereTelemetry(
  filter: typeof TelemetryEventFilter.$inferInput | null | undefined,
): Condition[] {
  const { type, tenantId, sessionId, since, until } = filter ?? {};
  const all: Condition[] = [];
  if (type != null) all.push(stored('type', TELEMETRY_TYPES, type));
  if (tenantId != null) all.push({ field: 'tenantId', is: uuidOrNone(rowId('Tenant', tenantId)) });
  if (sessionId != null) all.push({ field: 'sessionId', is: sessionId });
  if (since != null) all.push({ field: 'timestamp', from: since });
  if (until != null) all.push({ field: 'timestamp', before: until });
  return all;
}

const [connection, edge] = connectionOf('TelemetryEvent', 'telemetry events');
export const TelemetryEventConnection = builder.connectionObject(
  { type: TelemetryEventRef, ...connection },
  edge,
);

builder.queryField('telemetryEvents', (t) =>
  t.connection(
    {
      type: TelemetryEventRef,
      description: 'The caller’s telemetry, newest first unless ordered otherwise. Pages of at most 100.',
      args: {
        filter: t.arg({ type: TelemetryEventFilter, description: 'Which ones; default: all.' }),
        orderBy: t.arg({ type: TelemetryEventOrder, description: 'In which order; default: newest first.' }),
      },
      resolve: (_root, args, context, info) => {
        assertSignedIn(context);
        return telemetryEvents.page(context, info, args, whereTelemetry(args.filter));
      },
    },
    TelemetryEventConnection,
  ),
);
