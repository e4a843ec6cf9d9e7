import { createServer } from 'node:http';
import { createApi } from '../src/app/api.ts';
import { createProviders } from '../src/modules/training/providers.ts';
import { loadConfig } from '../src/platform/config.ts';
import { createViewerDatabase } from '../src/platform/db/viewer.ts';
import { createLive } from '../src/platform/live/live.ts';
import { createLogger } from '../src/platform/logger.ts';
import { processOptions, underLoad } from './process.ts';
import { createUsualDatabase } from './usual-database.ts';

/** The API as `npm start` wires it, over one of the two ways to the database. */
const { url, poolSize, verify, rest } = processOptions();
const [way] = rest;
const log = createLogger('warn');
const viewerDb =
  way === 'usual' ? createUsualDatabase(url, poolSize) : createViewerDatabase({ url, poolSize, log });
// Counted as for everybody, and more than the load of any one user or address.
const config = loadConfig(
  {
    RATE_LIMIT_PER_USER: '1000000',
    RATE_LIMIT_PER_IP: '1000000',
    LIVE_MAX_SOCKETS: '20000',
    LIVE_MAX_SOCKETS_PER_USER: '20000',
  },
  process.cwd(),
);
const api = createApi({
  config,
  viewerDb,
  verify,
  live: createLive({ url, viewerDb, log, limits: config.live }),
  log,
  providers: createProviders({ config, log }),
});
const server = createServer(api.handler);
api.attach(server);
await underLoad(server);
