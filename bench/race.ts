import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { settings } from '../src/platform/config.ts';
import { answerTo, type Request, requestsPerSecond } from './load.ts';

export const CONNECTIONS = 16;
export const ROUNDS = 5;
const SECONDS = 2;
/** Compiled code settles after some thousands of requests; the slower side serves these in as many seconds. */
const WARM_UP_SECONDS = 4;

/** Connections of every side to the database; `BENCH_POOL` sets it, by default it is the API's. */
export const poolSize = Number(process.env.BENCH_POOL ?? settings.shape.DATABASE_POOL_SIZE.parse(undefined));

/** A program of this folder, with what it is given beyond database, pool size and the tokens' secret. */
export type Side<Name extends string> = { name: Name; program: string; args?: readonly string[] };

export type Question<Name extends string> = {
  name: string;
  /** What each side is asked, by the same users in the same order. */
  requests: Readonly<Record<Name, readonly Request[]>>;
  /** An answer in terms that all sides share; by default its text. */
  understand?: (answer: string, side: Name) => unknown;
};

/** What one side managed in the median round: answers a second, and CPU time of its process per answer. */
export type Figures = { rate: number; cpuMicroseconds: number };

type Running<Name extends string> = { name: Name; child: ChildProcess; port: number };

/**
 * Asks servers the same questions and takes their figures, in rounds that alternate after a warm-up. Each server has a
 * process of its own and must give the same answers as the others before it is measured.
 *
 * @param database whom the servers log in as
 */
export async function race<Name extends string>(
  sides: readonly Side<Name>[],
  database: { url: string; secret: string },
  questions: readonly Question<Name>[],
): Promise<{ name: string; figures: Record<Name, Figures> }[]> {
  const servers = await Promise.all(sides.map((side) => start(side, database)));
  try {
    const results = [];
    for (const question of questions) {
      results.push({ name: question.name, figures: await compare(servers, question) });
    }
    return results;
  } finally {
    await Promise.all(servers.map(stop));
  }
}

/** `BENCH_ONLY=newest` keeps the questions whose names hold the word. */
export function wanted<Asked extends { name: string }>(questions: readonly Asked[]): Asked[] {
  return questions.filter(({ name }) => name.includes(process.env.BENCH_ONLY ?? ''));
}

async function compare<Name extends string>(
  servers: readonly Running<Name>[],
  question: Question<Name>,
): Promise<Record<Name, Figures>> {
  await assertSameAnswers(servers, question);
  for (const server of servers) await measure(server, question.requests[server.name], WARM_UP_SECONDS);
  const rounds = servers.map((): Figures[] => []);
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [at, server] of servers.entries()) {
      rounds[at]?.push(await measure(server, question.requests[server.name], SECONDS));
    }
  }
  const figures = servers.map(({ name }, at) => [name, middle(rounds[at] ?? [])]);
  // One entry for each side, by its name.
  return Object.fromEntries(figures) as Record<Name, Figures>;
}

async function measure(
  { child, port }: Running<string>,
  requests: readonly Request[],
  seconds: number,
): Promise<Figures> {
  const before = await cpuSeconds(child);
  const { count, rate } = await requestsPerSecond({ port, connections: CONNECTIONS, seconds, requests });
  return { rate, cpuMicroseconds: ((await cpuSeconds(child)) - before) * (1e6 / count) };
}

/** A comparison of servers that do not give the same rows says nothing. */
async function assertSameAnswers<Name extends string>(
  servers: readonly Running<Name>[],
  { name, requests, understand = (answer) => answer }: Question<Name>,
): Promise<void> {
  const asked = Math.max(...servers.map((server) => requests[server.name].length));
  for (let at = 0; at < asked; at += 1) {
    const answers = await Promise.all(
      servers.map(async (server) => {
        const request = requests[server.name][at];
        if (!request) throw new Error(`${server.name} is asked less often than others: ${name}`);
        return JSON.stringify(understand(await answerTo(server.port, request), server.name));
      }),
    );
    if (new Set(answers).size === 1) continue;
    const lines = servers.map((server, index) => `${server.name}: ${answers[index]}`);
    throw new Error(`They answer differently (${name}):\n${lines.join('\n')}`);
  }
}

async function start<Name extends string>(
  { name, program, args = [] }: Side<Name>,
  { url, secret }: { url: string; secret: string },
): Promise<Running<Name>> {
  const path = fileURLToPath(new URL(program, import.meta.url));
  const child = fork(path, [url, String(poolSize), secret, ...args], {
    execArgv: profiling(name),
    // As deployed; graphql and Grafast check more where they take themselves to be in development.
    env: { ...process.env, NODE_ENV: 'production', GRAPHILE_ENV: 'production' },
  });
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`The server of ${name} ended with code ${code} before it listened.`);
  });
  const [address] = await Promise.race([once(child, 'message'), ended]);
  ended.catch(() => {});
  return { name, child, port: address.port };
}

/** `BENCH_PROFILE=<folder>` writes a CPU profile of each server. */
function profiling(name: string): string[] {
  const folder = process.env.BENCH_PROFILE;
  return folder ? ['--cpu-prof', `--cpu-prof-dir=${folder}`, `--cpu-prof-name=${name}.cpuprofile`] : [];
}

async function stop({ child }: Running<string>): Promise<void> {
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

/** The medians of rate and CPU time, each for itself. */
function middle(rounds: readonly Figures[]): Figures {
  return {
    rate: median(rounds.map(({ rate }) => rate)),
    cpuMicroseconds: median(rounds.map(({ cpuMicroseconds }) => cpuMicroseconds)),
  };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
