import type { Sql } from '../../../platform/db/sql.ts';

/** Why a step is to stop: its execution went on without it, this process shuts down, or its time is over. */
export type StopReason = 'lost' | 'shutdown' | 'timeout';

export type ActiveStep = {
  /** Aborted with the StopReason. */
  readonly signal: AbortSignal;
  stop(reason: StopReason): void;
  end(): void;
};

/** The runs of steps that this process is at. */
export type ActiveSteps = {
  begin(stepRunId: string, attempt: number): ActiveStep;
  /** Stops those that are not theirs to run any more. A wake-up says when to ask; it may be lost, so ask every second. */
  check(sql: Sql): Promise<void>;
  shutDown(): void;
  readonly isShutDown: boolean;
  readonly count: number;
};

type Entry = { stepRunId: string; attempt: number; controller: AbortController };

export function createActiveSteps(): ActiveSteps {
  const entries = new Set<Entry>();
  let isShutDown = false;
  return {
    begin(stepRunId, attempt) {
      const entry: Entry = { stepRunId, attempt, controller: new AbortController() };
      const stop = (reason: StopReason) => entry.controller.abort(reason);
      entries.add(entry);
      if (isShutDown) stop('shutdown');
      return { signal: entry.controller.signal, stop, end: () => void entries.delete(entry) };
    },
    async check(sql) {
      if (entries.size === 0) return;
      const asked = [...entries];
      const running = await sql.query<{ id: string; attempt: number }>(
        `select r.id, r.attempt from runcast.workflow_step_runs r
         join public.workflow_executions e on e.id = r.execution_id
         where r.id = any($1::uuid[]) and r.state = 'running' and e.status in ('running', 'paused')`,
        [asked.map(({ stepRunId }) => stepRunId)],
      );
      const attempts = new Map(running.map(({ id, attempt }) => [id, attempt]));
      for (const { stepRunId, attempt, controller } of asked) {
        if (attempts.get(stepRunId) !== attempt) controller.abort('lost');
      }
    },
    shutDown() {
      isShutDown = true;
      for (const { controller } of entries) controller.abort('shutdown');
    },
    get isShutDown() {
      return isShutDown;
    },
    get count() {
      return entries.size;
    },
  };
}
