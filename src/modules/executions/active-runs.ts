import type { Sql } from '../../platform/db/sql.ts';
import type { ExecutionKind, ExecutionRef } from '../../platform/feed/events.ts';

/** Why a run has to stop. */
export type StopReason = 'cancelled' | 'timeout' | 'shutdown' | 'lost';

export type ActiveRun = {
  /** Aborted with the StopReason. */
  stop: AbortSignal;
  requestStop(reason: StopReason): void;
  /** What whoever cancelled it said. */
  cancelReason(): string | undefined;
  end(): void;
};

/** The attempts that this process is running, of whatever kind. */
export type ActiveRuns = {
  begin(execution: ExecutionRef, attempt: number): ActiveRun;
  /**
   * Asks the database what has become of them: those to cancel, those that others ended or took over. A wake-up says
   * when; since it can be lost, the caller asks every second as well.
   */
  check(sql: Sql): Promise<void>;
  /** Stops all, and refuses new ones from now on. */
  shutDown(): void;
  readonly isShutDown: boolean;
  readonly count: number;
};

type Entry = { execution: ExecutionRef; attempt: number; stop: AbortController; cancelReason?: string };
type State = {
  kind: ExecutionKind;
  id: string;
  attempt: number;
  isOpen: boolean;
  isCancelled: boolean;
  cancelReason: string | null;
};

export function createActiveRuns(): ActiveRuns {
  const entries = new Set<Entry>();
  let isShutDown = false;

  function stop(entry: Entry, reason: StopReason): void {
    entry.stop.abort(reason);
  }

  return {
    begin(execution, attempt) {
      const entry: Entry = { execution, attempt, stop: new AbortController() };
      entries.add(entry);
      if (isShutDown) stop(entry, 'shutdown');
      return {
        stop: entry.stop.signal,
        requestStop: (reason) => stop(entry, reason),
        cancelReason: () => entry.cancelReason,
        end: () => void entries.delete(entry),
      };
    },
    async check(sql) {
      if (entries.size === 0) return;
      const asked = [...entries];
      const states = await sql.query<State>(
        `select kind, execution_id as id, attempt, state = 'open' as "isOpen",
           cancel_requested_at is not null as "isCancelled", cancel_reason as "cancelReason"
         from runcast.execution_streams
         where (kind, execution_id) in (select * from unnest($1::text[], $2::text[]))`,
        [asked.map(({ execution }) => execution.kind), asked.map(({ execution }) => execution.id)],
      );
      const byRef = new Map(states.map((state) => [nameOf(state), state]));
      for (const entry of asked) {
        const state = byRef.get(nameOf(entry.execution));
        if (!state?.isOpen || state.attempt !== entry.attempt) stop(entry, 'lost');
        else if (state.isCancelled) {
          if (state.cancelReason !== null) entry.cancelReason = state.cancelReason;
          stop(entry, 'cancelled');
        }
      }
    },
    shutDown() {
      isShutDown = true;
      for (const entry of entries) stop(entry, 'shutdown');
    },
    get isShutDown() {
      return isShutDown;
    },
    get count() {
      return entries.size;
    },
  };
}

function nameOf({ kind, id }: ExecutionRef): string {
  return `${kind}:${id}`;
}
