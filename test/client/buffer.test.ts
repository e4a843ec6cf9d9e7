import { afterEach, describe, expect, it, vi } from 'vitest';
import { createInbox } from '../../src/client/inbox.ts';
import { type Client, createClient } from '../../src/client/index.ts';
import { QUICKLY, range, record } from '../support/client.ts';
import { type ScriptedServer, startScriptedServer } from '../support/scripted-server.ts';

describe('a watch that is iterated more slowly than events come', () => {
  let server: ScriptedServer;
  let client: Client;
  afterEach(async () => {
    client.close();
    await server.close();
  });

  it('keeps a bounded number, leaves the run when there are as many, and goes on when half are taken', async () => {
    const asked: number[] = [];
    server = await startScriptedServer({
      onSubscribe({ variables: { after }, batch }) {
        asked.push(after);
        batch(range(after + 1, Math.min(after + 500, 1_000)), { ended: after >= 500 });
      },
    });
    client = createClient({ url: server.url, token: 'any', transport: 'websocket', ...QUICKLY });
    const { states, onState } = record();
    const watch = client.watchExecution('exec_1', { maxBuffered: 150, onState });
    const found: number[] = [];
    for await (const { seq } of watch) {
      found.push(seq);
      expect(watch.lastSeq).toBe(seq);
    }
    expect(found).toEqual(range(1, 1_000));
    // The loop was waiting for the first of each, and 150 were kept.
    expect(asked).toEqual([0, 151, 302, 453, 604, 755, 906]);
    expect(await watch.done).toMatchObject({ reason: 'finished' });
    expect(states).not.toContain('connecting');
    expect(server.heard).toHaveLength(1);
  });

  it('cannot be iterated where a callback takes its events', async () => {
    server = await startScriptedServer({});
    client = createClient({ url: server.url, token: 'any' });
    const watch = client.watchExecution('exec_1', { onEvent: () => {} });
    expect(() => watch[Symbol.asyncIterator]()).toThrow('onEvent takes the events');
  });
});

describe('an inbox', () => {
  const options = () => ({ limit: 4, onTaken: vi.fn(), onRoom: vi.fn(), onLeft: vi.fn() });

  it('says when it is full, and once when there is room again', async () => {
    const told = options();
    const inbox = createInbox<number>(told);
    expect([1, 2, 3, 4].map(inbox.put)).toEqual([true, true, true, false]);
    await inbox.iterator.next();
    expect(told.onRoom).not.toHaveBeenCalled();
    await inbox.iterator.next();
    await inbox.iterator.next();
    expect(told.onRoom).toHaveBeenCalledOnce();
    expect(told.onTaken.mock.calls).toEqual([[1], [2], [3]]);
  });

  it('hands items to those who waited for them, and to the others in order', async () => {
    const inbox = createInbox<number>(options());
    const waiting = [inbox.iterator.next(), inbox.iterator.next()];
    for (const item of [1, 2, 3]) inbox.put(item);
    expect(await Promise.all(waiting)).toMatchObject([{ value: 1 }, { value: 2 }]);
    expect(await inbox.iterator.next()).toMatchObject({ value: 3 });
  });

  it('gives what it holds before it ends, and an error once', async () => {
    const inbox = createInbox<number>(options());
    inbox.put(1);
    inbox.end(new Error('the end'));
    expect(await inbox.iterator.next()).toEqual({ done: false, value: 1 });
    await expect(inbox.iterator.next()).rejects.toThrow('the end');
    expect(await inbox.iterator.next()).toEqual({ done: true, value: undefined });
  });

  it('takes ten thousand in as many steps', async () => {
    const inbox = createInbox<number>({ ...options(), limit: 10_000 });
    range(1, 10_000).forEach(inbox.put);
    inbox.end();
    const found: number[] = [];
    for await (const item of inbox.iterator) found.push(item);
    expect(found).toEqual(range(1, 10_000));
  });
});
