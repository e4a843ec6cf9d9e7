import { expect, it, onTestFinished } from 'vitest';
import { createRunFeed } from '../../../src/modules/executions/run-feed.ts';
import { createServiceDatabase, type ServiceDatabase } from '../../../src/platform/db/service.ts';
import type { EventInput } from '../../../src/platform/feed/events.ts';
import { takeExecution } from '../../../src/platform/feed/feed.ts';
import { captureLog } from '../../support/log.ts';
import { createTestDatabase } from '../../support/postgres.ts';
import { hasEnded, linesOf, openTraining, statusesOf } from '../../support/training.ts';

const line = (message: string): EventInput => ({
  type: 'log',
  payload: { level: 'info', message, source: 'stdout' },
});

/** The same database, but the answers to the first so many writes get lost after the commit. */
function losingAnswers(database: ServiceDatabase, losses: number): ServiceDatabase {
  let left = losses;
  const lose = async <T>(answer: Promise<T>): Promise<T> => {
    const result = await answer;
    if (left === 0) return result;
    left -= 1;
    throw Object.assign(new Error('the connection was lost'), { code: 'ECONNRESET' });
  };
  return {
    ...database,
    sql: { query: (text, values) => lose(database.sql.query(text, values)) },
    transaction: (work) => lose(database.transaction(work)),
  };
}

async function openRun(losses: number) {
  const test = await createTestDatabase();
  const { log } = captureLog();
  const database = createServiceDatabase({ url: test.worker, poolSize: 2, log });
  const training = await openTraining(test);
  onTestFinished(async () => {
    await training.close();
    await database.close();
    await test.drop();
  });
  const id = await training.start({ script: [] });
  const execution = { kind: 'training', id } as const;
  const attempt = (await takeExecution(database.sql, { ...execution, worker: 'test' })) ?? 0;
  const feed = createRunFeed({
    database: losingAnswers(database, losses),
    execution,
    attempt,
    lastSeq: 2,
    giveUp: new AbortController().signal,
    log,
  });
  return { id, execution, database, training, feed };
}

it('writes a batch once although the answers to it were lost, twice', async () => {
  const { id, training, feed } = await openRun(2);
  await feed.append([line('a'), { type: 'metric', payload: { step: 1, values: { loss: 0.25 } } }, line('a')]);
  await feed.append([line('a')]);
  await feed.finish({ status: 'completed' });
  expect(linesOf(await training.until(id, hasEnded))).toEqual(['a', 'a', 'a']);
});

it('ends a run once although the answer was lost', async () => {
  const { id, training, feed } = await openRun(1);
  await feed.finish({ status: 'failed', error: 'no' });
  expect(statusesOf(await training.until(id, hasEnded))).toEqual(['pending', 'running', 'failed: no']);
});

it('hands a run back once although the answer was lost', async () => {
  const { id, training, feed } = await openRun(1);
  await feed.release('later');
  const events = await training.until(id, ({ length }) => length > 0);
  expect(statusesOf(events)).toEqual(['pending', 'running', 'pending: later']);
});

it('refuses what a later attempt makes stale', async () => {
  const { execution, database, feed } = await openRun(0);
  await takeExecution(database.sql, { ...execution, worker: 'another' });
  await expect(feed.append([line('late')])).rejects.toMatchObject({ code: 'STALE_ATTEMPT' });
  await expect(feed.finish({ status: 'completed' })).rejects.toMatchObject({ code: 'STALE_ATTEMPT' });
  await expect(feed.release('late')).rejects.toMatchObject({ code: 'STALE_ATTEMPT' });
});
