import { once } from 'node:events';
import { MessageChannel } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { type Connection, KeptConnection } from '../../../src/platform/live/kept-connection.ts';
import { captureLog } from '../../support/log.ts';

type Fake = Connection & { lose(error: Error): void; readonly endedBy: 'close' | 'destroy' | undefined };

/** Connections that open and answer as they are told, one after another. */
function keep(behaviour: { open?: () => Promise<void>; probe?: () => Promise<void> } = {}) {
  const { open = async () => {}, probe = async () => {} } = behaviour;
  const connections: Fake[] = [];
  const { log, until } = captureLog();
  let connected = Promise.withResolvers<number>();
  let count = 0;
  const kept = new KeptConnection({
    name: 'a fake',
    log,
    onConnect: () => {
      count += 1;
      connected.resolve(count);
      connected = Promise.withResolvers();
    },
    open: (lose) => {
      let endedBy: Fake['endedBy'];
      const fake: Fake = {
        opened: open(),
        probe,
        lose,
        close: () => {
          endedBy = 'close';
        },
        destroy: () => {
          endedBy = 'destroy';
        },
        get endedBy() {
          return endedBy;
        },
      };
      connections.push(fake);
      return fake;
    },
  });
  return { kept, connections, until, next: () => connected.promise };
}

const never = () => new Promise<void>(() => {});

describe('a kept connection', () => {
  it('connects again when it is lost, says so to whoever uses it, and counts', async () => {
    const { kept, connections, next, until } = keep();
    await next();
    expect(kept).toMatchObject({ isConnected: true, reconnections: 0 });
    connections[0]?.lose(new Error('reset'));
    expect(kept.isConnected).toBe(false);
    await next();
    expect(kept).toMatchObject({ isConnected: true, reconnections: 1 });
    expect(connections[0]?.endedBy).toBe('destroy');
    expect(await until(({ msg }) => msg === 'connected again')).toMatchObject({ reconnections: 1 });
    kept.close();
  });

  it('gives up a connection that does not answer, within the time that is promised', async () => {
    let isDead = true;
    const { kept, next, connections } = keep({ probe: () => (isDead ? never() : Promise.resolve()) });
    await next();
    const begun = performance.now();
    await next();
    isDead = false;
    expect(performance.now() - begun).toBeLessThan(5_000);
    expect(connections[0]?.endedBy).toBe('destroy');
    kept.close();
  });

  it('gives up a connection that does not open, and tries again', async () => {
    let isDead = true;
    const { kept, next, until } = keep({ open: () => (isDead ? never() : Promise.resolve()) });
    await until(({ reason }) => reason === 'no answer within 3000 ms');
    isDead = false;
    await next();
    expect(kept).toMatchObject({ isConnected: true, reconnections: 0 });
    kept.close();
  });

  it('reads what came in while the process was busy before it judges', async () => {
    const { port1, port2 } = new MessageChannel();
    const secondProbe = Promise.withResolvers<void>();
    let probes = 0;
    const { kept, next, connections } = keep({
      probe: async () => {
        probes += 1;
        if (probes > 1) return secondProbe.resolve();
        // The answer is there to be read, and the time is over, when the process comes to look at either.
        setImmediate(() => {
          port2.postMessage('alive');
          blockFor(2_000);
        });
        await once(port1, 'message');
      },
    });
    await next();
    await secondProbe.promise;
    expect(connections).toHaveLength(1);
    kept.close();
    port1.close();
  });

  it('ends an open connection in good order, one that is opening at once, and comes back no more', async () => {
    const open = keep();
    await open.next();
    open.kept.close();
    expect(open.connections[0]?.endedBy).toBe('close');
    open.connections[0]?.lose(new Error('it has ended'));
    const opening = keep({ open: never });
    opening.kept.close();
    expect(opening.connections[0]?.endedBy).toBe('destroy');
    expect([open.connections.length, opening.connections.length]).toEqual([1, 1]);
    expect(open.kept.isConnected).toBe(false);
  });
});

function blockFor(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}
