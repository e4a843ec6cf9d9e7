import { setMaxListeners } from 'node:events';
import { createServer } from 'node:http';
import type { ExecutionArgs } from 'graphql';
import { useServer } from 'graphql-ws/use/ws';
import { createPubSub, createSchema, createYoga } from 'graphql-yoga';
import { WebSocketServer } from 'ws';
import { claimsOf } from '../../src/graphql/authorization.ts';
import { processOptions, underLoad } from '../process.ts';
import { type Batch, FeedTail, oneByOne } from './feed-tail.ts';
import { PEER_SCHEMA } from './peer-schema.ts';

/** Yoga with its createPubSub and graphql-ws, as Yoga's documentation connects them. */
const { url, verify } = processOptions();
const eventTarget = new EventTarget();
// As many watchers as there are, which is no leak.
setMaxListeners(0, eventTarget);
const pubSub = createPubSub<{ executionEvents: [run: string, batch: Batch] }>({ eventTarget });
const feed = await FeedTail.open(url, (run, batches) => {
  for (const batch of oneByOne(batches)) pubSub.publish('executionEvents', run, batch);
});

const yoga = createYoga({
  graphiql: false,
  schema: createSchema({
    typeDefs: PEER_SCHEMA,
    resolvers: {
      Query: { ok: () => true },
      Subscription: {
        executionEvents: {
          subscribe: async (_root, { id }) => {
            await feed.watch(id);
            return pubSub.subscribe('executionEvents', id);
          },
          resolve: (batch: Batch) => batch,
        },
      },
    },
  }),
});

/** An execution with the functions of the pipeline that made it, as the documentation hands them on. */
type Args = ExecutionArgs & {
  rootValue: Pick<ReturnType<typeof yoga.getEnveloped>, 'execute' | 'subscribe'>;
};

const server = createServer(yoga);
// biome-ignore lint/correctness/useHookAtTopLevel: a server of graphql-ws, no hook of React's.
useServer(
  {
    execute: (args) => (args as Args).rootValue.execute(args),
    subscribe: (args) => (args as Args).rootValue.subscribe(args),
    onConnect: async ({ connectionParams }) => {
      await claimsOf(String(connectionParams?.authorization), verify);
    },
    onSubscribe: async (context, _id, params) => {
      const { schema, execute, subscribe, contextFactory, parse, validate } = yoga.getEnveloped({
        ...context,
        req: context.extra.request,
        socket: context.extra.socket,
        params,
      });
      const args = {
        schema,
        operationName: params.operationName,
        document: parse(params.query),
        variableValues: params.variables,
        contextValue: await contextFactory(),
        rootValue: { execute, subscribe },
      };
      const errors = validate(args.schema, args.document);
      return errors.length > 0 ? errors : args;
    },
  },
  new WebSocketServer({ server, path: yoga.graphqlEndpoint }),
);
await underLoad(server);
