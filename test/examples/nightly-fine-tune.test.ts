import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { type ExamplesBench, openExamples } from './bench.ts';

const REGISTRY_SECRET = Buffer.alloc(32, 'registry').toString('base64');

let bench: ExamplesBench;
let registry: Receiver;
let commands: string[];
let workflow: string;

beforeAll(async () => {
  registry = await startReceiver();
  bench = await openExamples({});
  // The trainer shipped, for a tenth of the config's steps.
  await bench.api.admin.query(
    `update public.training_configs set config_json = jsonb_set(config_json, '{hyperparameters,steps}', '30')
     where public_id = 'astronomy'`,
  );
  commands = bench.commands('nightly-fine-tune', {
    'https://registry.example': registry.url,
    '$(openssl rand -base64 32)': REGISTRY_SECRET,
    'maxLoss=2.4': 'maxLoss=4',
  });
  await bench.shell(commands[0] ?? '');
  ({ workflow } = await bench.shell(commands[1] ?? ''));
});
beforeEach(() => {
  registry.received.length = 0;
});
afterAll(async () => {
  await bench?.close();
  await registry?.close();
});

const run = () => bench.shell((commands[2] ?? '').replace('<workflow>', workflow));
const decide = (execution: string, change: (command: string) => string = (command) => command) =>
  bench.shell(change((commands[3] ?? '').replace('<execution>', execution)));
const follow = (execution: string) => bench.shell(`npm run --silent workflow -- follow ${execution}`);

/** As if it were two in the morning. */
async function nightfall(): Promise<void> {
  const { rowCount } = await bench.api.admin.query(
    'update runcast.workflow_schedules set next_at = now() where workflow_id = $1',
    [workflow],
  );
  expect(rowCount).toBe(1);
}

it('trains by the clock, asks, and releases what was approved', async () => {
  const execution = await bench.started(workflow, nightfall);
  const { text } = await follow(execution);
  const [, loss] = /held-out loss of ([\d.]+); 4 is the most/.exec(text) ?? [];
  expect(Number(loss)).toBeGreaterThan(1);
  expect(Number(loss)).toBeLessThan(4);
  expect(registry.received).toEqual([]);

  expect((await decide(execution)).lines.at(-1)).toBe('completed');
  const { steps } = await bench.ended(execution);
  const { executionId, metrics, model_path } = steps.Train.output;
  const [release, ...others] = registry.received;
  expect(others).toEqual([]);
  expect(() =>
    new Webhook(REGISTRY_SECRET).verify(release?.body ?? '', { ...release?.headers } as never),
  ).not.toThrow();
  expect(JSON.parse(release?.body ?? '')).toEqual({
    ...{ run: executionId, model: model_path, loss: metrics.eval_loss },
    comment: 'Sounds like an astronomer.',
  });
  const [newest] = await bench.notifications();
  expect(newest).toEqual({
    title: 'A new model is released',
    body: `Held-out loss: ${metrics.eval_loss}. Run: ${executionId}.`,
  });
  const next = await bench.ask('query ($id: ID!) { workflow(id: $id) { schedule { nextAt lastError } } }', {
    id: workflow,
  });
  expect(next.schedule.lastError).toBeNull();
  expect(Date.parse(next.schedule.nextAt)).toBeGreaterThan(Date.now());
});

it('reports why not where the release is refused', async () => {
  const { execution } = await run();
  const { lines } = await decide(execution, (command) =>
    command.replace('approved', 'rejected').replace('Sounds like an astronomer.', 'It mumbles.'),
  );
  expect(lines.at(-1)).toBe('completed');
  const [newest] = await bench.notifications();
  expect(newest?.title).toBe('No new model tonight');
  expect(newest?.body).toContain('was not released: it was refused.\n\n> It mumbles.\n');
  expect(registry.received).toEqual([]);
});

it('reports why not where nobody answers in time', async () => {
  const { execution } = await run();
  await bench.overdue(execution);
  const { status, steps } = await bench.ended(execution);
  expect(status).toBe('COMPLETED');
  expect(steps['May it be released?'].output).toEqual({ decision: 'expired' });
  const [newest] = await bench.notifications();
  expect(newest?.body).toContain('was not released: nobody has answered within twelve hours.');
  expect(registry.received).toEqual([]);
});

it('asks nobody about a model that is not good enough, and reports what was measured', async () => {
  await bench.ask(
    `mutation ($id: ID!, $state: JSON) { updateWorkflow(id: $id, input: { initialState: $state }) { __typename } }`,
    { id: workflow, state: { maxLoss: 0.5, releaseUrl: `${registry.url}/models` } },
  );
  const { execution, lines } = await run();
  expect(lines.at(-1)).toBe('completed');
  const { steps } = await bench.ended(execution);
  expect(steps['May it be released?']).toBeUndefined();
  const { metrics } = steps.Train.output;
  const [newest] = await bench.notifications();
  expect(newest?.body).toContain('was not released: its held-out loss is not below 0.5.');
  expect(newest?.body).toContain(`| eval_loss | ${metrics.eval_loss} |`);
  expect(registry.received).toEqual([]);
});
