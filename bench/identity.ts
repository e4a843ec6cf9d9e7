import { type ChildProcess, fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Client } from 'pg';
import { mintToken } from '../src/platform/auth/mint-token.ts';
import { settings } from '../src/platform/config.ts';
import { withDatabase } from './database.ts';
import { answerTo, type Request, requestsPerSecond } from './load.ts';
import type { Table } from './table.ts';

const USERS = 100;
const RUNS = 100;
const CONNECTIONS = 16;
const ROUNDS = 5;
const SECONDS = 2;
/** Compiled code settles after some thousands of requests; the slower side serves these in as many seconds. */
const WARM_UP_SECONDS = 4;

const ways = ['usual', 'ours'] as const;
type Way = (typeof ways)[number];
type Query = { name: string; query: string; variables(user: string, at: number): object };
type Server = { way: Way; child: ChildProcess; port: number };
type Round = { rate: number; cpuMicroseconds: number };

const queries: Query[] = [
  {
    name: '20 newest runs',
    query: `query Runs($first: Int!) {
      trainingExecutions(first: $first) {
        edges { node { id databaseId publicId status progress provider createdAt } }
      }
    }`,
    variables: () => ({ first: 20 }),
  },
  {
    name: 'status of one run',
    query: 'query Run($id: ID!) { trainingExecution(id: $id) { status progress } }',
    variables: (user, at) => ({ id: `exec_${user}_${at % RUNS}` }),
  },
];

/**
 * The two commonest reads under row-level security, from HTTP to Postgres and back: the API over leased clients against
 * the same API over Prisma's usual `$transaction([set_config, query])`. Each has a process of its own; rounds alternate.
 */
export async function identity(): Promise<Table> {
  const poolSize = Number(process.env.BENCH_POOL ?? settings.shape.DATABASE_POOL_SIZE.parse(undefined));
  return await withDatabase(async ({ admin, api }) => {
    const secret = randomBytes(32).toString('hex');
    const users = await seed(admin, secret);
    const servers = await Promise.all(ways.map((way) => start(way, api, poolSize, secret)));
    try {
      const rows: string[][] = [];
      const wanted = queries.filter(({ name }) => name.includes(process.env.BENCH_ONLY ?? ''));
      for (const query of wanted) rows.push(await compare(servers, query, users));
      return {
        title: `Reads under row-level security (pool ${poolSize}, ${CONNECTIONS} connections, medians of ${ROUNDS})`,
        columns: ['query', 'usual /s', 'ours /s', 'times', 'usual CPU µs', 'ours CPU µs', 'times'],
        rows,
      };
    } finally {
      await Promise.all(servers.map(stop));
    }
  });
}

async function compare(servers: readonly Server[], query: Query, users: readonly User[]): Promise<string[]> {
  const requests = users.map(({ id, token }, at): Request => {
    const json = JSON.stringify({ query: query.query, variables: query.variables(id, at) });
    return { token, json };
  });
  await assertSameAnswers(servers, requests);
  const rounds: Record<Way, Round[]> = { ours: [], usual: [] };
  for (const server of servers) await measure(server, requests, WARM_UP_SECONDS);
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const server of servers) rounds[server.way].push(await measure(server, requests, SECONDS));
  }
  const [usual, ours] = [middle(rounds.usual), middle(rounds.ours)];
  return [
    query.name,
    usual.rate.toFixed(0),
    ours.rate.toFixed(0),
    (ours.rate / usual.rate).toFixed(2),
    usual.cpuMicroseconds.toFixed(0),
    ours.cpuMicroseconds.toFixed(0),
    (usual.cpuMicroseconds / ours.cpuMicroseconds).toFixed(2),
  ];
}

async function measure(
  { child, port }: Server,
  requests: readonly Request[],
  seconds: number,
): Promise<Round> {
  const before = await cpuSeconds(child);
  const { count, rate } = await requestsPerSecond({ port, connections: CONNECTIONS, seconds, requests });
  return { rate, cpuMicroseconds: ((await cpuSeconds(child)) - before) * (1e6 / count) };
}

/** A comparison of two ways that do not give the same rows says nothing. */
async function assertSameAnswers(servers: readonly Server[], requests: readonly Request[]): Promise<void> {
  for (const request of requests) {
    const answers = await Promise.all(servers.map(({ port }) => answerTo(port, request)));
    if (new Set(answers).size !== 1)
      throw new Error(`The two ways answer differently: ${answers.join('\n')}`);
  }
}

async function start(way: Way, url: string, poolSize: number, secret: string): Promise<Server> {
  const program = fileURLToPath(new URL('server.ts', import.meta.url));
  const child = fork(program, [way, url, String(poolSize), secret], {
    execArgv: profiling(way),
    // As deployed; graphql checks more where it takes itself to be in development.
    env: { ...process.env, NODE_ENV: 'production' },
  });
  const [address] = await once(child, 'message');
  return { way, child, port: address.port };
}

/** `BENCH_PROFILE=<folder>` writes a CPU profile of each server. */
function profiling(way: Way): string[] {
  const folder = process.env.BENCH_PROFILE;
  return folder ? ['--cpu-prof', `--cpu-prof-dir=${folder}`, `--cpu-prof-name=${way}.cpuprofile`] : [];
}

async function stop({ child }: Server): Promise<void> {
  const exited = once(child, 'exit');
  child.disconnect();
  await exited;
}

async function cpuSeconds(child: ChildProcess): Promise<number> {
  const answered = once(child, 'message');
  child.send('cpu');
  const [{ cpuSeconds }] = await answered;
  return cpuSeconds;
}

type User = { id: string; token: string };

async function seed(url: string, secret: string): Promise<User[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ id: string }>(
      `insert into auth.users (id, email)
       select gen_random_uuid(), 'user' || n || '@example.com' from generate_series(1, $1::int) n returning id`,
      [USERS],
    );
    await client.query(
      `insert into public.training_executions (id, user_id, public_id, method, provider, created_at, logs)
       select 'exec_' || u.id || '_' || n, u.id, 'config', 'sft', 'local', now() - make_interval(mins => n),
         array_fill('a line of the log of this run'::text, array[50])
       from auth.users u, generate_series(0, $1::int - 1) n`,
      [RUNS],
    );
    await client.query('vacuum analyze public.training_executions');
    const jwt = { secret, audience: 'authenticated' };
    return await Promise.all(
      rows.map(async ({ id }) => ({
        id,
        token: await mintToken(jwt, { role: 'authenticated', sub: id, email: `${id}@example.com` }, 3600),
      })),
    );
  } finally {
    await client.end();
  }
}

/** The medians of rate and CPU time, each for itself. */
function middle(rounds: readonly Round[]): Round {
  return {
    rate: median(rounds.map(({ rate }) => rate)),
    cpuMicroseconds: median(rounds.map(({ cpuMicroseconds }) => cpuMicroseconds)),
  };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
