import { openStage, type StageReport } from './stage.ts';
import type { WatchersOptions } from './watchers.ts';

export type Kills = {
  /** Kills -9 the process that most watch through, in turn; resolves with the seconds until all are live again. */
  kill(): Promise<number>;
  /** Ends all runs and counts what the watchers have received. */
  finish(): Promise<StageReport>;
  close(): Promise<void>;
};

/** Watchers of runs behind a load balancer to two processes, of which one after the other is killed. */
export async function openKills(options: {
  watchers: number;
  runs: number;
  linesPerSecond: number;
  client: WatchersOptions['client'];
}): Promise<Kills> {
  const stage = await openStage({
    ...{ users: options.runs, runsPerUser: 1, sockets: options.watchers },
    ...{ linesPerSecond: options.linesPerSecond, resumeBy: 'after', client: options.client },
  });
  let kills = 0;
  return {
    async kill() {
      // After the first kill everybody is at the other one, so taking them in turn hits everybody.
      const victim = stage.apis[kills % stage.apis.length];
      if (victim === undefined) throw new Error('there is no process to kill');
      kills += 1;
      const begun = performance.now();
      await victim.kill();
      const dead = (performance.now() - begun) / 1000;
      // At once, as whoever supervises it would.
      const [live] = await Promise.all([stage.everybodyLive(), stage.replace(victim)]);
      return dead + live;
    },
    finish: stage.finish,
    close: stage.close,
  };
}
