import type { ExecutionArgs, GraphQLSchema } from 'graphql';
import { GraphQLError, NoSchemaIntrospectionCustomRule } from 'graphql';
import { createYoga, type Plugin, type YogaInitialContext } from 'graphql-yoga';
import { messageOf } from '../platform/errors.ts';
import { MAX_BODY_BYTES } from '../platform/http.ts';
import { claimsOf, type Verify } from './authorization.ts';
import type { OperationContext } from './context.ts';
import { createErrorMask } from './masking.ts';
import { executeLeased, subscribeLeased } from './operation.ts';
import { createExecutor } from './planned-queries.ts';
import { type Example, renderPlayground } from './playground.ts';

export type GraphqlOptions = {
  schema: GraphQLSchema;
  verify: Verify;
  /** What an operation's context holds beside its identity and signal. */
  base: Omit<OperationContext, 'identity' | 'signal'>;
  /** Aborted when the server closes. */
  closing: AbortSignal;
  /** Longest time a query, a mutation or one event of a subscription may take. */
  timeoutMs: number;
  /** Tabs of the playground; false turns it off. */
  playground: readonly Example[] | false;
  introspection: boolean;
};

/** What a WebSocket passes as the initial context: its own identity and signal, already known. */
export type SocketContext = { socket: Pick<OperationContext, 'identity' | 'signal'> };
type InitialContext = YogaInitialContext & Partial<SocketContext>;

/** The pipeline every operation goes through, whatever transport brought it, with HTTP and SSE on top. */
export function createGraphql(options: GraphqlOptions) {
  const { schema, verify, base, closing, playground } = options;
  const maskError = createErrorMask(base.log);
  return createYoga<object, OperationContext>({
    schema,
    logging: false,
    graphqlEndpoint: '/graphql',
    healthCheckEndpoint: '/graphql/health',
    landingPage: false,
    // Yoga would reflect any origin with credentials. Browsers of other origins have no business here by default.
    cors: false,
    multipart: false,
    batching: false,
    maxRequestBodySize: MAX_BODY_BYTES,
    maskedErrors: { maskError },
    graphiql: playground !== false,
    ...(playground !== false && { renderGraphiQL: () => renderPlayground(playground) }),
    async context(initial: InitialContext): Promise<OperationContext> {
      if (initial.socket) return { ...base, ...initial.socket };
      const claims = await claimsOf(initial.request.headers.get('authorization'), verify).catch(
        unauthenticated,
      );
      return { ...base, identity: { claims }, signal: AbortSignal.any([initial.request.signal, closing]) };
    },
    plugins: [jsonOnly, leasing(options.timeoutMs), ...(options.introspection ? [] : [withoutIntrospection])],
  });
}

export type Graphql = ReturnType<typeof createGraphql>;

function unauthenticated(error: unknown): never {
  throw new GraphQLError(messageOf(error), {
    extensions: {
      code: 'UNAUTHENTICATED',
      http: { status: 401, headers: { 'www-authenticate': 'Bearer' } },
    },
  });
}

/**
 * Forms and plain text are what another site's page can send without asking first; Yoga would run mutations from
 * them. JSON makes the browser ask (preflight), and with CORS closed it is told no.
 */
const jsonOnly: Plugin = {
  onRequestParse({ request, endResponse, fetchAPI }) {
    const [type] = (request.headers.get('content-type') ?? '').split(';');
    if (request.method !== 'POST' || type?.trim().toLowerCase() === 'application/json') return;
    const errors = [
      { message: 'Send the operation as application/json.', extensions: { code: 'BAD_REQUEST' } },
    ];
    endResponse(fetchAPI.Response.json({ errors }, { status: 415 }));
  },
};

const withoutIntrospection: Plugin = {
  onValidate: ({ addValidationRule }) => addValidationRule(NoSchemaIntrospectionCustomRule),
};

type LeasedArgs = ExecutionArgs & { contextValue: OperationContext };

function leasing(timeoutMs: number): Plugin {
  const executing = { timeoutMs, execute: createExecutor() };
  return {
    // Envelop's types leave the context open; the pipeline above has made it.
    onExecute: ({ setExecuteFn }) =>
      setExecuteFn((args) => executeLeased(args as unknown as LeasedArgs, executing)),
    onSubscribe: ({ setSubscribeFn }) =>
      setSubscribeFn((args) =>
        subscribeLeased(args as unknown as LeasedArgs, executing, !('socket' in args.contextValue)),
      ),
  };
}
