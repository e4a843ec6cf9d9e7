import { setTimeout as wait } from 'node:timers/promises';
import { answerTo, type Request } from '../load.ts';

/**
 * Asks at a steady rate, whether the answers keep up or not, and gives the milliseconds from when each was due to its
 * answer: a client that waits for one answer before it asks again does not see how long the others would have waited.
 *
 * @throws on an answer with GraphQL errors
 */
export async function askSteadily(
  port: number,
  pace: { perSecond: number; seconds: number; next: () => Request },
): Promise<number[]> {
  const started = performance.now();
  const asked: Promise<number>[] = [];
  for (let at = 0; at < pace.perSecond * pace.seconds; at += 1) {
    const due = started + (at * 1000) / pace.perSecond;
    await wait(Math.max(0, due - performance.now()));
    asked.push(timeOf(port, pace.next(), due));
  }
  return await Promise.all(asked);
}

async function timeOf(port: number, request: Request, due: number): Promise<number> {
  const answer = await answerTo(port, request);
  if (answer.includes('"errors"')) throw new Error(`The server answered: ${answer}`);
  return performance.now() - due;
}
