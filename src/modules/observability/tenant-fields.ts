import { builder } from '../../graphql/builder.ts';
import { ErrorLogOrder, TelemetryEventOrder } from './enums.ts';
import { ErrorLogConnection, ErrorLogFilter, ErrorLogRef, whereError } from './error-types.ts';
import { errorLogs, telemetryEvents } from './table.ts';
import {
  TelemetryEventConnection,
  TelemetryEventFilter,
  TelemetryEventRef,
  whereTelemetry,
} from './telemetry-types.ts';

builder.prismaObjectFields('Tenant', (t) => ({
  errorLogs: t.connection(
    {
      type: ErrorLogRef,
      description: 'The caller’s errors in it, newest first unless ordered otherwise. Pages of at most 100.',
      args: {
        filter: t.arg({ type: ErrorLogFilter, description: 'Which ones; default: all.' }),
        orderBy: t.arg({ type: ErrorLogOrder, description: 'In which order; default: newest first.' }),
      },
      resolve: ({ id }, args, context, info) =>
        errorLogs.pageOf({ tenantId: id }, context, info, args, whereError(args.filter)),
    },
    ErrorLogConnection,
  ),
  telemetryEvents: t.connection(
    {
      type: TelemetryEventRef,
      description:
        'The caller’s telemetry in it, newest first unless ordered otherwise. Pages of at most 100.',
      args: {
        filter: t.arg({ type: TelemetryEventFilter, description: 'Which ones; default: all.' }),
        orderBy: t.arg({ type: TelemetryEventOrder, description: 'In which order; default: newest first.' }),
      },
      resolve: ({ id }, args, context, info) =>
        telemetryEvents.pageOf({ tenantId: id }, context, info, args, whereTelemetry(args.filter)),
    },
    TelemetryEventConnection,
  ),
}));
