import { z } from 'zod';
import { builder } from '../../graphql/builder.ts';
import { connectionOf } from '../../graphql/connection.ts';
import { assertSignedIn } from '../../graphql/context.ts';
import { rowId, uuidOrNone } from '../../graphql/ids.ts';
import { searchWords } from '../../graphql/search-text.ts';
import { stored, valueOrUnknown } from '../../graphql/stored-enum.ts';
import type { Condition } from '../../graphql/table.ts';
import { TenantRef } from '../accounts/refs.ts';
import { tenants } from '../accounts/table.ts';
import { ErrorLogOrder, SeverityEnum } from './enums.ts';
import { errorLogs } from './table.ts';
import { SEVERITIES } from './vocabulary.ts';

const part = z.string().nullable().catch(null).default(null);
const storedError = z.object({ message: part, name: part, stack: part, code: part });

/** Others write that column too: what is no object, or no text in it, is null. */
const LoggedErrorRef = builder.objectRef<z.infer<typeof storedError>>('LoggedError').implement({
  description: 'An error as whoever caught it wrote it down; parts that are missing, or no text, are null.',
  fields: (t) => ({
    message: t.exposeString('message', { nullable: true, description: 'What went wrong, for people.' }),
    name: t.exposeString('name', { nullable: true, description: 'Its class, e.g. TypeError.' }),
    stack: t.exposeString('stack', {
      nullable: true,
      description: 'Where it was thrown; null where unknown.',
    }),
    code: t.exposeString('code', {
      nullable: true,
      description: 'Its code, e.g. ECONNREFUSED; null for none.',
    }),
  }),
});

export const ErrorLogRef = builder.prismaNode('ErrorLog', {
  nullable: true,
  findUnique: (id) => ({ id: uuidOrNone(id) }),
  id: { field: 'id', description: 'Its global id.', extensions: { globalIdOf: 'id' } },
  description: 'An error that was logged. Users see their own; those of nobody are for services.',
  select: { id: true },
  fields: (t) => ({
    databaseId: t.expose('id', {
      type: 'UUID',
      description: 'The row’s id, as SQL knows it; arguments take both.',
    }),
    timestamp: t.expose('timestamp', { type: 'DateTime', description: 'When it was logged.' }),
    userId: t.expose('userId', {
      type: 'UUID',
      nullable: true,
      description: 'Whose it is; null for what services logged for themselves.',
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
    error: t.field({
      type: LoggedErrorRef,
      nullable: true,
      description: 'The error; null where what is stored is no object.',
      select: { error: true },
      resolve: ({ error }) => storedError.safeParse(error).data ?? null,
    }),
    errorJson: t.expose('error', {
      type: 'JSON',
      nullable: true,
      description: 'The error as it is stored, with whatever else it says.',
    }),
    context: t.expose('context', {
      type: 'JSON',
      nullable: true,
      description: 'What was going on, by name; null where nobody said.',
    }),
    severity: t.field({
      type: SeverityEnum,
      description: 'How much it hinders people.',
      select: { severity: true },
      resolve: ({ severity }) => valueOrUnknown(SEVERITIES, severity),
    }),
    severityText: t.exposeString('severity', { description: 'The severity as it is stored.' }),
    resolved: t.exposeBoolean('resolved', { description: 'Whether somebody has dealt with it.' }),
  }),
});

export const ErrorLogFilter = builder.inputType('ErrorLogFilter', {
  description: 'Which errors to list; conditions add up.',
  fields: (t) => ({
    severity: t.field({ type: [SeverityEnum], description: 'Of one of these severities.' }),
    resolved: t.boolean({ description: 'Only those that are resolved, or only those that are not.' }),
    tenantId: t.id({ description: 'In this tenant: global id or row id.' }),
    since: t.field({ type: 'DateTime', description: 'From this moment on.' }),
    until: t.field({ type: 'DateTime', description: 'Before this moment.' }),
    search: t.string({
      description:
        'With these words in message, name or code, in upper or lower case: all of them, "a phrase", either `or` other, ' +
        '`-not`. Words are whole and are not stemmed. Any text is taken; one without a word finds nothing, and of ' +
        'a long one the first 1,000 characters count.',
    }),
  }),
});

export function whereError(filter: typeof ErrorLogFilter.$inferInput | null | undefined): Condition[] {
  const { severity, resolved, tenantId, since, until, search } = filter ?? {};
  const all: Condition[] = [];
  if (severity != null) all.push(stored('severity', SEVERITIES, severity));
  if (resolved != null) all.push({ field: 'resolved', is: resolved });
  if (tenantId != null) all.push({ field: 'tenantId', is: uuidOrNone(rowId('Tenant', tenantId)) });
  if (since != null) all.push({ field: 'timestamp', from: since });
  if (until != null) all.push({ field: 'timestamp', before: until });
  if (search != null) all.push(matching(search));
  return all;
}

/** Looked up first and as a whole: a condition beside the others would be tried on every row of the caller's. */
function matching(search: string): Condition {
  const words = searchWords(search);
  return { sql: (bind) => `"row".id = any(array(select runcast.error_logs_matching(${bind(words)})))` };
}

const [connection, edge] = connectionOf('ErrorLog', 'error logs');
export const ErrorLogConnection = builder.connectionObject({ type: ErrorLogRef, ...connection }, edge);

builder.queryFields((t) => ({
  errorLog: t.field({
    type: ErrorLogRef,
    nullable: true,
    description: 'An error of the caller’s by its id; null where there is none.',
    args: { id: t.arg.id({ required: true, description: 'Global id or row id.' }) },
    resolve: (_root, { id }, context, info) => {
      assertSignedIn(context);
      return errorLogs.one(context, info, rowId('ErrorLog', id));
    },
  }),
  errorLogs: t.connection(
    {
      type: ErrorLogRef,
      description: 'The caller’s errors, newest first unless ordered otherwise. Pages of at most 100.',
      args: {
        filter: t.arg({ type: ErrorLogFilter, description: 'Which ones; default: all.' }),
        orderBy: t.arg({ type: ErrorLogOrder, description: 'In which order; default: newest first.' }),
      },
      resolve: (_root, args, context, info) => {
        assertSignedIn(context);
        return errorLogs.page(context, info, args, whereError(args.filter));
      },
    },
    ErrorLogConnection,
  ),
}));
