import { join } from 'node:path';
import { scheduler } from 'node:timers/promises';
import { expect } from 'vitest';
import { findMarked, GUARD_MARKER } from '../../src/modules/training/local/marked-processes.ts';
import { createTestDatabase } from './postgres.ts';
import { hasEnded, hasLine, linesOf, openTraining, statusesOf, trainers, workerConfig } from './training.ts';
import { startWorkerProcess, type WorkerProcess } from './worker-process.ts';

export type Lane = {
  /** Kills -9 the worker that runs a run, and its guard where asked to; returns the seconds until another runs it. */
  kill(options?: { withGuard?: boolean }): Promise<number>;
  /** Freezes it instead, until the run has been taken over and for at least so long, and lets it wake. */
  freeze(ms: number): Promise<number>;
  close(): Promise<void>;
};

/** Two workers on a database of their own, one of which is made away with in each round. */
export async function openLane(): Promise<Lane> {
  const database = await createTestDatabase();
  const training = await openTraining(database);
  const command = [process.execPath, join(trainers, 'stubborn.mjs')];
  const { config, remove } = await workerConfig({ command, maxRuns: 1 });
  const start = () => startWorkerProcess({ config, workerUrl: database.worker });
  const workers = await Promise.all([start(), start()]);

  async function startRun(): Promise<{ id: string; owner: WorkerProcess }> {
    const id = await training.start({ config: { attempts: 2, ticks: 5 } });
    await training.until(id, hasLine('attempt 1 tick 3'));
    const { rows } = await training.admin.query(
      "select split_part(split_part(worker, '/', 2), '-', 1)::int as pid from runcast.execution_streams where execution_id = $1",
      [id],
    );
    const owner = workers.find(({ pid }) => pid === rows[0].pid);
    if (owner === undefined) throw new Error('no worker of ours runs it');
    return { id, owner };
  }

  /** @param leftovers whether the one who takes over has to kill what the guard did not */
  async function takenOver(id: string, owner: WorkerProcess, leftovers: boolean): Promise<number> {
    const begun = performance.now();
    const events = await training.until(id, hasLine(/^attempt 2 found/));
    const seconds = (performance.now() - begun) / 1000;
    expect(linesOf(events).find((line) => line.startsWith('attempt 2'))).toBe(
      'attempt 2 found 0 of 2 processes alive',
    );
    const other = workers.find((worker) => worker !== owner);
    const killed = other?.entries.some(
      ({ msg, executionId }) =>
        executionId === id && msg === 'an earlier attempt was still alive; it was killed',
    );
    expect(killed).toBe(leftovers);
    expect(seconds).toBeLessThan(20);
    return seconds;
  }

  async function endsOnce(id: string): Promise<number> {
    const events = await training.until(id, hasEnded);
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, i) => i + 1));
    const attempts = events.map(({ attempt }) => attempt);
    expect(attempts).toEqual(attempts.toSorted((a, b) => a - b));
    const statuses = statusesOf(events).map((status) => status.split(':')[0]);
    expect(statuses).toEqual(['pending', 'running', 'pending', 'running', 'completed']);
    expect(events.at(-1)?.type).toBe('status');
    return events.length;
  }

  return {
    async kill({ withGuard = false } = {}) {
      const { id, owner } = await startRun();
      const guards = withGuard ? await findMarked(GUARD_MARKER, id) : [];
      expect(guards).toHaveLength(withGuard ? 1 : 0);
      owner.signal('SIGKILL');
      for (const guard of guards) process.kill(guard, 'SIGKILL');
      const seconds = await takenOver(id, owner, withGuard);
      await endsOnce(id);
      await owner.gone;
      workers[workers.indexOf(owner)] = await start();
      return seconds;
    },
    async freeze(ms) {
      const { id, owner } = await startRun();
      owner.signal('SIGSTOP');
      const [seconds] = await Promise.all([takenOver(id, owner, false), scheduler.wait(ms)]);
      const written = await endsOnce(id);
      owner.signal('SIGCONT');
      const woken = await owner.until(
        (entry) => entry.executionId === id && (entry.status === 'lost' || entry.code !== undefined),
      );
      expect(woken).toBeDefined();
      expect(await endsOnce(id)).toBe(written);
      return seconds;
    },
    async close() {
      for (const worker of workers) {
        worker.signal('SIGTERM');
        // One that a failed round left frozen.
        worker.signal('SIGCONT');
      }
      await Promise.all(workers.map(({ gone }) => gone));
      await training.close();
      await database.drop();
      await remove();
    },
  };
}
