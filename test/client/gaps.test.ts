import { afterEach, describe, expect, it } from 'vitest';
import { type Client, createClient } from '../../src/client/index.ts';
import { QUICKLY, range, record, seqs } from '../support/client.ts';
import {
  type ScriptedOperation,
  type ScriptedServer,
  startScriptedServer,
} from '../support/scripted-server.ts';

let server: ScriptedServer;
let client: Client;
afterEach(async () => {
  client.close();
  await server.close();
});

/** A client of a server that answers the first operation as the first of `answers` says, and so on. */
async function scripted(...answers: ((operation: ScriptedOperation) => void)[]) {
  const asked: number[] = [];
  server = await startScriptedServer({
    onSubscribe(operation, before) {
      asked.push(operation.variables.after);
      (answers[before] ?? answers.at(-1))?.(operation);
    },
  });
  client = createClient({ url: server.url, token: 'any', ...QUICKLY });
  const seen = record();
  const watch = client.watchExecution('exec_1', seen);
  return { seen, watch, asked };
}

describe('a watch', () => {
  it('takes what comes twice once', async () => {
    const { seen, watch, asked } = await scripted((operation) => {
      operation.batch([1, 2, 3]);
      operation.batch([2, 3, 4]);
      operation.batch([1, 4, 5, 5, 6], { ended: true });
    });
    await watch.done;
    expect(seqs(seen.events)).toEqual(range(1, 6));
    expect(seen.gaps).toEqual([]);
    expect(asked).toEqual([0]);
  });

  it('asks again for what was left out, and hands nothing over before it is there', async () => {
    const { seen, watch, asked } = await scripted(
      (operation) => {
        operation.batch([1, 2]);
        operation.batch([4, 5]);
        operation.batch([6], { ended: true });
      },
      (operation) => operation.batch([3, 4, 5, 6], { ended: true }),
    );
    await watch.done;
    expect(seqs(seen.events)).toEqual(range(1, 6));
    expect(seen.gaps).toEqual([{ from: 3, to: 3, isLost: false }]);
    expect(asked).toEqual([0, 2]);
    expect(server.heard).toHaveLength(1);
  });

  it('notices events that are missing at the end of a batch, by its lastSeq', async () => {
    const { seen, watch, asked } = await scripted(
      (operation) => operation.batch([1, 2], { lastSeq: 4, ended: true }),
      (operation) => operation.batch([3, 4], { ended: true }),
    );
    await watch.done;
    expect(seqs(seen.events)).toEqual(range(1, 4));
    expect(seen.gaps).toEqual([{ from: 3, to: 4, isLost: false }]);
    expect(asked).toEqual([0, 2]);
  });

  it('goes on without events that are not there any more, and says which', async () => {
    const { seen, watch, asked } = await scripted((operation) => {
      operation.batch([101, 102]);
      operation.batch([103], { ended: true });
    });
    await watch.done;
    expect(seqs(seen.events)).toEqual([101, 102, 103]);
    expect(seen.gaps).toEqual([
      { from: 1, to: 100, isLost: false },
      { from: 1, to: 100, isLost: true },
    ]);
    expect(asked).toEqual([0, 0, 0, 0]);
  });

  it('asks again where the server completes an operation before its end', async () => {
    const { seen, watch, asked } = await scripted(
      (operation) => {
        operation.batch([1, 2]);
        operation.complete();
      },
      (operation) => operation.batch([3], { ended: true }),
    );
    await watch.done;
    expect(seqs(seen.events)).toEqual([1, 2, 3]);
    expect(asked).toEqual([0, 2]);
    expect(seen.states).toContain('connecting');
  });

  it('tries again after errors that pass, and ends with those that do not', async () => {
    const { seen, watch, asked } = await scripted(
      (operation) =>
        operation.error({ message: 'busy', extensions: { code: 'RATE_LIMITED', retryAfter: 0.01 } }),
      (operation) =>
        operation.next({ errors: [{ message: 'a fault', extensions: { code: 'INTERNAL_SERVER_ERROR' } }] }),
      (operation) => operation.error({ message: 'full', extensions: { code: 'TOO_MANY_OPERATIONS' } }),
      (operation) => operation.batch([1, 2]),
    );
    await seen.until(({ events }) => events.length === 2);
    expect(seen.errors).toMatchObject([
      { code: 'RATE_LIMITED', retryAfterMs: 10 },
      { code: 'INTERNAL_SERVER_ERROR' },
      { code: 'TOO_MANY_OPERATIONS' },
    ]);
    expect(asked).toEqual([0, 0, 0, 0]);
    expect(watch.state).toBe('live');
  });

  it('ends where its run is deleted, without disturbing the others', async () => {
    const deleted = { errors: [{ message: 'gone', extensions: { code: 'NOT_FOUND' } }] };
    const { seen, watch } = await scripted(
      (operation) => {
        operation.batch([1]);
        operation.next(deleted);
        operation.complete();
      },
      (operation) => operation.batch([1], { ended: true }),
    );
    await expect(watch.done).rejects.toMatchObject({ code: 'NOT_FOUND', message: 'gone' });
    expect(seqs(seen.events)).toEqual([1]);
    await client.watchExecution('exec_2', record()).done;
    expect(server.heard).toHaveLength(1);
  });
});

describe('a socket that the server closes', () => {
  it.each([
    [1001, 'Going away', 'CONNECTION_LOST'],
    [1011, 'a fault', 'CONNECTION_LOST'],
    [1000, '', 'CONNECTION_LOST'],
    [4499, 'Client stalled', 'CONNECTION_LOST'],
    [4408, 'late', 'CONNECTION_LOST'],
    [4500, 'Unexpected error', 'CONNECTION_LOST'],
  ])('with %i is opened again, and the watch goes on', async (code, reason, expected) => {
    const { seen, watch, asked } = await scripted(
      (operation) => {
        operation.batch([1, 2]);
        operation.close(code, reason);
      },
      (operation) => operation.batch([3], { ended: true }),
    );
    await watch.done;
    expect(seqs(seen.events)).toEqual([1, 2, 3]);
    expect(asked).toEqual([0, 2]);
    expect(seen.errors).toMatchObject([{ code: expected, message: expect.stringContaining(String(code)) }]);
  });
});
