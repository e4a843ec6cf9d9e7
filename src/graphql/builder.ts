import SchemaBuilder from '@pothos/core';
import ErrorsPlugin from '@pothos/plugin-errors';
import PrismaPlugin from '@pothos/plugin-prisma';
import RelayPlugin from '@pothos/plugin-relay';
import type PrismaTypes from '../generated/pothos-types.ts';
import { getDatamodel } from '../generated/pothos-types.ts';
import type { Prisma } from '../generated/prisma/client.ts';
import type { Context } from './context.ts';
import { badInput } from './errors.ts';
import { decodeGlobalId, encodeGlobalId, notGlobalId } from './ids.ts';
import { loadedFields } from './loaded-fields.ts';
import { bigInt, dateTime, decimal, json, uuid } from './scalars.ts';

/** As many as the longest page has. */
const MAX_NODES = 100;

/** Fields without a declared nullability are non-null: a null is a decision, and its description says when. */
export const builder = new SchemaBuilder<{
  Context: Context;
  PrismaTypes: PrismaTypes;
  DefaultFieldNullability: false;
  Scalars: {
    DateTime: { Input: Date; Output: Date | string };
    JSON: { Input: unknown; Output: unknown };
    Decimal: { Input: Prisma.Decimal; Output: Prisma.Decimal | string | number };
    BigInt: { Input: bigint | number; Output: bigint | number };
    UUID: { Input: string; Output: string };
    ID: { Input: string; Output: string };
  };
}>({
  // Errors outermost: what any other plugin or resolver throws on purpose becomes data.
  plugins: [ErrorsPlugin, RelayPlugin, loadedFields, PrismaPlugin],
  defaultFieldNullability: false,
  prisma: {
    client: (context) => context.db.prisma,
    dmmf: getDatamodel(),
    exposeDescriptions: false,
    // Counting is a second statement, worth it only where somebody asks.
    filterConnectionTotalCount: true,
    maxConnectionSize: 100,
    defaultConnectionSize: 20,
    onUnusedQuery: null,
  },
  relay: {
    clientMutationId: 'omit',
    cursorType: 'String',
    decodeGlobalID: nodeNamed,
    encodeGlobalID: encodeGlobalId,
    nodeQueryOptions: {
      description: 'Any object by its global id; null where there is none that you may see.',
      args: { id: { description: 'The `id` of an object, not its `databaseId`.' } },
    },
    nodesQueryOptions: {
      description: 'Any objects by their global ids, in that order; null for each that you may not see.',
      args: { ids: { description: 'The `id`s of objects, at most 100, not their `databaseId`s.' } },
      resolve: (_root, { ids }, _context, _info, resolveNodes) => {
        if (ids.length <= MAX_NODES) return resolveNodes(ids);
        throw badInput(`\`ids\` takes at most ${MAX_NODES}: ask in several queries.`);
      },
    },
    nodeTypeOptions: { description: 'An object that can be fetched again by its global id.' },
    idFieldOptions: { description: 'Its global id.' },
    cursorFieldOptions: { description: 'Its place in the list, for `after` and `before`.' },
    nodeFieldOptions: { description: 'What is listed.' },
    edgesFieldOptions: { description: 'What is on the page, in order.' },
    pageInfoFieldOptions: { description: 'Where the page lies, and whether there are others.' },
    hasNextPageFieldOptions: { description: 'Whether there is more after the page.' },
    hasPreviousPageFieldOptions: { description: 'Whether there is more before the page.' },
    startCursorFieldOptions: { description: 'Cursor of the first on the page; null for an empty page.' },
    endCursorFieldOptions: { description: 'Cursor of the last on the page; null for an empty page.' },
    firstArgOptions: { description: 'How many, from the beginning or from `after` on.' },
    lastArgOptions: { description: 'How many, from the end or from `before` backwards.' },
    afterArgOptions: { description: 'Only what comes after this cursor.' },
    beforeArgOptions: { description: 'Only what comes before this cursor.' },
    pageInfoTypeOptions: { description: 'Where a page lies in its connection.' },
  },
  errors: {
    directResult: true,
    defaultUnionOptions: {
      name: ({ fieldName }) => `${capitalised(fieldName)}Result`,
      description:
        'What was done, or one of the failures to expect: ask for `... on Error { code message }`.',
    },
  },
});

builder.addScalarType('DateTime', dateTime, {
  description: 'A moment as RFC 3339 text in UTC with milliseconds, e.g. 2026-11-22T09:30:00.000Z.',
});
builder.addScalarType('JSON', json, { description: 'Any JSON value.' });
builder.addScalarType('Decimal', decimal, {
  description: 'An exact decimal number as text, e.g. "0.0125"; numbers are taken as well.',
});
builder.addScalarType('BigInt', bigInt, {
  description: 'A whole number beyond 32 bits: a JSON number while that is exact, text beyond.',
});
builder.addScalarType('UUID', uuid, { description: 'A UUID as text.' });

builder.queryType({
  description: 'What can be read. Row-level security in the database decides what is seen.',
});
builder.mutationType({
  description:
    'What can be done. Expected failures are members of each result’s union, never GraphQL errors.',
});
builder.subscriptionType({ description: 'What can be followed, over graphql-transport-ws and SSE.' });

/** What `node` and `nodes` are asked for. A type that the schema lacks is the caller's mistake; to Pothos it is ours. */
function nodeNamed(globalId: string): ReturnType<typeof decodeGlobalId> {
  const decoded = decodeGlobalId(globalId);
  if (!builder.configStore.hasImplementation(decoded.typename)) throw notGlobalId();
  return decoded;
}

function capitalised(name: string): string {
  return `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
}
