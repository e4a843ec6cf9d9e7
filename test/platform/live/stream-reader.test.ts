import { describe, expect, it } from 'vitest';
import type { Sql } from '../../../src/platform/db/sql.ts';
import { createStreamReader } from '../../../src/platform/live/stream-reader.ts';
import { createLogger } from '../../../src/platform/logger.ts';
import { Held, settled } from '../../support/hub/held.ts';
import { captureLog } from '../../support/log.ts';

type Statement = { ids: string[]; afters: number[] };

/** A database whose statements are answered when a test says so: each stream has as many events as its id says. */
function open({ log = createLogger('silent'), concurrency = 2 } = {}) {
  const held = new Held();
  const statements: Statement[] = [];
  const away = { isAway: false };
  const sql: Sql = {
    query<Row extends object>(_text: string, values: readonly unknown[] = []) {
      const [, ids, afters] = values as [string[], string[], number[]];
      statements.push({ ids, afters });
      return held.hold(() => {
        if (away.isAway) throw new Error('the database is away');
        return ids.map((id, at) => rowOf(id, at + 1, afters[at] ?? 0)) as Row[];
      });
    },
  };
  const reader = createStreamReader({ sql, concurrency, log });
  const read = (id: string, after = 0) =>
    reader.read({ kind: 'training', id }, after, { expected: 1, most: 500 });
  return { held, statements, away, reader, read };
}

function rowOf(id: string, at: number, after: number) {
  const isThere = id !== 'none';
  return {
    at: String(at),
    lastSeq: isThere ? Number(id) : null,
    state: isThere ? 'open' : null,
    events: isThere ? `${after + 1} log 0 1 {}` : null,
  };
}

const ids = (from: number, count: number) => Array.from({ length: count }, (_, i) => String(from + i));

describe('reads of streams', () => {
  it('of one turn go together as few statements, no more at a time than there are connections', async () => {
    const { held, statements, read } = open();
    const pages = ids(1, 200).map((id) => read(id, Number(id) - 1));
    expect(statements).toHaveLength(0);
    await settled();
    expect(statements.map(({ ids }) => ids.length)).toEqual([64, 64]);
    while (held.count > 0) {
      expect(held.count).toBeLessThanOrEqual(2);
      held.release();
      await settled();
    }
    expect(statements.map(({ ids }) => ids.length)).toEqual([64, 64, 64, 8]);
    // Each gets its own answer.
    for (const [i, page] of (await Promise.all(pages)).entries()) {
      expect(page).toMatchObject({ lastSeq: i + 1, events: [{ event: { seq: i + 1 } }] });
    }
  });

  it('that are asked for while others run go together when these are answered', async () => {
    const { held, statements, read } = open({ concurrency: 1 });
    const first = read('1');
    await settled();
    const others: Promise<unknown>[] = [];
    for (const id of ids(2, 30)) {
      others.push(read(id));
      await settled();
    }
    expect(statements).toHaveLength(1);
    held.release();
    await settled();
    held.release();
    await Promise.all([first, ...others]);
    expect(statements.map(({ ids }) => ids.length)).toEqual([1, 30]);
  });

  it('say of an execution that is not there that it is not', async () => {
    const { held, read } = open();
    const pages = Promise.all([read('5'), read('none'), read('7')]);
    await settled();
    held.release();
    expect(await pages).toMatchObject([{ lastSeq: 5 }, undefined, { lastSeq: 7 }]);
  });

  it('are tried again until the database is back', async () => {
    const { log, until } = captureLog();
    const { held, statements, away, read } = open({ log, concurrency: 1 });
    away.isAway = true;
    const page = read('1');
    await settled();
    held.release();
    await until(({ reason }) => reason === 'the database is away');
    away.isAway = false;
    while (statements.length < 2) await settled();
    held.release();
    expect(await page).toMatchObject({ lastSeq: 1 });
    expect(statements.map(({ ids }) => ids)).toEqual([['1'], ['1']]);
  });

  it('reject once it is closed, those that are tried again and those that wait', async () => {
    const { log, until } = captureLog();
    const { held, away, reader, read } = open({ log, concurrency: 1 });
    away.isAway = true;
    const tried = Promise.allSettled([read('1')]);
    await settled();
    const others = Promise.allSettled(ids(2, 100).map((id) => read(id)));
    held.release();
    await until(({ reason }) => reason === 'the database is away');
    reader.close();
    while (held.count === 0) await settled();
    for (; held.count > 0; await settled()) held.release();
    for (const { status } of [...(await tried), ...(await others)]) expect(status).toBe('rejected');
    const late = Promise.allSettled([read('9')]);
    await settled();
    held.release();
    expect(await late).toMatchObject([{ status: 'rejected', reason: { message: 'The hub is closed.' } }]);
  });
});
