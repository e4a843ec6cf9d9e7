import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from 'pg';
import { DEMO_TENANT, makeDemoWorkspace } from '../../src/app/demo.ts';
import { createWorker } from '../../src/app/worker.ts';
import { DEMO_USER } from '../../src/modules/accounts/demo-user.ts';
import { type Config, loadConfig } from '../../src/platform/config.ts';
import { cipher, type Data, startApi, type TestApi, tokenOf } from '../support/api.ts';
import { blocksOf, readPage } from '../support/documentation.ts';
import { type CapturedLog, captureLog } from '../support/log.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const blocks = blocksOf(readPage('examples/workflows/README.md'));

/** A command's output, and the ids of what it has made or names, by what they are of. */
export type Said = { text: string; lines: string[]; workflow: string; execution: string };

export type ExamplesBench = {
  api: TestApi;
  /** Of the demo workspace. */
  token: string;
  tenantId: string;
  log: CapturedLog;
  /** The commands that the README gives for an example, in order, with these texts in place of others. */
  commands(example: string, replaced?: Record<string, string>): string[];
  /** Runs a command in a shell, as somebody who has set RUNCAST_URL and RUNCAST_TOKEN. @throws where it fails */
  shell(command: string): Promise<Said>;
  /** As the demo user. @returns the first field */
  ask(query: string, variables?: object): Promise<Data>;
  /** Follows a run to its end; resolves with how it ended, its state, and the output and error of each step by name. */
  ended(executionId: string): Promise<Data>;
  /** Does something that starts a run of a workflow; resolves with that run's id. */
  started(workflowId: string, act: () => Promise<unknown>): Promise<string>;
  /** Lets what a run waits for be over now, in place of in hours. */
  overdue(executionId: string): Promise<void>;
  /** The demo user's notifications, newest first. */
  notifications(): Promise<{ title: string; body: string }[]>;
  close(): Promise<void>;
};

/** The API, the demo workspace in its database, and a worker in this process that may call servers of this machine. */
export async function openExamples(options: {
  env?: Record<string, string>;
  change?: (config: Config) => Config;
}): Promise<ExamplesBench> {
  const dataDir = await mkdtemp(join(tmpdir(), 'runcast-examples-'));
  const env = { RUNCAST_DATA_DIR: dataDir, OUTBOUND_ALLOWED_HOSTS: '127.0.0.1', OUTBOUND_PORTS: 'any' };
  const loaded = loadConfig({ ...env, ...options.env }, '/');
  const config = options.change?.(loaded) ?? loaded;
  const api = await startApi({
    config: { statementTimeoutMs: 10_000, graphiql: true, introspection: true, models: config.models },
  });
  await makeDemoWorkspace(api.database.admin, dataDir);
  const token = await tokenOf({ role: 'authenticated', sub: DEMO_USER.id, email: DEMO_USER.email });
  const log = captureLog();
  const worker = createWorker({ config, workerUrl: api.database.worker, cipher, log: log.log });
  await worker.start();

  async function ask(query: string, variables: object = {}): Promise<Data> {
    const { data, errors } = await api.ask(query, variables, { token });
    if (errors) throw new Error(JSON.stringify(errors));
    return Object.values<Data>(data)[0];
  }

  return {
    ...{ api, token, tenantId: DEMO_TENANT.id, log, ask },
    commands(example, replaced = {}) {
      const block = blocks.find(({ language, section }) => language === 'sh' && section === example);
      if (!block) throw new Error(`the README has no commands for ${example}`);
      let { text } = block;
      for (const [from, to] of Object.entries(replaced)) text = text.replaceAll(from, to);
      return text.trim().split('\n');
    },
    shell: (command) => shell(command, { RUNCAST_URL: api.url, RUNCAST_TOKEN: token }),
    async ended(executionId) {
      const socket = api.socket({ token });
      for await (const { errors } of socket.follow(FOLLOW, { id: executionId })) {
        if (errors) throw new Error(JSON.stringify(errors));
      }
      await socket.dispose();
      const { steps, ...run } = await ask(STATE, { id: executionId });
      const nodes = steps.edges.map(({ node }: Data) => [node.name, node] as const);
      return { ...run, steps: Object.fromEntries(nodes) };
    },
    started: (workflowId, act) => started(api, workflowId, act),
    async overdue(executionId) {
      const { rowCount } = await api.admin.query(
        `update pgboss.job j set start_after = now() from runcast.workflow_step_runs r
         where j.name = 'workflow.wait-over' and j.state = 'created' and j.data ->> 'stepRunId' = r.id::text
           and r.execution_id = $1 and r.state = 'awaiting'`,
        [executionId],
      );
      if (rowCount !== 1) throw new Error(`${rowCount} waits of ${executionId} have an end`);
    },
    async notifications() {
      const { edges } = await ask('{ notifications(first: 50) { edges { node { title body } } } }');
      return edges.map(({ node }: Data) => node);
    },
    async close() {
      await worker.stop(4_000);
      await api.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

const FOLLOW = 'subscription ($id: ID!) { workflowExecutionEvents(id: $id, maxWaitMs: 0) { ended } }';

const STATE = `query ($id: ID!) { workflowExecution(id: $id) { status output state error { message code }
  steps(first: 100) { edges { node { name state output error { message code } } } } } }`;

async function started(api: TestApi, workflowId: string, act: () => Promise<unknown>): Promise<string> {
  const client = new Client({ connectionString: api.database.admin });
  await client.connect();
  const ids = async () => {
    const { rows } = await client.query<{ id: string }>(
      'select id from public.workflow_executions where workflow_id = $1',
      [workflowId],
    );
    return rows.map(({ id }) => id);
  };
  try {
    const before = await ids();
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const look = async () => {
      const id = (await ids()).find((other) => !before.includes(other));
      if (id !== undefined) resolve(id);
    };
    // One after another: a look that comes while another one is under way follows it.
    let looking = Promise.resolve();
    client.on('notification', () => {
      looking = looking.then(look).catch(reject);
    });
    await client.query('listen runcast_feed');
    await act();
    return await promise;
  } finally {
    await client.end();
  }
}

function shell(command: string, env: Record<string, string>): Promise<Said> {
  const { promise, resolve, reject } = Promise.withResolvers<Said>();
  const child = spawn('bash', ['-c', command], { cwd: root, env: { ...process.env, ...env } });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (piece) => {
      text += piece;
    });
  }
  child.once('close', (code) => {
    if (code !== 0) reject(new Error(`${command}\n${text}`));
    const idOf = (what: string) => new RegExp(`^${what} (\\S+)`, 'm').exec(text)?.[1] ?? '';
    resolve({
      text,
      lines: text.trim().split('\n'),
      workflow: idOf('workflow'),
      execution: idOf('execution'),
    });
  });
  return promise;
}
