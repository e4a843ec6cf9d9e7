import { delay, id, type LooseStep, mapping } from '../modules/workflows/definitions.ts';
import { openEngine } from './workflow-engine.ts';

const HOUR = 3_600_000;

/** What the pools of the engine and of the test may open between two counts, whatever waits: 8, 4 and 4. */
export const POOLS = 16;

/** What so many questions and so many delays at once keep busy. */
export async function countWaiting(each: number) {
  const engine = await openEngine();
  try {
    const { steps } = await engine.work(async () => ({}), 2);
    await engine.admin.query(
      `update public.tenants set limits = '{"maxConcurrentRuns": 100000}' where id = $1`,
      [engine.tenantId],
    );
    const ask: LooseStep = { id: id('q'), name: 'q', type: 'human', config: { prompt: '?', required: true } };
    const connections = async () => {
      const { rows } = await engine.admin.query<{ n: number }>(
        'select count(*)::int as n from pg_stat_activity where datname = current_database()',
      );
      return rows[0]?.n ?? 0;
    };
    const probe = await engine.define([mapping('a', { x: 1 }), mapping('b', { x: 2 })]);
    await engine.ended(await engine.start(probe));
    const before = await connections();
    const asking = await engine.define([ask]);
    const delaying = await engine.define([delay('d', { config: { duration: HOUR } })]);
    const asked: string[] = [];
    for (let n = 0; n < each; n += 1) {
      asked.push(await engine.start(asking));
      await engine.start(delaying);
    }
    const isAsked = (events: { type: string }[]) => events.some(({ type }) => type === 'approval');
    for (const execution of asked) await engine.until(execution, isAsked);
    const { rows } = await engine.admin.query<{ state: string; n: number }>(
      `select state, count(*)::int as n from runcast.workflow_step_runs
       where state in ('awaiting', 'delayed') group by state`,
    );
    const held = { slots: steps.count, connections: (await connections()) - before };
    // There is room for others all the while.
    await engine.ended(await engine.start(probe));
    return { ...Object.fromEntries(rows.map(({ state, n }) => [state, n])), ...held };
  } finally {
    await engine.close();
  }
}
