import { randomBytes } from 'node:crypto';
import { withConnection } from '../src/platform/db/connect.ts';
import { withDatabase } from './database.ts';
import { installPeers } from './install.ts';
import { type Peer, questions } from './peer-queries.ts';
import { CONNECTIONS, type Figures, ROUNDS, race, wanted } from './race.ts';
import { poolSize } from './servers.ts';
import type { Table } from './table.ts';
import { addAgents, addRuns, addUsers, skipTriggers } from './users.ts';

const USERS = 100;
const RUNS = 500;
const TENANTS = 20;
const AGENTS = 25;
const EXECUTIONS = 40;

/**
 * The API against the two ways that TypeScript teams take to GraphQL over row-level security: PostGraphile 5, which
 * makes the schema of the tables, and Mercurius with SQL by hand. All in one run, on one Postgres, over one set of rows.
 */
export async function peers(): Promise<Table> {
  await installPeers();
  const secret = randomBytes(32).toString('hex');
  return await withDatabase(async ({ admin, api }) => {
    const started = performance.now();
    const runs = USERS * RUNS;
    const executions = USERS * AGENTS * EXECUTIONS;
    console.log(`Writing ${runs} runs, ${executions} agent executions and ${3 * executions} logs …`);
    const users = await withConnection(admin, 'runcast bench', async (client) => {
      const added = await addUsers(client, USERS, secret);
      await skipTriggers(client);
      await addRuns(client, RUNS);
      await addAgents(client, { tenants: TENANTS, agentsPerTenant: AGENTS, executionsPerMember: EXECUTIONS });
      return added;
    });
    console.log(`Written in ${((performance.now() - started) / 1000).toFixed(0)} s.`);
    const results = await race<Peer>(
      [
        { name: 'ours', program: 'server.ts' },
        { name: 'postgraphile', program: 'peers/postgraphile.ts' },
        { name: 'mercurius', program: 'peers/mercurius.ts' },
      ],
      { url: api, secret },
      wanted(questions(users, RUNS)),
    );
    return {
      title: `The API and its peers under row-level security (pool ${poolSize}, ${CONNECTIONS} connections, medians of ${ROUNDS})`,
      columns: [
        'query',
        ...['ours /s', 'PostGraphile /s', 'times', 'Mercurius /s', 'times'],
        ...['ours CPU µs', 'PostGraphile', 'times', 'Mercurius', 'times'],
      ],
      rows: results.map(({ name, figures }) => [name, ...cells(figures)]),
    };
  });
}

/** How often ours fits into theirs: above 1 we are ahead, in both halves. */
function cells({ ours, postgraphile, mercurius }: Record<Peer, Figures>): string[] {
  const rates = [postgraphile, mercurius].flatMap(({ rate }) => [
    rate.toFixed(0),
    (ours.rate / rate).toFixed(2),
  ]);
  const times = [postgraphile, mercurius].flatMap(({ cpuMicroseconds }) => [
    cpuMicroseconds.toFixed(0),
    (cpuMicroseconds / ours.cpuMicroseconds).toFixed(2),
  ]);
  return [ours.rate.toFixed(0), ...rates, ours.cpuMicroseconds.toFixed(0), ...times];
}
