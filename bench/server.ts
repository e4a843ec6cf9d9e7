import { once } from 'node:events';
import { createServer } from 'node:http';
import { createApi } from '../src/app/api.ts';
import { createProviders } from '../src/modules/training/providers.ts';
import { rememberTokens } from '../src/platform/auth/remember-tokens.ts';
import { createTokenVerifier } from '../src/platform/auth/verify-token.ts';
import { loadConfig } from '../src/platform/config.ts';
import { createViewerDatabase } from '../src/platform/db/viewer.ts';
import { createLive } from '../src/platform/live/live.ts';
import { createLogger } from '../src/platform/logger.ts';
import { createUsualDatabase } from './usual-database.ts';

/**
 * The process under load: the API as `npm start` wires it, over one of the two ways to the database. It tells its port
 * once it listens, and its CPU seconds so far whenever it is asked.
 */
const [way = '', url = '', poolSize = '', secret = ''] = process.argv.slice(2);
const log = createLogger('warn');
const viewerDb =
  way === 'usual'
    ? createUsualDatabase(url, Number(poolSize))
    : createViewerDatabase({ url, poolSize: Number(poolSize), log });
// Counted as for everybody, and more than the load of any one user.
const config = loadConfig({ RATE_LIMIT_PER_USER: '1000000' }, process.cwd());
const api = createApi({
  config,
  viewerDb,
  verify: rememberTokens(createTokenVerifier({ secret, audience: 'authenticated' })),
  live: createLive({ url, log }),
  log,
  providers: createProviders({ config, log }),
});
const server = createServer(api.handler);
api.attach(server);
server.listen(0, '127.0.0.1');
await once(server, 'listening');
process.send?.(server.address());
process.on('message', () => {
  const { user, system } = process.cpuUsage();
  process.send?.({ cpuSeconds: (user + system) / 1e6 });
});
process.on('disconnect', () => process.exit());
