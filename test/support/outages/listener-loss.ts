import { openApiScene } from './api-scene.ts';
import type { SceneReport } from './scene.ts';

export type ListenerLossReport = SceneReport & {
  /** From the end of the connection to hearing again, each time. */
  backAfterMs: number[];
};

/** Ends the API's listening connection again and again, while writers append to a run and others follow it. */
export async function loseListener(options: { times: number; writers: number }): Promise<ListenerLossReport> {
  await using scene = await openApiScene(options);
  const backAfterMs: number[] = [];
  for (let time = 1; time <= options.times; time += 1) {
    await scene.caughtUp();
    const begun = performance.now();
    await scene.admin.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where application_name = 'runcast listener' and datname = current_database()`,
    );
    await scene.log.until(({ msg, reconnections }) => msg === 'connected again' && reconnections === time);
    backAfterMs.push(performance.now() - begun);
  }
  await scene.caughtUp();
  return { ...(await scene.finish()), backAfterMs };
}
