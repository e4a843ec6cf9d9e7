import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterFiles } from '../src/app/jobs.ts';
import { applyMigrations } from '../src/platform/db/migrations/migrator.ts';
import { withDatabase } from './database.ts';
import { installPeers } from './install.ts';
import { inTable, percentiles } from './live/percentiles.ts';
import { median } from './median.ts';
import type { Table } from './table.ts';
import { isWanted } from './wanted.ts';
import type { Answer, Task } from './workflows/side.ts';

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5);
const PER_SECOND = Number(process.env.BENCH_RATE ?? 500);
/** A queue that polls takes a second for each. */
const IDLE = 50;
const SECONDS = Number(process.env.BENCH_SECONDS ?? 10);

type Contender = { name: string; program: string; args: string[] };

/** Steps that do nothing, run durably: by the engine as the worker has it, and by DBOS on the same Postgres. */
export async function workflows(): Promise<Table> {
  await installPeers();
  return await withDatabase(async (urls) => {
    await applyMigrations({ adminUrl: urls.admin, log: () => {}, afterFiles });
    const dbos = new URL(urls.admin);
    dbos.pathname = '/dbos';
    const contenders: Contender[] = [
      { name: 'ours', program: 'workflows/ours.ts', args: [urls.admin, urls.worker] },
      { name: 'DBOS', program: 'peers/dbos.ts', args: [dbos.href, 'direct'] },
      { name: 'DBOS, queued', program: 'peers/dbos.ts', args: [dbos.href, 'queued'] },
    ].filter(({ name }) => isWanted(process.env.BENCH_SIDES, name));
    const rows: string[][] = [];
    for (const contender of contenders) {
      console.log(`${contender.name} …`);
      rows.push(await measure(contender));
    }
    return {
      title: `Workflows of steps that do nothing (medians of ${ROUNDS} rounds; each side alone on the machine in its turn)`,
      columns: [
        ...[
          'engine',
          'chain steps/s',
          'fan-out steps/s',
          'CPU ms a step',
          'commit to start p50 ms',
          'p99 ms',
        ],
        ...[`at ${PER_SECOND} runs/s: runs/s`, 'start to end p50 ms', 'p99 ms'],
      ],
      rows,
    };
  });
}

async function measure({ name, program, args }: Contender): Promise<string[]> {
  const child = fork(fileURLToPath(new URL(program, import.meta.url)), args);
  await once(child, 'message');
  try {
    const chain: Answer[] = [];
    const fanOut: Answer[] = [];
    // The first round is for what is prepared and compiled once.
    for (let round = -1; round < ROUNDS; round += 1) {
      const answers = [
        await ask(child, { kind: 'throughput', shape: 'chain', workflows: 50, steps: 20 }),
        await ask(child, { kind: 'throughput', shape: 'fan-out', workflows: 10, steps: 100 }),
      ] as const;
      if (round < 0) continue;
      chain.push(answers[0]);
      fanOut.push(answers[1]);
    }
    const { latencies } = await ask(child, { kind: 'idle', workflows: IDLE });
    const rate = await ask(child, { kind: 'rate', perSecond: PER_SECOND, seconds: SECONDS });
    const perSecond = (answers: Answer[]) =>
      median(answers.map(({ done, seconds }) => done / seconds)).toFixed(0);
    const cpu = median([...chain, ...fanOut].map(({ cpuSeconds, done }) => (1_000 * cpuSeconds) / done));
    const [idle, atRate] = [percentiles(latencies), percentiles(rate.latencies)];
    return [
      ...[name, perSecond(chain), perSecond(fanOut), cpu.toFixed(2)],
      ...[inTable(idle.p50), inTable(idle.p99)],
      ...[(rate.done / rate.seconds).toFixed(0), inTable(atRate.p50), inTable(atRate.p99)],
    ];
  } finally {
    child.send('end');
    await once(child, 'exit');
  }
}

async function ask(child: ChildProcess, task: Task): Promise<Answer> {
  child.send(task);
  const [answer] = await once(child, 'message');
  return answer as Answer;
}
