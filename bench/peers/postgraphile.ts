import { createServer } from 'node:http';
import { postgraphile } from 'postgraphile';
import { makePgService } from 'postgraphile/adaptors/pg';
import { grafserv } from 'postgraphile/grafserv/node';
import { PostGraphileAmberPreset } from 'postgraphile/presets/amber';
import { makeJSONPgSmartTagsPlugin } from 'postgraphile/utils';
import { claimsOf } from '../../src/graphql/authorization.ts';
import { claimsSetting } from '../../src/platform/db/claims.ts';
import { processOptions, underLoad } from '../process.ts';

/**
 * PostGraphile 5 as its documentation sets it up for production: Amber preset, Grafserv on node:http, identity by
 * `pgSettings`, no GraphiQL, no watching; GRAPHILE_ENV=production comes from the bench.
 */
const { url, poolSize, verify } = processOptions();
const instance = postgraphile({
  extends: [PostGraphileAmberPreset],
  // GraphQL keeps the name Subscription for itself.
  plugins: [
    makeJSONPgSmartTagsPlugin({
      version: 1,
      config: { class: { subscriptions: { tags: { name: 'billing_subscriptions' } } } },
    }),
  ],
  // Orders by any column, also by one that is the second of an index.
  disablePlugins: ['PgIndexBehaviorsPlugin'],
  pgServices: [makePgService({ connectionString: url, schemas: ['public'], poolConfig: { max: poolSize } })],
  grafserv: { watch: false, graphiql: false, websockets: false },
  grafast: {
    context: async ({ node }) => {
      const [role, claims] = claimsSetting(await claimsOf(node?.req.headers.authorization, verify));
      return { pgSettings: { role, 'request.jwt.claims': claims } };
    },
  },
});
const server = createServer();
await instance.createServ(grafserv).addTo(server);
await underLoad(server);
