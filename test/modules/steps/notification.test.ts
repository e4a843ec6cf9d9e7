import Mustache from 'mustache';
import { Client } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { channelAvailability, createChannels } from '../../../src/modules/notifications/channels/channels.ts';
import {
  createNotificationStep,
  type NotificationConfig,
  type NotificationOutput,
} from '../../../src/modules/steps/notification.ts';
import type { Scope, StepCall } from '../../../src/modules/steps/step.ts';
import { unconfiguredChannels } from '../../../src/modules/steps/unconfigured-channels.ts';
import type { ChannelsConfig } from '../../../src/platform/channel-settings.ts';
import { createServiceDatabase, type ServiceDatabase } from '../../../src/platform/db/service.ts';
import { createLogger } from '../../../src/platform/logger.ts';
import { makeUser, type User } from '../../support/api.ts';
import { type MailServer, startMailServer } from '../../support/mail-server.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { type Answer, posted, type Receiver, startReceiver } from '../../support/receiver.ts';

let testDatabase: TestDatabase;
let admin: Client;
let database: ServiceDatabase;
let mail: MailServer;
let receiver: Receiver;
let answer: Answer;
let owner: User;

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  admin = new Client({ connectionString: testDatabase.admin });
  await admin.connect();
  database = createServiceDatabase({ url: testDatabase.worker, poolSize: 2, log: createLogger('silent') });
});
beforeEach(async () => {
  owner = await makeUser(admin);
  mail = await startMailServer({
    onRcptTo({ address }, _session, done) {
      if (address.startsWith('bad')) done(Object.assign(new Error('No such mailbox'), { responseCode: 550 }));
      else done();
    },
  });
  answer = {};
  receiver = await startReceiver(() => answer);
  return async () => {
    await mail.close();
    await receiver.close();
  };
});
afterAll(async () => {
  await database.close();
  await admin.end();
  await testDatabase.drop();
});

const scope: Scope = {
  input: { customer: 'Smith & Sons', people: ['a@example.com', 'b@example.com'] },
  steps: { '5f0c6a0e-6f0f-4a51-9a5e-3f1f1f1f1f1f': { output: { total: 12 } } },
  state: { stage: 'review' },
  vars: { item: 'x' },
};

const config = (): ChannelsConfig => ({
  email: { url: `smtp://localhost:${mail.port}`, from: { name: '', address: 'runcast@example.com' } },
  slack: { webhookUrl: `${receiver.url}/slack` },
  sms: { url: `${receiver.url}/sms`, from: '+15550100' },
});

const lines: string[] = [];

function run(step: NotificationConfig, call: Partial<StepCall> = {}, channels = config()) {
  const runner = createNotificationStep({
    channels: createChannels({ config: channels, database, email: { ca: mail.cert } }),
    render: async (template, view) => Mustache.render(template, view, {}, { escape: String }),
    fill: async (value) =>
      (value as string[]).map((text) =>
        text === '{{ input.people }}' ? ['a@example.com', 'b@example.com'] : text,
      ),
  });
  lines.length = 0;
  return runner(step, scope, {
    execution: { kind: 'workflow', id: 'run-1' },
    stepId: 'step-1',
    owner: { userId: owner.id, tenantId: null },
    idempotencyKey: 'key-1',
    signal: new AbortController().signal,
    log: (message, level) => void lines.push(`${level} ${message}`),
    ...call,
  }) as Promise<NotificationOutput>;
}

const TEMPLATE = `Invoice of {{input.customer}}

{{steps.5f0c6a0e-6f0f-4a51-9a5e-3f1f1f1f1f1f.output.total}} in {{state.stage}} for {{vars.item}}.`;
const BODY = '12 in review for x.';

