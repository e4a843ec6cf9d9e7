import { type Done, type EvaluatorProcess, startEvaluatorProcess } from './evaluator-process.ts';
import type { Request } from './protocol.ts';

export type Job = {
  request: Request;
  phasesMs: readonly number[];
  /** Seconds rather than milliseconds: such jobs never have every process. */
  isLong: boolean;
  signal?: AbortSignal | undefined;
};

export type Pool = {
  /** Waits for a free process, first come, first served. */
  run(job: Job): Promise<Done>;
  /** Ends every process; what is waiting or running is refused. */
  close(): Promise<void>;
};

type Waiting = Job & { begin(member: Member): void; refuse(reason: Error): void };
type Member = { process: EvaluatorProcess; job: Job | undefined };

export function createPool({ processes, memoryMb }: { processes: number; memoryMb: number }): Pool {
  const members: Member[] = [];
  const waiting: Waiting[] = [];
  let isClosed = false;

  function dispatch(): void {
    for (let next = nextJob(); next !== -1; next = nextJob()) {
      const member = members.find(({ job, process }) => !job && process.isUsable()) ?? join();
      if (!member) return;
      const [job] = waiting.splice(next, 1);
      member.job = job;
      job?.begin(member);
    }
  }

  /** The longest waiting, but a long job only while a process is left for the short ones. */
  function nextJob(): number {
    const long = members.filter(({ job }) => job?.isLong).length;
    return waiting.findIndex(({ isLong }) => !isLong || long < Math.max(1, processes - 1));
  }

  function join(): Member | undefined {
    if (members.length >= processes) return undefined;
    const member: Member = { process: startEvaluatorProcess(memoryMb), job: undefined };
    members.push(member);
    void member.process.gone.then(() => leave(member));
    return member;
  }

  /** The last one is replaced at once, so that whoever comes next does not wait for a start. */
  function leave(member: Member): void {
    members.splice(members.indexOf(member), 1);
    if (isClosed) return;
    dispatch();
    if (members.length === 0) join();
  }

  async function run(job: Job): Promise<Done> {
    if (isClosed) throw closed();
    job.signal?.throwIfAborted();
    const member = await turn(job);
    try {
      return await member.process.run(job.request, job.phasesMs, job.signal);
    } finally {
      release(member);
    }
  }

  function release(member: Member): void {
    member.job = undefined;
    dispatch();
  }

  function turn(job: Job): Promise<Member> {
    return new Promise((resolve, reject) => {
      const leaveQueue = () => {
        waiting.splice(waiting.indexOf(entry), 1);
        reject(job.signal?.reason);
      };
      const entry: Waiting = {
        ...job,
        begin(member) {
          job.signal?.removeEventListener('abort', leaveQueue);
          resolve(member);
        },
        refuse: reject,
      };
      job.signal?.addEventListener('abort', leaveQueue, { once: true });
      waiting.push(entry);
      dispatch();
    });
  }

  async function close(): Promise<void> {
    isClosed = true;
    for (const { refuse } of waiting.splice(0)) refuse(closed());
    const left = members.map(({ process }) => process.gone);
    for (const { process } of members) process.stop();
    await Promise.all(left);
  }

  return { run, close };
}

const closed = () => new Error('The sandbox is closed');
