import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { z } from 'zod';
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

const RUN = 'databaseId publicId status error result { modelPath }';

const runSchema = z
  .object({
    databaseId: z.string(),
    publicId: z.string(),
    status: z.string(),
    error: z.string().nullable(),
    result: z.object({ modelPath: z.string().nullable() }).nullable(),
  })
  .transform(
    ({ databaseId, publicId, status, error, result }): RunSummary => ({
      ...{ id: databaseId, publicId, status, error },
      isOver: ['COMPLETED', 'FAILED', 'CANCELLED'].includes(status),
      modelPath: result?.modelPath ?? null,
    }),
  );

const startedSchema = z.object({
  startTraining: z.union([runSchema, z.object({ code: z.string(), message: z.string() })]),
});
const newestSchema = z.object({
  trainingExecutions: z.object({ edges: z.array(z.object({ node: runSchema })) }),
});
const oneSchema = z.object({ trainingExecution: runSchema.nullable() });

const eventSchema = z.object({
  __typename: z.string(),
  percent: z.number().optional(),
  step: z.number().nullish(),
  totalSteps: z.number().nullish(),
  etaSeconds: z.number().nullish(),
  values: z.record(z.string(), z.number()).optional(),
});
const batchSchema = z.object({ executionEvents: z.object({ events: z.array(eventSchema) }) });

/** What `runcast start` asks of the API it has just started: it is a client like any other. */
export function createDemoClient({ url, token }: { url: string; token: string }) {
  const sockets = createClient({
    url: `${url.replace(/^http/, 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${token}` },
  });

  async function ask<T>(schema: z.ZodType<T>, query: string, variables: Record<string, unknown>): Promise<T> {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify({ query, variables }),
    });
    const { data, errors } = z
      .looseObject({ data: z.unknown(), errors: z.unknown().optional() })
      .parse(await response.json());
    if (errors) throw new Error(`the API answered ${JSON.stringify(errors)}`);
    return schema.parse(data);
  }

  return {
    async start({
      publicId,
      idempotencyKey,
    }: {
      publicId: string;
      idempotencyKey: string;
    }): Promise<RunSummary> {
      const { startTraining: started } = await ask(
        startedSchema,
        `mutation ($input: StartTrainingInput!) {
           startTraining(input: $input) { ... on TrainingExecution { ${RUN} } ... on Error { code message } }
         }`,
        { input: { publicId, idempotencyKey, method: 'SFT', provider: 'LOCAL' } },
      );
      if ('code' in started) throw new Error(`the demo run was refused: ${started.message}`);
      return started;
    },

    /** The newest run that is going, else the newest of all. */
    async newestRun(): Promise<RunSummary | undefined> {
      const { trainingExecutions } = await ask(
        newestSchema,
        `{ trainingExecutions(first: 20) { edges { node { ${RUN} } } } }`,
        {},
      );
      const runs = trainingExecutions.edges.map(({ node }) => node);
      return runs.find(({ isOver }) => !isOver) ?? runs[0];
    },

    async run(id: string): Promise<RunSummary> {
      const { trainingExecution } = await ask(
        oneSchema,
        `query ($id: ID!) { trainingExecution(id: $id) { ${RUN} } }`,
        { id },
      );
      if (!trainingExecution) throw new Error(`the run ${id} is gone`);
      return trainingExecution;
    },

    /** The run's progress from now on, with the newest loss; ends with the run or the signal. */
    async *watch(id: string, signal: AbortSignal): AsyncGenerator<RunProgress> {
      const events = sockets.iterate({
        query: `subscription ($id: ID!) {
          executionEvents(id: $id, maxWaitMs: 200) {
            events { __typename ... on ProgressEvent { percent step totalSteps etaSeconds } ... on MetricEvent { values } }
          }
        }`,
        variables: { id },
      });
      const stop = () => void events.return?.();
      signal.addEventListener('abort', stop, { once: true });
      let loss: number | undefined;
      for await (const { data, errors } of events) {
        if (errors) throw new Error(errors[0]?.message);
        let newest: RunProgress | undefined;
        for (const event of batchSchema.parse(data).executionEvents.events) {
          loss = event.values?.loss ?? loss;
          if (event.percent !== undefined) newest = { ...event, percent: event.percent, loss };
        }
        if (newest) yield newest;
      }
      signal.removeEventListener('abort', stop);
    },

    close: () => sockets.dispose(),
  };
}
