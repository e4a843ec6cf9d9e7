import { EventEmitter, on } from 'node:events';
import { createServer } from 'node:http';
import { postgraphile } from 'postgraphile';
import { jsonParse } from 'postgraphile/@dataplan/json';
import { loadOneWithPgClient, type PgClient } from 'postgraphile/@dataplan/pg';
import { makePgService } from 'postgraphile/adaptors/pg';
import { access, context, type GrafastSubscriber, listen, type Step } from 'postgraphile/grafast';
import { grafserv } from 'postgraphile/grafserv/node';
import { PostGraphileAmberPreset } from 'postgraphile/presets/amber';
import { extendSchema, makeJSONPgSmartTagsPlugin } from 'postgraphile/utils';
import { claimsOf } from '../../src/graphql/authorization.ts';
import { claimsSetting } from '../../src/platform/db/claims.ts';
import { type Batch, FeedTail, oneByOne } from '../live/feed-tail.ts';
import { BATCH_TYPES } from '../live/peer-schema.ts';
import { processOptions, underLoad } from '../process.ts';

/**
 * PostGraphile 5 with a subscription by `listen()`. As its documentation has it, the plan looks the event up for each
 * watcher after a notification; with the argument `fed` the events come to `listen()` from one read for all of them.
 */
const { url, poolSize, verify, rest } = processOptions();
const isFed = rest[0] === 'fed';

const typeDefs = `
  ${BATCH_TYPES}
  extend type Subscription { executionEvents(id: ID!): ExecutionEventBatch }
`;

/** The notification names the run and the event; its channel is that of all runs, of which the bench writes one. */
const documented = extendSchema(({ input }) => {
  const executor = input.pgRegistry.pgExecutors.main;
  if (executor === undefined) throw new Error('There is no database to look events up in.');
  return {
    typeDefs,
    objects: {
      Subscription: {
        plans: {
          executionEvents: {
            subscribePlan: () => listen(context().get('pgSubscriber'), 'runcast_feed', jsonParse),
            plan: ($hint: Step) =>
              loadOneWithPgClient(executor, [access($hint, 'i'), access($hint, 's')], lookUp),
          },
        },
      },
    },
  };
});

async function lookUp(client: PgClient, wanted: readonly (readonly [string, number])[]): Promise<Batch[]> {
  return await Promise.all(wanted.map(([run, seq]) => eventOf(client, run, seq)));
}

async function eventOf(client: PgClient, run: string, seq: number): Promise<Batch> {
  const { rows } = await client.query<{ at: Date; message: string }>({
    name: 'event',
    text: `select at, payload ->> 'message' as message from runcast.execution_events
      where bucket = (select bucket from runcast.execution_streams where kind = 'training' and execution_id = $1)
        and kind = 'training' and execution_id = $1 and seq = $2`,
    values: [run, seq],
  });
  const events = rows.map(({ at, message }) => ({
    __typename: 'LogEvent' as const,
    seq,
    at: at.toISOString(),
    message,
  }));
  return { lastSeq: seq, ended: false, events };
}

async function fedPlugin() {
  const emitter = new EventEmitter().setMaxListeners(0);
  const feed = await FeedTail.open(url, (run, batches) => {
    for (const batch of oneByOne(batches)) emitter.emit(run, batch);
  });
  const subscriber: GrafastSubscriber<Record<string, [Batch]>> = {
    async subscribe(run) {
      await feed.watch(run);
      // What is emitted under a run's name is one batch.
      return on(emitter, run) as AsyncIterableIterator<[Batch]>;
    },
  };
  return extendSchema({
    typeDefs,
    objects: {
      Subscription: {
        plans: {
          executionEvents: {
            subscribePlan: (_$root, args) => listen(subscriber, args.getRaw('id')),
            plan: ($arguments: Step) => access($arguments, 0),
          },
        },
      },
    },
  });
}

const instance = postgraphile({
  extends: [PostGraphileAmberPreset],
  // GraphQL keeps the name Subscription for itself.
  plugins: [
    makeJSONPgSmartTagsPlugin({
      version: 1,
      config: { class: { subscriptions: { tags: { name: 'billing_subscriptions' } } } },
    }),
    isFed ? await fedPlugin() : documented,
  ],
  pgServices: [
    makePgService({
      connectionString: url,
      schemas: ['public'],
      poolConfig: { max: poolSize },
      pubsub: true,
    }),
  ],
  // By default it tells the console of every watcher that leaves while it is sent something.
  grafserv: { watch: false, graphiql: false, websockets: true, maskError: (error) => error },
  grafast: {
    context: async ({ node, ws }) => {
      const authorization = ws?.normalizedConnectionParams?.authorization ?? node?.req.headers.authorization;
      const [role, claims] = claimsSetting(await claimsOf(authorization, verify));
      return { pgSettings: { role, 'request.jwt.claims': claims } };
    },
  },
});
const server = createServer();
await instance.createServ(grafserv).addTo(server);
await underLoad(server);
