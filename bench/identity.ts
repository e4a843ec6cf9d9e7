import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Client } from 'pg';
import { withDatabase } from './database.ts';
import { type Body, requestsPerSecond } from './load.ts';
import type { Measurement } from './run.ts';

const USERS = 100;
const RUNS = 100;
const CONNECTIONS = 16;
const POOL = 10;
const ROUNDS = 5;
const SECONDS = 2;

type Way = 'ours' | 'usual';
type Query = { name: string; body: (user: string, at: number) => string };

const queries: Query[] = [
  {
    name: '20 newest runs',
    body: () =>
      JSON.stringify({ query: '{ newest { id publicId method provider status progress createdAt } }' }),
  },
  {
    name: 'status of one run',
    body: (user, at) =>
      JSON.stringify({
        query: 'query($id: ID!) { execution(id: $id) { id status progress } }',
        variables: { id: `exec_${user}_${at % RUNS}` },
      }),
  },
];

/**
 * The two commonest reads with row-level security, through Yoga over HTTP: our driver adapter and leased clients
 * against Prisma's usual `$transaction([set_config, query])`. Same Yoga, schema, rows and pool size; rounds alternate.
 */
export async function identity(): Promise<Measurement[]> {
  return await withDatabase(async ({ admin, api }) => {
    const users = await seed(admin);
    const server = fork(fileURLToPath(new URL('identity-server.ts', import.meta.url)), [api, String(POOL)]);
    const exited = once(server, 'exit');
    try {
      const [address] = await once(server, 'message');
      const results: Measurement[] = [];
      for (const query of queries) results.push(...(await compare(address.port, query, users)));
      return results;
    } finally {
      server.kill();
      await exited;
    }
  });
}

async function compare(port: number, { name, body }: Query, users: string[]): Promise<Measurement[]> {
  const bodies: Body[] = users.map((user, at) => ({ user, json: body(user, at) }));
  const rates: Record<Way, number[]> = { ours: [], usual: [] };
  const round = (way: Way, seconds: number) =>
    requestsPerSecond({ port, path: `/${way}`, connections: CONNECTIONS, seconds, bodies });
  // Warmed: code compiled, statements prepared, pages in memory.
  for (const way of ['ours', 'usual'] as const) await round(way, 2 * SECONDS);
  for (let i = 0; i < ROUNDS; i += 1) {
    for (const way of ['ours', 'usual'] as const) rates[way].push(await round(way, SECONDS));
  }
  const [ours, usual] = [median(rates.ours), median(rates.usual)];
  return [
    { name: `${name}: $transaction([set_config, query])`, value: usual, unit: 'requests/s' },
    {
      name: `${name}: leased client, one write`,
      value: ours,
      unit: 'requests/s',
      note: `${(ours / usual).toFixed(2)} times`,
    },
  ];
}

async function seed(url: string): Promise<string[]> {
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
    return rows.map(({ id }) => id);
  } finally {
    await client.end();
  }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
