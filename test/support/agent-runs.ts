import { createWorker, type Worker } from '../../src/app/worker.ts';
import type { AgentPorts } from '../../src/modules/agents/ports.ts';
import { type Config, loadConfig } from '../../src/platform/config.ts';
import { type AgentValues, insertAgent, insertTenant } from './agents.ts';
import { type Data, startApi, type TestApi, type User } from './api.ts';
import { type CapturedLog, captureLog } from './log.ts';

/** An API and a worker that runs agents, for a member of a tenant. */
export type AgentRuns = {
  api: TestApi;
  user: User;
  tenantId: string;
  config: Config;
  log: CapturedLog;
  /** Makes an agent with a model of the server at MODEL_BASE_URL. */
  agent(values?: AgentValues & { validationSchema?: unknown; outputSchema?: unknown }): Promise<string>;
  /** Asks for a run; the payload, which may be an error. */
  ask(variables: Record<string, unknown>): Promise<Data>;
  /** The same, of one that is started; its row's id. */
  run(agentId: string, more?: Record<string, unknown>): Promise<string>;
  /** Resolves with the run once it has ended. */
  ended(id: string): Promise<Data>;
  /** The run as it is. */
  state(id: string): Promise<Data>;
  /** Follows the events until one fits, or the end; resolves with all until then. */
  events(id: string, fits?: (event: Data) => boolean): Promise<Data[]>;
  close(): Promise<void>;
};

export const RUN = `mutation ($agentId: ID!, $input: JSON, $stream: Boolean! = false, $key: String, $tenantId: ID,
    $priority: ExecutionPriority! = NORMAL) {
  runAgent(agentId: $agentId, input: $input, stream: $stream, idempotencyKey: $key, tenantId: $tenantId, priority: $priority) {
    __typename
    ... on AgentExecution { databaseId status }
    ... on Error { code message path remedy }
  }
}`;

export const STATE = `query ($id: ID!) {
  agentExecution(id: $id) {
    databaseId status input output attempt
    error { message code }
    metricsJson metrics { cost tokenUsage } usage { input cachedInput output reasoning }
    steps { key kind name state tries input output error { code message } usage { input cachedInput output reasoning } cost priceVersion }
    approvals { id stepKey tool prompt arguments decision comment }
    stateLogs { edges { node { status tokenUsage cost duration } } }
    retryOf { databaseId }
  }
}`;

const EVENTS = `subscription ($id: ID!) {
  agentExecutionEvents(id: $id, maxWaitMs: 0) {
    ended events {
      seq __typename
      ... on StatusEvent { from to reason } ... on OutputEvent { delta } ... on LogEvent { level message source }
      ... on StepEvent { stepId name stepType state stepAttempt error } ... on ApprovalEvent { stepId prompt decision by }
    }
  }
}`;

export async function openAgentRuns(options: {
  baseUrl?: string;
  ports?: Partial<AgentPorts>;
  env?: Record<string, string>;
  /** Default: a worker in this process. */
  withoutWorker?: boolean;
}): Promise<AgentRuns> {
  const env = { ...(options.baseUrl && { MODEL_BASE_URL: options.baseUrl }), ...options.env };
  const config = loadConfig(env, '/tmp');
  const agentPorts = options.ports ?? {};
  const { models } = config;
  const api = await startApi({
    config: { statementTimeoutMs: 10_000, graphiql: true, introspection: true, models },
    agentPorts,
  });
  const user = await api.makeUser();
  const tenantId = await insertTenant(api.admin, [{ user, role: 'member' }]);
  const log = captureLog();
  let worker: Worker | undefined;
  if (!options.withoutWorker) {
    worker = createWorker({ config, workerUrl: api.database.worker, log: log.log, agentPorts });
    await worker.start();
  }

  async function ask(variables: Record<string, unknown>): Promise<Data> {
    const { data, errors } = await api.ask(RUN, variables, user);
    if (errors) throw new Error(JSON.stringify(errors));
    return data.runAgent;
  }

  async function events(id: string, fits: (event: Data) => boolean = () => false): Promise<Data[]> {
    const all: Data[] = [];
    const socket = api.socket(user);
    try {
      for await (const { data, errors } of socket.follow(EVENTS, { id })) {
        if (errors) throw new Error(JSON.stringify(errors));
        all.push(...data.agentExecutionEvents.events);
        if (data.agentExecutionEvents.events.some(fits)) break;
      }
    } finally {
      await socket.dispose();
    }
    return all;
  }

  async function state(id: string): Promise<Data> {
    const { data, errors } = await api.ask(STATE, { id }, user);
    if (errors) throw new Error(JSON.stringify(errors));
    return data.agentExecution;
  }

  return {
    ...{ api, user, tenantId, config, log, ask, events, state },
    async agent({ validationSchema, outputSchema, ...values } = {}) {
      const model = { provider: 'openai-compatible', name: 'test' };
      const id = await insertAgent(api.admin, tenantId, { executionConfig: { model }, ...values });
      await api.admin.query(
        'update public.agents set validation_schema = $2, output_schema = $3 where id = $1',
        [
          id,
          validationSchema ? JSON.stringify(validationSchema) : null,
          outputSchema ? JSON.stringify(outputSchema) : null,
        ],
      );
      return id;
    },
    async run(agentId, more = {}) {
      const payload = await ask({ agentId, input: 'Hello?', ...more });
      if (!payload.databaseId) throw new Error(JSON.stringify(payload));
      return payload.databaseId;
    },
    async ended(id) {
      await events(id);
      return await state(id);
    },
    async close() {
      await worker?.stop(4_000);
      await api.close();
    },
  };
}
