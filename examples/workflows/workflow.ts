import { parseArgs } from 'node:util';
import { Webhook } from 'standardwebhooks';
import { ask, type Data, REFUSAL, serverUrl } from './api.ts';
import { create } from './create.ts';
import { show } from './show.ts';

const HELP = `npm run --silent workflow -- <command>

  create <example> [--set name=value …]   makes the workflow, and the agent that it asks
  secret <NAME>                           keeps the environment variable of that name as a secret
  run <workflow id> [<input as JSON>]     starts it, and shows what it does until it asks something or ends
  send <workflow id> [<body as JSON>]     starts it by a request to its webhook, signed with WEBHOOK_SECRET
  report <properties as JSON>             records an event of the type error, for workflows that listen for it
  runs <workflow id>                      lists its newest runs
  follow <execution id>                   shows what a run does until it asks something or ends
  decide <execution id> approved|rejected [<comment>]   answers what it asks, and goes on showing

RUNCAST_URL is where the server is (http://localhost:4000), RUNCAST_TOKEN who you are; --tenant <id> whom it is
for, by default the first workspace that is yours.`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { set: { type: 'string', multiple: true }, tenant: { type: 'string' } },
});

async function tenantId(): Promise<string> {
  if (values.tenant) return values.tenant;
  const { tenants } = await ask('{ viewer { tenants { id role } } }');
  const mine = tenants.find(({ role }: Data) => role === 'ADMIN' || role === 'MEMBER');
  if (!mine) throw new Error('You belong to no workspace: make one with createTenant.');
  return mine.id;
}

async function keepSecret(name: string): Promise<void> {
  const value = process.env[name];
  if (!value) throw new Error(`Set ${name} in the environment: a command line is no place for it.`);
  await ask(
    `mutation ($input: SetSecretInput!) { setSecret(input: $input) { ... on Secret { name } ${REFUSAL} } }`,
    { input: { tenantId: await tenantId(), name, value } },
  );
  console.log(`secret ${name}`);
}

async function run(workflowId: string, input = '{}'): Promise<void> {
  const { databaseId } = await ask(
    `mutation ($id: ID!, $input: JSON) {
       runWorkflow(workflowId: $id, input: $input) { ... on WorkflowExecution { databaseId } ${REFUSAL} } }`,
    { id: workflowId, input: JSON.parse(input) },
  );
  console.log(`execution ${databaseId}`);
  await show(databaseId);
}

async function send(workflowId: string, body = '{}'): Promise<void> {
  const { WEBHOOK_SECRET } = process.env;
  if (!WEBHOOK_SECRET) throw new Error('Set WEBHOOK_SECRET to what create has shown.');
  const { webhook } = await ask('query ($id: ID!) { workflow(id: $id) { webhook { path } } }', {
    id: workflowId,
  });
  if (!webhook) throw new Error('That workflow is not started by requests.');
  const [id, now] = [`msg_${crypto.randomUUID()}`, new Date()];
  const response = await fetch(serverUrl + webhook.path, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(now.getTime() / 1000)),
      'webhook-signature': new Webhook(WEBHOOK_SECRET).sign(id, now, body),
    },
    body,
  });
  const answer = (await response.json()) as { execution_id?: string; error?: string };
  if (!answer.execution_id) throw new Error(`${response.status}: ${answer.error}`);
  console.log(`execution ${answer.execution_id}`);
  await show(answer.execution_id);
}

async function report(properties: string): Promise<void> {
  await ask(
    `mutation ($input: [TelemetryEventInput!]!) { recordTelemetry(input: $input) { __typename ${REFUSAL} } }`,
    { input: [{ type: 'ERROR', tenantId: await tenantId(), properties: JSON.parse(properties) }] },
  );
  console.log('recorded');
}

async function runs(workflowId: string): Promise<void> {
  const { edges } = await ask(
    `query ($id: ID!) { workflowExecutions(filter: { workflowId: $id }, first: 10) {
       edges { node { databaseId status startedAt } } } }`,
    { id: workflowId },
  );
  for (const { node } of edges)
    console.log(`execution ${node.databaseId}  ${node.startedAt}  ${node.status}`);
}

async function decide(executionId: string, answer: string, comment?: string): Promise<void> {
  const { steps } = await ask(
    `query ($id: ID!) { workflowExecution(id: $id) { steps(filter: { state: [AWAITING] }) { edges { node { stepId type } } } } }`,
    { id: executionId },
  );
  const asking = steps.edges.find(({ node }: Data) => node.type === 'HUMAN');
  if (!asking) throw new Error('That run asks nothing now.');
  await ask(
    `mutation ($id: ID!, $stepId: ID!, $decision: Decision!, $comment: String) {
       decideApproval(executionId: $id, stepId: $stepId, decision: $decision, comment: $comment) { __typename ${REFUSAL} } }`,
    { id: executionId, stepId: asking.node.stepId, decision: answer.toUpperCase(), comment },
  );
  await show(executionId, (event) => event.stepId === asking.node.stepId && event.decision !== null);
}

const commands: Record<string, (...args: string[]) => Promise<void>> = {
  create: async (example) => create(example, await tenantId(), values.set),
  ...{ secret: keepSecret, run, send, report, runs, follow: (id: string) => show(id), decide },
};
const [name = '', ...args] = positionals;
const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
try {
  if (command) await command(...args);
  else console.log(HELP);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
