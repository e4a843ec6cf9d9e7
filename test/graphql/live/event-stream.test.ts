import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { endResponse, followOverResponse } from '../../../src/graphql/live/event-stream.ts';
import { Frame } from '../../../src/graphql/live/frame.ts';
import { Outlets } from '../../../src/graphql/live/outlet.ts';
import type { Sink } from '../../../src/graphql/live/sink.ts';
import { LiveStats } from '../../../src/platform/live/stats.ts';

const LIMIT = 100_000;
const STALLED_MS = 60_000;

let server: Server;
let outlets: Outlets;
let stats: LiveStats;
let sink: Sink;
let stream: ReturnType<typeof followOverResponse>;
let response: ServerResponse;
let leaves: number;
let client: Socket;

/** @param stalledMs looked at once a second */
async function open(stalledMs = STALLED_MS): Promise<void> {
  stats = new LiveStats();
  outlets = new Outlets({ maxBufferedBytes: LIMIT, stalledMs }, stats);
  leaves = 0;
  const { promise: followed, resolve } = Promise.withResolvers<void>();
  server = createServer((_request, answer) => {
    response = answer;
    const operation = {
      follow(given: Sink) {
        sink = given;
        return () => {
          leaves += 1;
        };
      },
    };
    stream = followOverResponse(operation, answer, outlets, JSON.stringify);
    resolve();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  client.on('error', () => {});
  client.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
  await followed;
}
afterEach(async () => {
  vi.useRealTimers();
  client.destroy();
  outlets.close();
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});

const frame = (bytes = 10) => new Frame(JSON.stringify({ data: 'x'.repeat(bytes) }));

/** Everything that comes until the response ends. */
async function received(): Promise<string> {
  let text = '';
  for await (const chunk of client) {
    text += chunk;
    if (text.endsWith('0\r\n\r\n')) break;
  }
  return text;
}

/** Sends more than the kernel takes of a client that does not read. */
function fill(): void {
  client.pause();
  for (let i = 0; i < 30; i += 1) sink.next(frame(1_000_000));
}

describe('an operation over server-sent events', () => {
  it('is sent its results and its end', async () => {
    await open();
    const text = received();
    sink.next(new Frame('{"data":1}'));
    sink.end();
    expect(await text).toMatch(/^HTTP\/1.1 200 OK\r\n.*content-type: text\/event-stream; charset=utf-8\r\n/s);
    const events = (await text).replace(/\r\n[0-9a-f]+\r\n/g, '').split('\n\n');
    expect(events).toEqual(
      expect.arrayContaining([expect.stringContaining('event: next\ndata: {"data":1}')]),
    );
    expect(await text).toContain('event: complete\ndata:\n\n');
  });

  it('is sent one more result where it ends with one', async () => {
    await open();
    const text = received();
    stream.end({ errors: [] });
    expect(await text).toContain('event: next\ndata: {"errors":[]}\n\n');
    expect(leaves).toBeGreaterThan(0);
  });

  it('ends once, though its token expires while its client has not taken the end', async () => {
    await open();
    fill();
    const ended = vi.spyOn(response, 'end');
    sink.end();
    // What is written after the end is an error that nobody listens to, which would end the process.
    const written = vi.spyOn(response, 'write');
    stream.end({ errors: [] });
    sink.end();
    sink.next(frame());
    expect(ended).toHaveBeenCalledTimes(1);
    expect(written).not.toHaveBeenCalled();
  });

  it('is cut off where its client does not take the end', async () => {
    await open(10);
    fill();
    sink.end();
    await once(response, 'close');
    expect({ stalled: stats.stalled, isWhole: response.writableFinished }).toEqual({
      stalled: 1,
      isWhole: false,
    });
  });

  it('is left when its client goes, and written to no more', async () => {
    await open();
    client.destroy();
    await once(response, 'close');
    expect(leaves).toBe(1);
    sink.next(frame());
    sink.end();
    expect(stats.dropped).toBe(1);
  });

  it('waits for a client that is slow', async () => {
    await open();
    fill();
    expect(sink.isReady).toBe(false);
    const ready = new Promise<void>((resolve) => sink.whenReady(resolve));
    client.resume();
    await ready;
    expect({ isReady: sink.isReady, bytes: response.writableLength }).toEqual({ isReady: true, bytes: 0 });
  });
});

describe('a refusal over server-sent events', () => {
  it('is one result', async () => {
    await open();
    client.destroy();
    await once(response, 'close');
    server.removeAllListeners('request');
    server.on('request', (_request, answer) => endResponse(answer, '{"errors":[]}'));
    const { port } = server.address() as AddressInfo;
    const text = await (await fetch(`http://127.0.0.1:${port}/`)).text();
    expect(text).toBe(':\n\nevent: next\ndata: {"errors":[]}\n\nevent: complete\ndata:\n\n');
  });
});
