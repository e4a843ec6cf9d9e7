import { randomUUID } from 'node:crypto';
import { PothosValidationError } from '@pothos/core';
import { GraphQLError } from 'graphql';
import { codeOf } from '../platform/errors.ts';
import type { Logger } from '../platform/logger.ts';
import { badInput, ExpectedError, ForbiddenError, graphqlError } from './errors.ts';
import { withoutSuggestion } from './limits/document-limits.ts';

export function operationTimedOut(timeoutMs: number): GraphQLError {
  return new GraphQLError(`The operation took longer than ${timeoutMs / 1000} s and was given up.`, {
    extensions: { code: 'TIMEOUT', http: { status: 504 } },
  });
}

const QUERY_CANCELED = '57014';
const INSUFFICIENT_PRIVILEGE = '42501';
const DATETIME_OVERFLOW = '22008';

/**
 * What callers see of an error: what was raised on purpose as it is, everything else as one sentence with an id
 * under which the log has the rest. Messages of Postgres hold rows and names, so they go to the log alone.
 */
export function createErrorMask(
  log: Logger,
  { introspection }: { introspection: boolean },
): (error: unknown) => GraphQLError {
  return (error) => {
    const cause = causeOf(error);
    if (cause === undefined && error instanceof GraphQLError) {
      return coded(introspection ? error : withoutSuggestion(error));
    }
    const located = error instanceof GraphQLError ? error : undefined;
    if (cause instanceof ExpectedError) return relocated(graphqlError(cause), located);
    if (codeOf(cause) === QUERY_CANCELED) {
      return relocated(
        new GraphQLError('A statement took too long and was cancelled.', { extensions: { code: 'TIMEOUT' } }),
        located,
      );
    }
    if (codeOf(cause) === DATETIME_OVERFLOW) {
      return relocated(badInput('A moment among the arguments is out of the range of dates.'), located);
    }
    if (codeOf(cause) === INSUFFICIENT_PRIVILEGE) {
      log.warn({ err: cause, path: located?.path }, 'refused by the database');
      return relocated(graphqlError(new ForbiddenError('You may not do this.')), located);
    }
    const errorId = randomUUID();
    log.error({ err: cause ?? error, errorId, path: located?.path }, 'unexpected error');
    return relocated(
      new GraphQLError(`Unexpected error. Its id in the server’s log is ${errorId}.`, {
        extensions: { code: 'INTERNAL_SERVER_ERROR', errorId },
      }),
      located,
    );
  };
}

/** What a GraphQL error was made of, down to what was thrown; undefined for an error raised as a GraphQL error. */
function causeOf(error: unknown): unknown {
  let inner = error;
  while (inner instanceof GraphQLError && inner.originalError !== undefined) inner = inner.originalError;
  if (!(inner instanceof GraphQLError)) return inner;
  const isOfExecution = error instanceof GraphQLError && error.path !== undefined;
  return isOfExecution && isOfResult(inner) ? inner : undefined;
}

/** A value that a scalar cannot print is our fault. Unlike a faulty argument it names no place in the document. */
function isOfResult(error: GraphQLError): boolean {
  const isOnPurpose = error instanceof PothosValidationError || error.extensions.code !== undefined;
  return !isOnPurpose && error.nodes === undefined;
}

/** What graphql-js and Pothos say of faulty variables and arguments has no code of its own. */
function coded(error: GraphQLError): GraphQLError {
  return error.extensions.code === undefined ? relocated(badInput(error.message), error) : error;
}

function relocated(error: GraphQLError, located: GraphQLError | undefined): GraphQLError {
  if (located === undefined) return error;
  const { nodes, path } = located;
  return new GraphQLError(error.message, {
    ...(nodes && { nodes }),
    ...(path && { path }),
    extensions: error.extensions,
  });
}
