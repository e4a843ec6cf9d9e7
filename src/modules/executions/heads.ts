import { createBatch } from '../../graphql/batch.ts';
import { type Context, perLease } from '../../graphql/context.ts';
import type { ExecutionRef } from '../../platform/feed/events.ts';
import { loadHeads, type StreamHead } from './feed.ts';

const batches = ({ db }: Context) => ({
  training: createBatch((ids) => loadHeads(db.sql, 'training', ids)),
  agent: createBatch((ids) => loadHeads(db.sql, 'agent', ids)),
  workflow: createBatch((ids) => loadHeads(db.sql, 'workflow', ids)),
});

/** What an execution's stream knows beyond its row; executions of one kind on one level are read in one statement. */
export function headOf(context: Context, { kind, id }: ExecutionRef): Promise<StreamHead | undefined> {
  return perLease(context, batches)[kind](id);
}
