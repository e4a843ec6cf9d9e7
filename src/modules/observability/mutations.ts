import type { GraphQLResolveInfo } from 'graphql';
import { builder } from '../../graphql/builder.ts';
import { assertSignedIn, type Context } from '../../graphql/context.ts';
import {
  ForbiddenError,
  NotFoundError,
  UnauthenticatedError,
  ValidationError,
} from '../../graphql/errors.ts';
import { rowId } from '../../graphql/ids.ts';
import type { Row } from '../../graphql/page.ts';
import { SeverityEnum, TelemetryTypeEnum } from './enums.ts';
import { ErrorLogRef } from './error-types.ts';
import * as service from './service.ts';
import { errorLogs } from './table.ts';

const WHEN = 'When it happened; default: now. Not before the year 2000 and not more than a day ahead.';
const TENANT = 'A tenant that the caller is an active member of: global id or row id.';

const TelemetryEventInput = builder.inputType('TelemetryEventInput', {
  description: 'Something that happened. Whose it is says the token.',
  fields: (t) => ({
    type: t.field({ type: TelemetryTypeEnum, required: true, description: 'What happened; not UNKNOWN.' }),
    timestamp: t.field({ type: 'DateTime', description: WHEN }),
    tenantId: t.id({ description: TENANT }),
    sessionId: t.string({
      description: 'What ties the events of a session together; at most 255 characters.',
    }),
    properties: t.field({
      type: 'JSON',
      description: 'An object: what there is to say about it. Default: {}.',
    }),
    metadata: t.field({ type: 'JSON', description: 'An object: what the recorder says about itself.' }),
  }),
});

const PerformanceMetricInput = builder.inputType('PerformanceMetricInput', {
  description: 'A measured figure.',
  fields: (t) => ({
    metric: t.string({ required: true, description: 'What was measured; at most 100 characters.' }),
    value: t.field({
      type: 'Decimal',
      required: true,
      description: 'How much it was, within ±99999999.9999; rounded to 4 decimals.',
    }),
    unit: t.string({ required: true, description: 'What it is counted in; at most 20 characters.' }),
    timestamp: t.field({ type: 'DateTime', description: WHEN }),
    tags: t.field({ type: 'JSON', description: 'An object: what tells it from others of its metric.' }),
  }),
});

const LoggedErrorInput = builder.inputType('LoggedErrorInput', {
  description: 'An error.',
  fields: (t) => ({
    message: t.string({ required: true, description: 'What went wrong; at most 10,000 characters.' }),
    name: t.string({ description: 'Its class, e.g. TypeError. Default: Error.' }),
    stack: t.string({ description: 'Where it was thrown; at most 100,000 characters.' }),
    code: t.string({ description: 'Its code, e.g. ECONNREFUSED; at most 200 characters.' }),
  }),
});

const LogErrorInput = builder.inputType('LogErrorInput', {
  description: 'An error to log. Whose it is says the token.',
  fields: (t) => ({
    error: t.field({ type: LoggedErrorInput, required: true, description: 'The error.' }),
    context: t.field({ type: 'JSON', description: 'An object: what was going on, by name.' }),
    severity: t.field({
      type: SeverityEnum,
      description: 'How much it hinders people; not UNKNOWN. Default: MEDIUM.',
    }),
    tenantId: t.id({ description: TENANT }),
  }),
});

const RecordedRef = builder.objectRef<string[]>('Recorded').implement({
  description: 'What was recorded.',
  fields: (t) => ({
    count: t.int({ description: 'How many rows.', resolve: (ids) => ids.length }),
    databaseIds: t.field({
      type: ['UUID'],
      description: 'The rows’ ids, in the order of the batch.',
      resolve: (ids) => ids,
    }),
  }),
});

/** As it is after the mutation. */
async function rowOf(context: Context, info: GraphQLResolveInfo, id: string): Promise<Row> {
  const row = await errorLogs.one(context, info, id);
  if (row === null) throw new NotFoundError('error log', id);
  return row;
}

async function marked(context: Context, info: GraphQLResolveInfo, named: string, isResolved: boolean) {
  assertSignedIn(context);
  const id = rowId('ErrorLog', named);
  await service.setResolved(context.db, id, isResolved);
  return await rowOf(context, info, id);
}

const ID = 'Global id or row id of an error of the caller’s.';

builder.mutationFields((t) => ({
  recordTelemetry: t.field({
    type: RecordedRef,
    description: 'Records up to 1,000 events of the caller’s: all of them, or none where one is faulty.',
    args: { input: t.arg({ type: [TelemetryEventInput], required: true, description: 'The events.' }) },
    errors: { types: [UnauthenticatedError, ValidationError] },
    resolve: (_root, { input }, context) => {
      assertSignedIn(context);
      return service.recordTelemetry(context.db, context.identity.claims, input);
    },
  }),
  recordPerformanceMetrics: t.field({
    type: RecordedRef,
    description:
      'Records up to 1,000 figures: all of them, or none where one is faulty. For tokens of the role service_role.',
    args: { input: t.arg({ type: [PerformanceMetricInput], required: true, description: 'The figures.' }) },
    errors: { types: [UnauthenticatedError, ForbiddenError, ValidationError] },
    resolve: (_root, { input }, context) => {
      assertSignedIn(context);
      return service.recordMetrics(context.db, context.identity.claims, input);
    },
  }),
  logError: t.field({
    type: ErrorLogRef,
    description: 'Logs an error of the caller’s.',
    args: { input: t.arg({ type: LogErrorInput, required: true, description: 'The error.' }) },
    errors: { types: [UnauthenticatedError, ValidationError] },
    resolve: async (_root, { input }, context, info) => {
      assertSignedIn(context);
      return await rowOf(context, info, await service.logError(context.db, context.identity.claims, input));
    },
  }),
  resolveError: t.field({
    type: ErrorLogRef,
    description: 'Marks an error of the caller’s as dealt with; one that is so already stays so.',
    args: { id: t.arg.id({ required: true, description: ID }) },
    errors: { types: [UnauthenticatedError, NotFoundError] },
    resolve: (_root, { id }, context, info) => marked(context, info, id, true),
  }),
  reopenError: t.field({
    type: ErrorLogRef,
    description: 'Marks an error of the caller’s as not dealt with after all.',
    args: { id: t.arg.id({ required: true, description: ID }) },
    errors: { types: [UnauthenticatedError, NotFoundError] },
    resolve: (_root, { id }, context, info) => marked(context, info, id, false),
  }),
}));
