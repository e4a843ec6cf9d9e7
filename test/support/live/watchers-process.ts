import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Answer, Call, WatchersOptions, WatchersReport } from './watchers.ts';

const PROGRAM = fileURLToPath(new URL('../../fixtures/watchers.ts', import.meta.url));

export type WatchersProcess = {
  /** Resolves once every watcher has received something of its run that is newer than these numbers say. */
  beyond(seqs: Record<string, number>): Promise<void>;
  /** Resolves once every watcher has been told that its run has ended. */
  ended(): Promise<void>;
  report(): Promise<WatchersReport>;
  /** Disconnects everybody. */
  stop(): Promise<void>;
};

export function startWatchersProcess(options: WatchersOptions): WatchersProcess {
  const child = fork(PROGRAM, { execArgv: [] });
  const gone = once(child, 'exit');
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  let calls = 0;
  child.send(options);
  child.on('message', ({ id, result, error }: Answer) => {
    if (error === undefined) waiting.get(id)?.resolve(result);
    else waiting.get(id)?.reject(new Error(error));
    waiting.delete(id);
  });
  child.once('exit', (code, signal) => {
    for (const { reject } of waiting.values()) reject(new Error(`the watchers ended: ${signal ?? code}`));
  });

  function call(name: Call['name'], argument?: Call['argument']): Promise<unknown> {
    calls += 1;
    const pending = Promise.withResolvers<unknown>();
    waiting.set(calls, pending);
    child.send({ id: calls, name, ...(argument && { argument }) } satisfies Call);
    return pending.promise;
  }

  return {
    beyond: async (seqs) => void (await call('beyond', seqs)),
    ended: async () => void (await call('ended')),
    report: async () => (await call('report')) as WatchersReport,
    async stop() {
      if (child.connected) child.disconnect();
      await gone;
    },
  };
}
