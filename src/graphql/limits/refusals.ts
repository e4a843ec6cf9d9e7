import { GraphQLError } from 'graphql';

/**
 * Why the endpoint refuses an operation before anything of it runs. Like those of expected failures these codes are a
 * promise to clients: new ones may come, these never change.
 */
export const REFUSALS = {
  QUERY_TOO_LONG: 'The document has too many characters or tokens.',
  QUERY_TOO_DEEP: 'Fields, brackets or variables are nested too deeply.',
  QUERY_TOO_COMPLEX: 'The answer could hold too many values; pages multiply what is below them.',
  TOO_MANY_ALIASES: 'The document renames too many fields.',
  TOO_MANY_DIRECTIVES: 'The document uses too many directives.',
  TOO_MANY_ROOT_FIELDS: 'An operation asks for too many things at its root.',
  TOO_MANY_OPERATIONS: 'The document holds, or the socket runs, too many operations.',
  TOO_MANY_SOCKETS: 'The caller has as many WebSockets and streams open as one may have.',
  SERVER_FULL: 'This process follows as much as it may; `retryAfter` says in how many seconds to try again.',
  SERVER_CLOSING: 'This process is closing: another one, or its successor, answers in a moment.',
  VARIABLES_TOO_LARGE: 'The variables hold too many values.',
  INTROSPECTION_OFF: 'This server does not answer introspection.',
  RATE_LIMITED: 'Too many operations in a short time; `retryAfter` says in how many seconds to try again.',
  SUBSCRIPTION_TRANSPORT:
    'Subscriptions come over WebSocket and server-sent events, and this request is neither.',
  FOREIGN_ORIGIN: 'A page of an origin that is not allowed made a browser send this.',
  PERSISTED_QUERY_NOT_FOUND: 'No persisted operation has this id.',
  PERSISTED_ONLY: 'This server runs persisted operations and no others.',
} as const;

export type RefusalCode = keyof typeof REFUSALS;

type Details = {
  /** For clients, beside the code: the limit, what was found, when to come again. */
  extensions?: Record<string, string | number>;
  /** Default: as for a document that is not valid, 400 or, where the client takes plain JSON only, 200. */
  http?: { status: number; headers?: Record<string, string> };
};

/** A refusal as every transport sends it. */
export function refusal(
  code: RefusalCode,
  message: string,
  { extensions, http }: Details = {},
): GraphQLError {
  return new GraphQLError(message, {
    extensions: { code, ...extensions, http: http ?? { spec: true, status: 400 } },
  });
}

/** What Yoga is told about status and headers is not for clients; Yoga takes it out, other transports do here. */
export function withoutHttp(error: GraphQLError): GraphQLError {
  if (error.extensions.http === undefined) return error;
  const { http, ...extensions } = error.extensions;
  const { message, source, positions, path, nodes } = error;
  return new GraphQLError(message, {
    extensions,
    ...(nodes && { nodes }),
    ...(source && { source }),
    ...(positions && { positions }),
    ...(path && { path }),
  });
}
