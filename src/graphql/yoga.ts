import { type DocumentNode, type ExecutionArgs, GraphQLError, type GraphQLSchema } from 'graphql';
import { createYoga, type Plugin, type YogaInitialContext } from 'graphql-yoga';
import { LRUCache } from 'lru-cache';
import type { DocumentLimits } from '../platform/config.ts';
import { messageOf } from '../platform/errors.ts';
import { MAX_BODY_BYTES } from '../platform/http.ts';
import { claimsOf, type Verify } from './authorization.ts';
import type { OperationContext } from './context.ts';
import { createDocumentLimits } from './limits/document-limits.ts';
import { type Persisted, persistedOverHttp } from './limits/persisted.ts';
import { refusal } from './limits/refusals.ts';
import { createLiveOperations, type OpenLive } from './live/operations.ts';
import { createErrorMask } from './masking.ts';
import { type Executing, executeLeased } from './operation.ts';
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
  limits: DocumentLimits;
  persisted: Persisted;
};

/** Parsed, a character of a document takes up to a hundred bytes. */
const KEPT_DOCUMENTS = { max: 1_024, maxSize: 1_000_000 };

/** What a WebSocket passes as the initial context: its own identity and signal, already known. */
export type SocketContext = { socket: Pick<OperationContext, 'identity' | 'signal'> };
type InitialContext = YogaInitialContext & Partial<SocketContext>;

/** The pipeline every operation goes through, whatever transport brought it, with HTTP and SSE on top. */
export function createGraphql(options: GraphqlOptions) {
  const { schema, verify, base, closing, playground } = options;
  const maskError = createErrorMask(base.log, options);
  const limits = createDocumentLimits(schema, options.limits, options);
  const executing = { timeoutMs: options.timeoutMs, execute: createExecutor() };
  const { stats } = base.live;
  const openLive = createLiveOperations({ schema, executing, mask: maskError, stats });
  const yoga = createYoga<object, OperationContext>({
    schema,
    logging: false,
    graphqlEndpoint: '/graphql',
    healthCheckEndpoint: '/graphql/health',
    landingPage: false,
    // Yoga would reflect any origin with credentials. Browsers of other origins have no business here by default.
    cors: false,
    multipart: false,
    batching: false,
    extraParamNames: ['documentId'],
    // What was wrong is not remembered: it would let anybody fill the cache with texts of his own.
    parserAndValidationCache: {
      documentCache: new LRUCache<string, DocumentNode>({
        ...KEPT_DOCUMENTS,
        sizeCalculation: (_document, text) => text.length + 1,
      }),
      errorCache: { get: () => undefined, set: () => {} },
      validationCache: false,
    },
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
    plugins: [
      jsonOnly,
      jsonInUrl,
      persistedOverHttp(options.persisted),
      limits.plugin,
      leasing(executing, limits),
    ],
  });
  const open: OpenLive = async (args) => {
    const refused = limits.refusalOf(args);
    return refused ? { errors: [refused] } : await openLive(args);
  };
  return Object.assign(yoga, { openLive: open, maskError });
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

/** Yoga would take a text that is no JSON for a fault of its own. */
const jsonInUrl: Plugin = {
  onRequestParse({ request, url, endResponse, fetchAPI }) {
    if (request.method !== 'GET') return;
    const faulty = ['variables', 'extensions'].find((name) => !isJson(url.searchParams.get(name) || 'null'));
    if (!faulty) return;
    const errors = [{ message: `The URL’s ${faulty} are no JSON.`, extensions: { code: 'BAD_REQUEST' } }];
    endResponse(fetchAPI.Response.json({ errors }, { status: 400 }));
  },
};

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

type LeasedArgs = ExecutionArgs & { contextValue: OperationContext };

function leasing(executing: Executing, { refusalOf }: ReturnType<typeof createDocumentLimits>): Plugin {
  const execute = (args: ExecutionArgs) => {
    const refused = refusalOf(args);
    // Envelop's types leave the context open; the pipeline above has made it.
    return refused ? { errors: [refused] } : executeLeased(args as LeasedArgs, executing);
  };
  return {
    onExecute: ({ setExecuteFn }) => setExecuteFn(execute),
    // Subscriptions go past Yoga, which would hold a pipeline of streams for each.
    onSubscribe: ({ setResultAndStopExecution }) =>
      setResultAndStopExecution({
        errors: [
          refusal(
            'SUBSCRIPTION_TRANSPORT',
            'Subscribe over WebSocket, or over server-sent events with plain JSON.',
          ),
        ],
      }),
  };
}
