import { setTimeout as wait } from 'node:timers/promises';
import { connect } from '../../src/platform/db/connect.ts';
import { PAGE, READ_STREAMS } from '../../src/platform/feed/stream-pages.ts';

/**
 * Reads every line that is written, by the hub's statement and as often as it does, and throws it away: what is left of two
 * cores before anything is made of the lines or sent to anybody. Ends when the bench disconnects.
 *
 * Arguments: the URL of a login role that may become service_role.
 */
const [url = ''] = process.argv.slice(2);
/** As long as events gather for a batch by default. */
const GAP_MS = 50;

type Run = { lastSeq: number; head: number };
const runs = new Map<string, Run>();
const [listener, reader] = await Promise.all([connect(url, 'runcast bench'), connect(url, 'runcast bench')]);
await reader.query("set role service_role; set enable_seqscan = 'off'");
listener.on('notification', ({ payload }) => {
  const { i, s } = JSON.parse(payload ?? '{}');
  const run = runs.get(i) ?? { lastSeq: s - 1, head: s };
  run.head = Math.max(run.head, s);
  runs.set(i, run);
});
await listener.query('listen runcast_feed');
process.on('disconnect', () => process.exit());
process.send?.('ready');

for (;;) {
  const behind = [...runs].filter(([, { lastSeq, head }]) => lastSeq < head);
  if (behind.length > 0) await read(behind);
  const isFull = behind.some(([, { lastSeq, head }]) => head - lastSeq >= PAGE);
  if (!isFull) await wait(GAP_MS);
}

async function read(behind: readonly (readonly [id: string, run: Run])[]): Promise<void> {
  const { rows } = await reader.query<{ at: string; events: string | null }>({
    name: 'drain',
    text: READ_STREAMS,
    values: [
      behind.map(() => 'training'),
      behind.map(([id]) => id),
      behind.map(([, { lastSeq }]) => lastSeq),
      behind.map(() => PAGE),
    ],
  });
  for (const { at, events } of rows) {
    const [, run] = behind[Number(at) - 1] ?? [];
    // Each line begins with its number.
    if (run && events !== null) run.lastSeq = Number.parseInt(events.slice(events.lastIndexOf('\n') + 1), 10);
  }
}
