import { openStage, type StageReport } from './stage.ts';
import type { ResumeBy } from './watching-client.ts';

export type Stop = {
  exitCode: number | null;
  /** From the signal until all watchers of all processes are live again. */
  seconds: number;
  /** How many connections the process closed, by close code. */
  codes: Record<number, number>;
  /** From the first of them to the last. */
  spreadMs: number;
  /** On average, between one and the next. */
  gapMs: number;
};

export type ResumeStorms = {
  /** Stops the process that most watch through, in turn, as a rolling restart does. */
  stop(): Promise<Stop>;
  /** Ends all runs and counts what the watchers have received. */
  finish(): Promise<StageReport>;
  close(): Promise<void>;
};

export const RUNS_PER_SOCKET = 5;
/** At least so much time lies between two that are sent away, on average: all at once, they would all come back at once. */
export const LEAST_GAP_MS = 2;

/** Watchers of five runs each behind a load balancer to two processes, of which one after the other stops in order. */
export async function openResumeStorms(options: {
  sockets: number;
  users: number;
  linesPerSecond: number;
  resumeBy: ResumeBy;
}): Promise<ResumeStorms> {
  const stage = await openStage({ ...options, runsPerUser: RUNS_PER_SOCKET, client: 'lean' });
  let stops = 0;

  async function closesOf(since: number): Promise<Pick<Stop, 'codes' | 'spreadMs' | 'gapMs'>> {
    const { closes } = await stage.report();
    const lost = closes.filter(({ at, wasLive }) => wasLive && at >= since);
    const codes: Record<number, number> = {};
    for (const { code = 1006 } of lost) codes[code] = (codes[code] ?? 0) + 1;
    const times = lost.map(({ at }) => at);
    const spreadMs = Math.max(...times) - Math.min(...times);
    return { codes, spreadMs, gapMs: spreadMs / times.length };
  }

  return {
    async stop() {
      const leaving = stage.apis[stops % stage.apis.length];
      if (leaving === undefined) throw new Error('there is no process to stop');
      stops += 1;
      const since = Date.now();
      const exitCode = await leaving.stop();
      await stage.everybodyLive();
      const seconds = (Date.now() - since) / 1000;
      await stage.replace(leaving);
      return { exitCode, seconds, ...(await closesOf(since)) };
    },
    finish: stage.finish,
    close: stage.close,
  };
}
