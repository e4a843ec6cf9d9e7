import { useMemo, useSyncExternalStore } from 'react';
import type { Client } from './client.ts';
import { createExecutionStore, type Execution, type ExecutionOptions } from './execution-store.ts';

export type { Execution, ExecutionOptions } from './execution-store.ts';

/**
 * A run as it is going, for a component to show. Renders at most twenty times a second, however many events come, and
 * stops watching when the component goes; another client, id or option is another run.
 *
 * @param id undefined shows nothing yet: a run that is still to be chosen or started
 */
export function useExecution(
  client: Client,
  id: string | undefined,
  { after, newest }: ExecutionOptions = {},
): Execution {
  const store = useMemo(
    () => createExecutionStore(client, id, { after, newest }),
    [client, id, after, newest],
  );
  return useSyncExternalStore(store.subscribe, store.snapshot, store.snapshot);
}
