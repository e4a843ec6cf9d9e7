import { createServer } from 'node:http';
import { type WebSocket, WebSocketServer } from 'ws';
import { claimsOf } from '../../src/graphql/authorization.ts';
import { processOptions, underLoad } from '../process.ts';
import { type Batch, FeedTail } from './feed-tail.ts';
import { SHARED_ID } from './protocol.ts';

type Message = { type: string; payload?: { authorization?: string; variables?: { id: string } } };

/**
 * The least that a server can do: one Buffer for a batch, made once, and `ws.send` of it for every client. No GraphQL
 * and no id of the client's own; the message is as long as ours.
 */
const { url, verify } = processOptions();
const watchers = new Map<string, Set<WebSocket>>();
const feed = await FeedTail.open(url, (run, batch) => {
  const message = messageOf(batch);
  for (const socket of watchers.get(run) ?? []) socket.send(message, { binary: false });
});

const server = createServer();
new WebSocketServer({ server, path: '/graphql' }).on('connection', (socket) => {
  socket.on('message', (data) => {
    answer(socket, JSON.parse(String(data))).catch((error) =>
      socket.close(4403, String(error).slice(0, 100)),
    );
  });
});
await underLoad(server);

async function answer(socket: WebSocket, { type, payload }: Message): Promise<void> {
  if (type === 'connection_init') {
    await claimsOf(payload?.authorization, verify);
    socket.send('{"type":"connection_ack"}');
  } else if (type === 'subscribe' && payload?.variables) {
    await watch(socket, payload.variables.id);
  }
}

async function watch(socket: WebSocket, run: string): Promise<void> {
  await feed.watch(run);
  const sockets = watchers.get(run) ?? new Set();
  watchers.set(run, sockets.add(socket));
  socket.once('close', () => {
    sockets.delete(socket);
    if (sockets.size === 0) watchers.delete(run);
  });
  // Says that it listens.
  socket.send(messageOf({ lastSeq: 0, ended: false, events: [] }), { binary: false });
}

function messageOf({ lastSeq, ended, events }: Batch): Buffer {
  const executionEvents = {
    lastSeq,
    ended,
    events: events.map(({ seq, at, message }) => ({ seq, at, message })),
  };
  return Buffer.from(JSON.stringify({ id: SHARED_ID, type: 'next', payload: { data: { executionEvents } } }));
}
