import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import type {
  NewestRunsQuery,
  TypedDocumentString,
  WatchDemoRunSubscription,
} from '../generated/graphql/graphql.ts';
import { NEWEST_RUNS, ONE_RUN, START_DEMO_RUN, WATCH_RUN } from './demo-client.graphql.ts';
import type { RunProgress } from './progress-line.ts';

export type RunSummary = {
  id: string;
  publicId: string;
  status: string;
  isOver: boolean;
  error: string | null;
  modelPath: string | null;
};

export type DemoClient = ReturnType<typeof createDemoClient>;

type WatchResult = {
  data?: WatchDemoRunSubscription | null | undefined;
  errors?: readonly { message: string }[] | undefined;
};

type Run = NewestRunsQuery['trainingExecutions']['edges'][number]['node'];

/** What `runcast start` asks of the API it has just started: it is a client like any other. */
export function createDemoClient({ url, token }: { url: string; token: string }) {
  const sockets = createClient({
    url: `${url.replace(/^http/, 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${token}` },
  });

  async function ask<Data, Variables>(
    document: TypedDocumentString<Data, Variables>,
    variables: Variables,
  ): Promise<Data> {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify({ query: document, variables }),
    });
    // The document's types are made from the schema that the API of this same version serves.
    const { data, errors } = (await response.json()) as { data?: Data; errors?: unknown };
    if (errors || data == null) throw new Error(`the API answered ${JSON.stringify(errors)}`);
    return data;
  }

  return {
    async start({
      publicId,
      idempotencyKey,
    }: {
      publicId: string;
      idempotencyKey: string;
    }): Promise<RunSummary> {
      const input = { publicId, idempotencyKey, method: 'SFT', provider: 'LOCAL' } as const;
      const { startTraining: started } = await ask(START_DEMO_RUN, { input });
      if (started.__typename !== 'TrainingExecution') {
        throw new Error(`the demo run was refused: ${started.message}`);
      }
      return summaryOf(started);
    },

    /** The newest run that is going, else the newest of all. */
    async newestRun(): Promise<RunSummary | undefined> {
      const { trainingExecutions } = await ask(NEWEST_RUNS, {});
      const runs = trainingExecutions.edges.map(({ node }) => summaryOf(node));
      return runs.find(({ isOver }) => !isOver) ?? runs[0];
    },

    async run(id: string): Promise<RunSummary> {
      const { trainingExecution } = await ask(ONE_RUN, { id });
      if (!trainingExecution) throw new Error(`the run ${id} is gone`);
      return summaryOf(trainingExecution);
    },

    /** The run's progress from now on, with the newest loss; ends with the run or the signal. */
    async *watch(id: string, signal: AbortSignal): AsyncGenerator<RunProgress> {
      const results = sockets.iterate<WatchDemoRunSubscription>({
        query: WATCH_RUN.toString(),
        variables: { id },
      });
      const stop = () => void results.return?.();
      signal.addEventListener('abort', stop, { once: true });
      let loss: number | undefined;
      for await (const result of results) {
        const newest = progressIn(result, loss);
        loss = newest.loss;
        const { percent } = newest;
        if (percent !== undefined) yield { ...newest, percent };
      }
      signal.removeEventListener('abort', stop);
    },

    close: () => sockets.dispose(),
  };
}

function summaryOf({ databaseId, publicId, status, error, result }: Run): RunSummary {
  return {
    ...{ id: databaseId, publicId, status, error },
    isOver: ['COMPLETED', 'FAILED', 'CANCELLED'].includes(status),
    modelPath: result?.modelPath ?? null,
  };
}

/** The last progress of a batch, if it has any, with the newest loss so far. */
function progressIn({ data, errors }: WatchResult, lossBefore: number | undefined): Partial<RunProgress> {
  if (errors) throw new Error(errors[0]?.message);
  let loss = lossBefore;
  let newest: Partial<RunProgress> = {};
  for (const event of data?.executionEvents.events ?? []) {
    if (event.__typename === 'MetricEvent') loss = lossIn(event.values) ?? loss;
    if (event.__typename === 'ProgressEvent') newest = event;
  }
  return { ...newest, loss };
}

function lossIn(values: unknown): number | undefined {
  if (typeof values !== 'object' || values === null || !('loss' in values)) return undefined;
  return typeof values.loss === 'number' ? values.loss : undefined;
}
