import { DBOS } from '@dbos-inc/dbos-sdk';
import { type Shape, type Side, serve } from '../workflows/side.ts';

/**
 * DBOS as its guide has it: a workflow is a function, its steps are recorded in Postgres. Started directly it runs in the
 * process that starts it; with a queue any process may take it, which looks for work once in a while.
 */
const [url = '', way = 'direct'] = process.argv.slice(2);
const QUEUE = 'bench';
const begun = new Map<string, number>();

const noop = async (id: string): Promise<boolean> => {
  if (!begun.has(id)) begun.set(id, performance.now());
  return true;
};
const step = (id: string) => DBOS.runStep(() => noop(id), { name: 'noop' });

const chain = DBOS.registerWorkflow(
  async (count: number) => {
    const id = DBOS.workflowID ?? '';
    for (let n = 0; n < count; n += 1) await step(id);
  },
  { name: 'chain' },
);
const fanOut = DBOS.registerWorkflow(
  async (count: number) => {
    const id = DBOS.workflowID ?? '';
    await step(id);
    await Promise.all(Array.from({ length: count - 1 }, () => step(id)));
  },
  { name: 'fanOut' },
);

DBOS.setConfig({ name: 'bench', systemDatabaseUrl: url, systemDatabasePoolSize: 20, logLevel: 'warn' });
await DBOS.launch();
if (way === 'queued') await DBOS.registerQueue(QUEUE);

const shapes: Record<Shape, (count: number) => Promise<void>> = { chain, 'fan-out': fanOut };
const handles = new Map<string, { getResult(): Promise<unknown> }>();
const side: Side = {
  async start(shape, count) {
    const handle = await DBOS.startWorkflow(
      shapes[shape],
      way === 'queued' ? { queueName: QUEUE } : {},
    )(count);
    handles.set(handle.workflowID, handle);
    return handle.workflowID;
  },
  async ended(id) {
    await handles.get(id)?.getResult();
    handles.delete(id);
  },
  begunAt: (id) => begun.get(id) ?? Number.NaN,
  close: () => DBOS.shutdown(),
};
await serve(side);
