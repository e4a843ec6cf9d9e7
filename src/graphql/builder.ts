import SchemaBuilder from '@pothos/core';
import ErrorsPlugin from '@pothos/plugin-errors';
import PrismaPlugin from '@pothos/plugin-prisma';
import RelayPlugin from '@pothos/plugin-relay';
import { DateTimeResolver, JSONResolver } from 'graphql-scalars';
import type PrismaTypes from '../generated/pothos-types.ts';
import { getDatamodel } from '../generated/pothos-types.ts';
import type { Context } from './context.ts';
import { ExpectedError, graphqlError } from './errors.ts';
import { decodeGlobalId } from './ids.ts';

/** Fields without a declared nullability are non-null: a null is a decision, and its description says when. */
export const builder = new SchemaBuilder<{
  Context: Context;
  PrismaTypes: PrismaTypes;
  DefaultFieldNullability: false;
  Scalars: {
    DateTime: { Input: Date; Output: Date };
    JSON: { Input: unknown; Output: unknown };
    ID: { Input: string; Output: string };
  };
}>({
  // Errors outermost: what any other plugin or resolver throws on purpose becomes data.
  plugins: [ErrorsPlugin, RelayPlugin, PrismaPlugin],
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
    decodeGlobalID: decodeGlobalId,
    nodeQueryOptions: {
      description: 'Any object by its global id; null where there is none that you may see.',
    },
    nodesQueryOptions: false,
    nodeTypeOptions: { description: 'An object that can be fetched again by its global id.' },
    pageInfoTypeOptions: { description: 'Where a page lies in its connection.' },
  },
  errors: {
    directResult: true,
    defaultUnionOptions: { name: ({ fieldName }) => `${capitalised(fieldName)}Result` },
  },
});

builder.addScalarType('DateTime', DateTimeResolver, {
  description: 'A moment as RFC 3339 text in UTC with milliseconds, e.g. 2026-11-22T09:30:00.000Z.',
});
builder.addScalarType('JSON', JSONResolver, { description: 'Any JSON value.' });

builder.queryType({
  description: 'What can be read. Row-level security in the database decides what is seen.',
});
builder.mutationType({
  description:
    'What can be done. Expected failures are members of each result’s union, never GraphQL errors.',
});
builder.subscriptionType({ description: 'What can be followed, over graphql-transport-ws and SSE.' });

/**
 * Wraps what a query or subscription does: its expected failures become GraphQL errors with their code, since its
 * type has no room for them.
 */
export async function asGraphqlError<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof ExpectedError ? graphqlError(error) : error;
  }
}

function capitalised(name: string): string {
  return `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
}
