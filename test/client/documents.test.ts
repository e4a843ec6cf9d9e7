import { readFileSync } from 'node:fs';
import { parse, validate } from 'graphql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { schema } from '../../src/app/schema.ts';
import { EXECUTION_CHANGED, EXECUTION_EVENTS, RENEW_TOKEN } from '../../src/client/documents.ts';
import { createClient } from '../../src/client/index.ts';
import type { EventInput } from '../../src/platform/feed/events.ts';
import { appendEvents } from '../../src/platform/feed/feed.ts';
import { startApi, type TestApi, type User } from '../support/api.ts';
import { record } from '../support/client.ts';
import { connectFeed, type FeedClient, insertTraining } from '../support/feed.ts';

const LIST = new URL('../../src/generated/graphql/persisted-documents.json', import.meta.url);

describe.each(Object.entries({ EXECUTION_EVENTS, EXECUTION_CHANGED, RENEW_TOKEN }))('%s', (_name, text) => {
  it('is valid', () => {
    expect(validate(schema, parse(text))).toEqual([]);
  });

  it('is among the persisted operations, to the letter', () => {
    const persisted: Record<string, string> = JSON.parse(readFileSync(LIST, 'utf8'));
    expect(Object.values(persisted)).toContain(text);
  });
});

describe('a run as the client brings it', () => {
  let api: TestApi;
  let user: User;
  let feed: FeedClient;

  beforeAll(async () => {
    api = await startApi();
    user = await api.makeUser();
    feed = await connectFeed(api.database.admin);
  });
  afterAll(async () => {
    await feed[Symbol.asyncDispose]();
    await api.close();
  });

  it('has all that events of each type say', async () => {
    const id = await insertTraining(feed, user.id);
    const step = {
      stepId: 's1',
      name: 'Ask',
      type: 'api',
      state: 'failed',
      attempt: 2,
      error: { code: 'X' },
    };
    const approval = { stepId: 's2', prompt: 'Go on?', decision: 'yes', by: 'somebody' };
    const events: EventInput[] = [
      { type: 'progress', payload: { percent: 40, step: 4, totalSteps: 10, etaSeconds: 1.5 } },
      { type: 'log', payload: { level: 'warn', message: 'a line', source: 'stderr' } },
      { type: 'metric', payload: { step: 4, epoch: 0.5, values: { loss: 2.31, norm: null } } },
      { type: 'step', payload: step },
      { type: 'output', payload: { delta: 'text' } },
      { type: 'approval', payload: approval },
      { type: 'provider', payload: { raw: { any: ['thing'] } } },
      { type: 'gap', payload: { reason: 'the provider lost lines' } },
    ];
    await appendEvents(feed, { kind: 'training', id, events });
    const client = createClient({ url: `${api.url}/graphql`, token: user.token });
    const seen = record();
    client.watchExecution(id, seen);
    await seen.until((recording) => recording.events.length === 9);
    client.close();
    const recorded = { at: expect.stringMatching(/^\d{4}-.*Z$/), attempt: 0 };
    expect(seen.events).toEqual([
      { ...recorded, seq: 1, type: 'STATUS', from: null, to: 'pending', reason: null },
      { ...recorded, seq: 2, type: 'PROGRESS', percent: 40, step: 4, totalSteps: 10, etaSeconds: 1.5 },
      { ...recorded, seq: 3, type: 'LOG', level: 'warn', message: 'a line', source: 'stderr' },
      { ...recorded, seq: 4, type: 'METRIC', step: 4, epoch: 0.5, values: { loss: 2.31, norm: null } },
      {
        ...{ ...recorded, seq: 5, type: 'STEP', stepId: 's1', name: 'Ask', stepType: 'api', state: 'failed' },
        ...{ stepAttempt: 2, error: { code: 'X' } },
      },
      { ...recorded, seq: 6, type: 'OUTPUT', delta: 'text' },
      { ...recorded, seq: 7, type: 'APPROVAL', ...approval },
      { ...recorded, seq: 8, type: 'PROVIDER', raw: { any: ['thing'] } },
      { ...recorded, seq: 9, type: 'GAP', lost: 'the provider lost lines' },
    ]);
  });

  it('has its newest state, up to the last', async () => {
    const id = await insertTraining(feed, user.id);
    const client = createClient({ url: `${api.url}/graphql`, token: user.token });
    const percents: number[] = [];
    const began = Promise.withResolvers<void>();
    const watch = client.watchState(id, {
      onChange({ progress }) {
        percents.push(progress);
        began.resolve();
      },
    });
    await began.promise;
    expect(watch).toMatchObject({ state: 'live', value: { databaseId: id, status: 'PENDING', progress: 0 } });
    const set = (columns: string) =>
      feed.query(`update training_executions set ${columns} where id = $1`, [id]);
    await set("status = 'running', progress = 60");
    await set("status = 'completed', progress = 100, completed_at = now()");
    expect(await watch.done).toMatchObject({ status: 'COMPLETED', completedAt: expect.any(String) });
    expect(percents).toEqual(percents.toSorted((one, other) => one - other));
    expect(watch.state).toBe('ended');
    client.close();
  });

  it('is refused where it is somebody else’s', async () => {
    const id = await insertTraining(feed, (await api.makeUser()).id);
    const client = createClient({ url: `${api.url}/graphql`, token: user.token });
    await expect(client.watchState(id).done).rejects.toMatchObject({ code: 'NOT_FOUND' });
    client.close();
  });
});
