import { answerTo, type Request, requestsPerSecond } from './load.ts';
import { median } from './median.ts';
import {
  cpuSeconds,
  type Running,
  type ServerDatabase,
  type Side,
  startServer,
  stopServer,
} from './servers.ts';

export const CONNECTIONS = 16;
export const ROUNDS = 5;
const SECONDS = 2;
/** Compiled code settles after some thousands of requests; the slower side serves these in as many seconds. */
const WARM_UP_SECONDS = 4;

export type Question<Name extends string> = {
  name: string;
  /** What each side is asked, by the same users in the same order. */
  requests: Readonly<Record<Name, readonly Request[]>>;
  /** An answer in terms that all sides share; by default its text. */
  understand?: (answer: string, side: Name) => unknown;
};

/** What one side managed in the median round: answers a second, and CPU time of its process per answer. */
export type Figures = { rate: number; cpuMicroseconds: number };

/**
 * Asks servers the same questions and takes their figures, in rounds that alternate after a warm-up. Each server has a
 * process of its own and must give the same answers as the others before it is measured.
 *
 * @param database whom the servers log in as
 */
export async function race<Name extends string>(
  sides: readonly Side<Name>[],
  database: ServerDatabase,
  questions: readonly Question<Name>[],
): Promise<{ name: string; figures: Record<Name, Figures> }[]> {
  const servers = await Promise.all(sides.map((side) => startServer(side, database)));
  try {
    const results = [];
    for (const question of questions) {
      results.push({ name: question.name, figures: await compare(servers, question) });
    }
    return results;
  } finally {
    await Promise.all(servers.map(stopServer));
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
  server: Running<string>,
  requests: readonly Request[],
  seconds: number,
): Promise<Figures> {
  const { port } = server;
  const before = await cpuSeconds(server);
  const { count, rate } = await requestsPerSecond({ port, connections: CONNECTIONS, seconds, requests });
  return { rate, cpuMicroseconds: ((await cpuSeconds(server)) - before) * (1e6 / count) };
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

/** The medians of rate and CPU time, each for itself. */
function middle(rounds: readonly Figures[]): Figures {
  return {
    rate: median(rounds.map(({ rate }) => rate)),
    cpuMicroseconds: median(rounds.map(({ cpuMicroseconds }) => cpuMicroseconds)),
  };
}
