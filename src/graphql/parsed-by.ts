import { type DocumentNode, GraphQLError } from 'graphql';
import { messageOf } from '../platform/errors.ts';

/**
 * A document, or what is wrong with its text, as Yoga's HTTP layer says it. Over WebSocket a syntax error that is thrown
 * would close the socket, and with it every other subscription on it.
 */
export function parsedBy(
  pipeline: { parse(text: string): DocumentNode },
  text: string,
): DocumentNode | GraphQLError {
  try {
    return pipeline.parse(text);
  } catch (error) {
    if (error instanceof GraphQLError && error.extensions.code !== undefined) return error;
    const { source, positions } = error instanceof GraphQLError ? error : {};
    return new GraphQLError(messageOf(error), {
      extensions: { code: 'GRAPHQL_PARSE_FAILED', http: { spec: true, status: 400 } },
      ...(source && { source }),
      ...(positions && { positions }),
    });
  }
}
