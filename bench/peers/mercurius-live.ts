import fastify from 'fastify';
import mercurius from 'mercurius';
import { claimsOf } from '../../src/graphql/authorization.ts';
import { type Batch, FeedTail, oneByOne } from '../live/feed-tail.ts';
import { PEER_SCHEMA } from '../live/peer-schema.ts';
import { processOptions, underLoad } from '../process.ts';

/** Mercurius with the publish/subscribe it comes with, as its documentation sets subscriptions up. */
const { url, verify } = processOptions();
const feed = await FeedTail.open(url, (run, batches) => {
  for (const batch of oneByOne(batches)) {
    app.graphql.pubsub.publish({ topic: topicOf(run), payload: { executionEvents: batch } });
  }
});

const app = fastify();
await app.register(mercurius, {
  schema: PEER_SCHEMA,
  resolvers: {
    Query: { ok: () => true },
    Subscription: {
      executionEvents: {
        subscribe: async (_root: unknown, { id }: { id: string }, { pubsub }) => {
          await feed.watch(id);
          return await pubsub.subscribe<{ executionEvents: Batch }>(topicOf(id));
        },
      },
    },
  },
  jit: 1,
  subscription: {
    onConnect: async ({ payload }) => {
      await claimsOf(payload.authorization, verify);
      return {};
    },
  },
});
await app.listen({ host: '127.0.0.1', port: 0 });
await underLoad(app.server);

function topicOf(run: string): string {
  return `executionEvents:${run}`;
}
