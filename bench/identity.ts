import { randomBytes } from 'node:crypto';
import { withConnection } from '../src/platform/db/connect.ts';
import { withDatabase } from './database.ts';
import { CONNECTIONS, type Question, ROUNDS, race, wanted } from './race.ts';
import { poolSize } from './servers.ts';
import type { Table } from './table.ts';
import { NEWEST_RUNS, STATUS_OF_ONE_RUN } from './training-queries.ts';
import { addRuns, addUsers, type User } from './users.ts';

const USERS = 100;
const RUNS = 100;

type Way = 'usual' | 'ours';
type Query = { name: string; query: string; variables(user: string, at: number): object };

const queries: Query[] = [
  { name: '20 newest runs', query: NEWEST_RUNS, variables: () => ({ first: 20 }) },
  {
    name: 'status of one run',
    query: STATUS_OF_ONE_RUN,
    variables: (user, at) => ({ id: `exec_${user}_${at % RUNS}` }),
  },
];

/**
 * The two commonest reads under row-level security, from HTTP to Postgres and back: the API over leased clients against
 * the same API over Prisma's usual `$transaction([set_config, query])`.
 */
export async function identity(): Promise<Table> {
  const secret = randomBytes(32).toString('hex');
  return await withDatabase(async ({ admin, api }) => {
    const users = await withConnection(admin, 'runcast bench', async (client) => {
      const added = await addUsers(client, USERS, secret);
      await addRuns(client, RUNS);
      return added;
    });
    const results = await race<Way>(
      [
        { name: 'usual', program: 'server.ts', args: ['usual'] },
        { name: 'ours', program: 'server.ts', args: ['ours'] },
      ],
      { url: api, secret },
      wanted(queries).map((query) => asked(query, users)),
    );
    return {
      title: `Reads under row-level security (pool ${poolSize}, ${CONNECTIONS} connections, medians of ${ROUNDS})`,
      columns: ['query', 'usual /s', 'ours /s', 'times', 'usual CPU µs', 'ours CPU µs', 'times'],
      rows: results.map(({ name, figures: { usual, ours } }) => [
        name,
        usual.rate.toFixed(0),
        ours.rate.toFixed(0),
        (ours.rate / usual.rate).toFixed(2),
        usual.cpuMicroseconds.toFixed(0),
        ours.cpuMicroseconds.toFixed(0),
        (usual.cpuMicroseconds / ours.cpuMicroseconds).toFixed(2),
      ]),
    };
  });
}

function asked({ name, query, variables }: Query, users: readonly User[]): Question<Way> {
  const requests = users.map(({ id, token }, at) => ({
    token,
    json: JSON.stringify({ query, variables: variables(id, at) }),
  }));
  return { name, requests: { usual: requests, ours: requests } };
}