describe('the step notification', () => {
  it('sends an e-mail whose subject is the first line', async () => {
    expect(await run({ channel: 'email', template: TEMPLATE, recipients: ['{{ input.people }}'] })).toEqual({
      channel: 'email',
      delivered: ['a@example.com', 'b@example.com'],
      refused: [],
    });
    expect(mail.mails).toHaveLength(1);
    expect(mail.mails[0]?.raw).toMatch(/^Subject: Invoice of Smith & Sons\r$/m);
    expect(mail.mails[0]?.raw).toContain(BODY);
  });

  it('posts the whole text to Slack, and as a text message', async () => {
    await run({ channel: 'slack', template: TEMPLATE, recipients: ['#invoices'] });
    await run({ channel: 'sms', template: TEMPLATE, recipients: ['+15550100001'] });
    expect(posted(receiver)).toMatchObject([
      { path: '/slack', body: { text: `Invoice of Smith &amp; Sons\n\n${BODY}` } },
      {
        path: '/sms',
        body: { text: `Invoice of Smith & Sons\n\n${BODY}`, idempotencyKey: 'key-1/+15550100001' },
      },
    ]);
  });

  it('tells the owner within the platform, once however often it is tried', async () => {
    const step: NotificationConfig = { channel: 'in-app', template: TEMPLATE, recipients: ['owner'] };
    for (let attempt = 0; attempt < 3; attempt += 1) {
      expect(await run(step)).toEqual({ channel: 'in-app', delivered: ['owner'], refused: [] });
    }
    const { rows } = await admin.query('select * from runcast.notifications where user_id = $1', [owner.id]);
    expect(rows).toMatchObject([
      {
        title: 'Invoice of Smith & Sons',
        body: BODY,
        source_kind: 'workflow',
        source_execution_id: 'run-1',
        source_step_id: 'step-1',
      },
    ]);
  });

  it('says in the log whom the other side would not take it for', async () => {
    const output = await run({
      channel: 'email',
      template: 'Hello',
      recipients: ['a@example.com', 'bad@example.com'],
    });
    expect(output).toMatchObject({
      delivered: ['a@example.com'],
      refused: [{ recipient: 'bad@example.com' }],
    });
    expect(lines).toEqual(['warn bad@example.com was not told: 550 No such mailbox']);
  });

  it('fails as the channel does: finally, or with the time to wait', async () => {
    await expect(run({ channel: 'email', template: 'Hello', recipients: ['nobody'] })).rejects.toMatchObject({
      name: 'StepError',
      code: 'RECIPIENT_INVALID',
      isFinal: true,
    });
    answer = { status: 429, headers: { 'retry-after': '3' } };
    await expect(
      run({ channel: 'sms', template: 'Hello', recipients: ['+15550100001'] }),
    ).rejects.toMatchObject({
      name: 'StepError',
      code: 'DELIVERY_REFUSED',
      isFinal: false,
      retryAfterMs: 3_000,
    });
    await expect(
      run({ channel: 'sms', template: 'Hello', recipients: ['+15550100001'] }, {}, {}),
    ).rejects.toMatchObject({ code: 'CHANNEL_NOT_CONFIGURED', isFinal: true });
  });

  it.each([
    [[]],
    [['  ']],
    [[{ id: 1 }]],
    [['x'.repeat(501)]],
    [Array.from({ length: 101 }, (_, at) => `p${at}`)],
  ])('refuses recipients that are none, no text or too many', async (recipients) => {
    const sending = run({ channel: 'email', template: 'Hello', recipients: recipients as string[] });
    await expect(sending).rejects.toMatchObject({
      name: 'StepError',
      code: 'RECIPIENT_INVALID',
      isFinal: true,
    });
    expect(mail.mails).toEqual([]);
  });

  it('sends nothing once the step is cancelled', async () => {
    const reason = new Error('the run was cancelled');
    const sending = run(
      { channel: 'sms', template: 'Hello', recipients: ['+15550100001'] },
      {
        signal: AbortSignal.abort(reason),
      },
    );
    await expect(sending).rejects.toBe(reason);
    expect(receiver.received).toEqual([]);
  });
});

describe('channels that are not configured', () => {
  const step = (id: string, channel: string, recipients = ['x']) => ({
    id,
    name: `Tell by ${channel}`,
    type: 'notification',
    config: { channel, template: 'Hello', recipients },
  });
  const steps = [
    step('1', 'in-app'),
    step('2', 'email'),
    step('3', 'slack'),
    step('4', 'sms'),
    step('5', 'slack', ['{{secrets.SLACK_WEBHOOK}}']),
    step('6', 'slack', ['{{secrets.SLACK_WEBHOOK}}', '#general']),
    { id: '7', name: 'Wait', type: 'delay', config: { duration: 1 } },
    { ...step('8', 'email'), config: { channel: 'email' } },
  ];

  it('are found before a run, with the path, the step and the settings', () => {
    const found = unconfiguredChannels(steps, channelAvailability({}));
    expect(found.map(({ stepId }) => stepId)).toEqual(['2', '3', '4', '6']);
    expect(found[0]).toEqual({
      path: ['steps', '1', 'config', 'channel'],
      stepId: '2',
      message:
        'of the step "Tell by email" is not configured here: the operator must set SMTP_URL and SMTP_FROM',
    });
  });

  it('are none where all are', () => {
    expect(unconfiguredChannels(steps, channelAvailability(config()))).toEqual([]);
  });
});
