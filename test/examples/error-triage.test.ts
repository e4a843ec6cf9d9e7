import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { type ModelServer, startModelServer } from '../support/model-server.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { type ExamplesBench, openExamples } from './bench.ts';

type Found = { severity: string; component: string; summary: string; reply: string; confidence: number };

const harmless: Found = {
  ...{ severity: 'low', component: 'export', summary: 'The export lacks its header', confidence: 0.9 },
  reply: 'Choose "with header" in the settings of the export.',
};

let bench: ExamplesBench;
let desk: Receiver;
let model: ModelServer;
let answers: string[];
let workflow: string;
let commands: string[];

beforeAll(async () => {
  desk = await startReceiver();
  model = await startModelServer(() => {
    const text = answers.shift();
    return text === undefined ? { status: 400 } : { text: [text] };
  });
  bench = await openExamples({ env: { MODEL_BASE_URL: model.baseUrl, MODEL_DEFAULT: 'a-model' } });
  commands = bench.commands('error-triage', { 'https://desk.example': desk.url });
  await bench.shell(commands[0] ?? '');
  ({ workflow } = await bench.shell(commands[1] ?? ''));
});
beforeEach(() => {
  desk.received.length = 0;
  model.asked.length = 0;
});
afterAll(async () => {
  await bench?.close();
  await model?.close();
  await desk?.close();
});

/** Reports an error, and resolves with the run that it starts, which is followed until it asks something or ends. */
async function reported(...says: (Found | string)[]) {
  answers = says.map((found) => (typeof found === 'string' ? found : JSON.stringify(found)));
  const execution = await bench.started(workflow, () => bench.shell(commands[2] ?? ''));
  return { execution, ...(await shown(execution)) };
}

async function runs(): Promise<string[]> {
  const { text } = await bench.shell((commands[3] ?? '').replace('<workflow>', workflow));
  return [...text.matchAll(/^execution (\S+)/gm)].map(([, id = '']) => id);
}

async function shown(execution: string) {
  const { text, lines } = await bench.shell((commands[4] ?? '').replace('<execution>', execution));
  return { text, last: lines.at(-1) };
}
const sent = () => desk.received.map(({ body }) => JSON.parse(body));

it('replies at once to what is harmless', async () => {
  const { last } = await reported(harmless);
  expect(last).toBe('completed');
  expect(sent()).toEqual([{ action: 'reply', ticket: 'T-17', text: harmless.reply, severity: 'low' }]);
  expect(desk.received[0]?.headers['webhook-signature']).toMatch(/^v1,/);
  expect(JSON.stringify(model.asked[0]?.messages)).toContain('My invoices are gone since the update.');
  expect(await bench.notifications()).toEqual([]);
});

it('has the agent answer anew that has not kept to its schema', async () => {
  const { last } = await reported('It is grave.', harmless);
  expect(last).toBe('completed');
  expect(model.asked).toHaveLength(2);
  expect(sent()).toHaveLength(1);
});

const grave: Found = { ...harmless, severity: 'high', component: 'invoices', summary: 'Invoices are gone' };
const decided = async (execution: string, change: (command: string) => string = (command) => command) =>
  (await bench.shell(change((commands[5] ?? '').replace('<execution>', execution)))).lines.at(-1);

it('asks a person about what is grave, and hands over what is refused', async () => {
  const { execution, text } = await reported(grave);
  expect(text).toContain(`Invoices are gone\n\nThe agent would reply:\n\n${grave.reply}`);
  const [newest] = await bench.notifications();
  expect(newest).toEqual({
    title: 'An error needs you: Invoices are gone',
    body: 'Severity high, in invoices.\n\nMy invoices are gone since the update.',
  });
  expect(sent()).toEqual([]);
  expect(await decided(execution)).toBe('completed');
  expect(sent()).toEqual([
    {
      ...{ action: 'assign', ticket: 'T-17', summary: 'Invoices are gone' },
      ...{ decision: 'rejected', comment: 'Restore the backup first.' },
    },
  ]);
});

it('asks about what the agent is not sure of, too, and sends the reply that is approved', async () => {
  const { execution } = await reported({ ...harmless, confidence: 0.3 });
  expect(sent()).toEqual([]);
  expect(await decided(execution, (command) => command.replace('rejected', 'approved'))).toBe('completed');
  expect(sent()).toMatchObject([{ action: 'reply', text: harmless.reply }]);
});

it('asks a person, too, where the agent fails', async () => {
  const { execution } = await reported();
  const [newest] = await bench.notifications();
  expect(newest?.title).toBe('An error needs you: The agent could not make anything of it');
  expect(await decided(execution, (command) => command.replace('rejected', 'approved'))).toBe('completed');
  expect(sent()).toMatchObject([{ action: 'reply', text: 'Thank you. Somebody is looking into it.' }]);
});

it('hands over what nobody has answered about in time', async () => {
  const { execution } = await reported(grave);
  await bench.overdue(execution);
  const { steps, status } = await bench.ended(execution);
  expect(status).toBe('COMPLETED');
  expect(steps['Send the reply?']).toMatchObject({ state: 'COMPLETED', output: { decision: 'expired' } });
  expect(sent()).toMatchObject([{ action: 'assign', decision: 'expired', comment: null }]);
});

it('starts nothing for errors that nobody has reported', async () => {
  const before = await runs();
  const command = (commands[2] ?? '').replace('"report":', '"stack":');
  await bench.shell(command);
  // Events are taken in their order: what this one would have started is there by the end of the next one's run.
  await reported(harmless);
  expect(await runs()).toHaveLength(before.length + 1);
});
