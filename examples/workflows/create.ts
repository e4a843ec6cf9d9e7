import { readdir, readFile } from 'node:fs/promises';
import { ask, REFUSAL, serverUrl } from './api.ts';

const read = async (file: string) =>
  JSON.parse(await readFile(new URL(`${file}.json`, import.meta.url), 'utf8'));

/**
 * Makes a workflow of an example's file, with settings as `name=value` in place of those of its `initialState`. In a definition
 * `agent:<name>` stands for the id of the agent of that file, which there is only now.
 */
export async function create(
  example: string,
  tenant: string,
  settings: readonly string[] = [],
): Promise<void> {
  const examples = (await readdir(new URL('.', import.meta.url))).filter((file) => file.endsWith('.json'));
  if (!examples.includes(`${example}.json`))
    throw new Error(`The examples are ${examples.join(', ').replaceAll('.json', '')}.`);
  const definition = await read(example);
  Object.assign(definition.initialState, settingsOf(settings, definition.initialState, example));
  for (const { config } of definition.steps) {
    const name = /^agent:([\w-]+)$/.exec(config.agent?.agentId)?.[1];
    if (name) config.agent.agentId = await createAgent(name, tenant);
  }
  const { databaseId, webhook } = await ask(
    `mutation ($input: CreateWorkflowInput!) {
       createWorkflow(input: $input) { ... on Workflow { databaseId webhook { path } } ${REFUSAL} } }`,
    { input: { tenantId: tenant, ...definition } },
  );
  console.log(`workflow ${databaseId}`);
  if (webhook) await showWebhook(databaseId, webhook.path);
}

/** Of the type that the example's own have. */
function settingsOf(settings: readonly string[], known: Record<string, unknown>, example: string) {
  return Object.fromEntries(
    settings.map((setting) => {
      const [, name = '', text = ''] = /^(\w+)=(.*)$/.exec(setting) ?? [];
      if (!Object.hasOwn(known, name)) throw new Error(`${example} has no setting ${name || setting}.`);
      const value = typeof known[name] === 'number' ? Number(text) : text;
      if (Number.isNaN(value)) throw new Error(`${name} must be a number.`);
      return [name, value];
    }),
  );
}

async function createAgent(name: string, tenant: string): Promise<string> {
  const { databaseId } = await ask(
    `mutation ($input: CreateAgentInput!) { createAgent(input: $input) { ... on Agent { databaseId } ${REFUSAL} } }`,
    { input: { tenantId: tenant, ...(await read(`agents/${name}`)) } },
  );
  console.log(`agent ${databaseId}`);
  return databaseId;
}

async function showWebhook(id: string, path: string): Promise<void> {
  const { secret } = await ask(
    `mutation ($id: ID!) {
       rotateWorkflowWebhookSecret(workflowId: $id) { ... on WorkflowWebhookSecret { secret } ... on Error { code message remedy } } }`,
    { id },
  );
  console.log(`webhook ${serverUrl}${path}`);
  console.log(`WEBHOOK_SECRET=${secret}`);
}
