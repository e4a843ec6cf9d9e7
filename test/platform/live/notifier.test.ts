import { Client } from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { feedHintText } from '../../../src/platform/live/hint-source.ts';
import { createNotifier } from '../../../src/platform/live/notifier.ts';
import { captureLog } from '../../support/log.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';

let database: TestDatabase;
let listener: Client;
const heard: string[] = [];
let waiting = () => {};

beforeAll(async () => {
  database = await createTestDatabase();
  listener = new Client({ connectionString: database.admin });
  await listener.connect();
  listener.on('notification', ({ payload = '' }) => {
    heard.push(payload);
    waiting();
  });
  await listener.query('listen runcast_feed');
});
afterAll(async () => {
  await listener.end();
  await database.drop();
});

const hint = (id: string, seq: number) =>
  feedHintText({ kind: 'training', id, seq, userId: 'u', ended: false });

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise<void>((resolve) => (waiting = resolve));
}

it('sends a hint at once, and of what gathers meanwhile the newest of each execution', async () => {
  const notifier = createNotifier({ url: database.worker, log: captureLog().log });
  notifier.publish(hint('a', 1));
  // Sent already, in a transaction of its own; the others are answered in another order than they were committed in.
  for (const seq of [2, 4, 3]) notifier.publish(hint('a', seq));
  notifier.publish(hint('b', 7));
  await until(() => heard.includes(hint('a', 4)) && heard.includes(hint('b', 7)));
  expect(heard).toEqual([hint('a', 1), hint('a', 4), hint('b', 7)]);
  await notifier.close();
});

it('sends what it has before it closes, and drops what cannot be sent', async () => {
  heard.length = 0;
  const { log, until: logged } = captureLog();
  const notifier = createNotifier({ url: database.worker, log });
  notifier.publish(hint('x'.repeat(8_000), 1));
  notifier.publish(hint('c', 5));
  await notifier.close();
  await until(() => heard.length > 0);
  expect(heard).toEqual([hint('c', 5)]);
  const lost = createNotifier({ url: 'postgresql://nobody:none@127.0.0.1:1/none', log });
  lost.publish(hint('d', 1));
  await logged(({ msg }) => msg.includes('hints cannot be sent'));
  await lost.close();
});
