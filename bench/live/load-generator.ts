import { randomUUID } from 'node:crypto';
import { ClientSocket } from './client-socket.ts';
import { Messages } from './messages.ts';
import type { Command, Commands, Opening } from './protocol.ts';
import { Tally } from './tally.ts';

/** A server's backlog holds 511 connections that it has not accepted yet; the kernel drops what exceeds it. */
const OPENED_AT_ONCE = 100;

type Opened = { sockets: ClientSocket[]; tally: Tally };

let current: Opened = { sockets: [], tally: new Tally([], 0, false) };

/** Each does what `Commands` says of it. */
const commands: {
  [Name in keyof Commands]: (asks: Commands[Name]['asks']) => Promise<Commands[Name]['answers']>;
} = {
  async open(opening) {
    current = { sockets: [], tally: new Tally(opening.watches, opening.sockets, opening.fromCursor) };
    const messages = new Messages(opening);
    while (current.sockets.length < opening.sockets) {
      const slice = Math.min(OPENED_AT_ONCE, opening.sockets - current.sockets.length);
      const sockets = Array.from({ length: slice }, (_, at) =>
        openSocket(opening, messages, current.tally, current.sockets.length + at),
      );
      current.sockets.push(...sockets);
      await Promise.all(sockets.map(({ opened }) => opened));
    }
    return null;
  },
  joined: ({ withinMs }) => current.tally.joined(withinMs),
  caughtUp: ({ seqs, withinMs }) => current.tally.caughtUp(seqs, withinMs),
  async record() {
    current.tally.record();
    return null;
  },
  received: async ({ commits }) => current.tally.received(commits),
  async close() {
    await Promise.all(current.sockets.map((socket) => socket.close()));
    return null;
  },
};

function openSocket(opening: Opening, messages: Messages, tally: Tally, at: number): ClientSocket {
  const { run, token, after } = tally.watchOf(at);
  const id = randomUUID();
  const idBytes = Buffer.from(id);
  const { document: query, port } = opening;
  const subscribe = JSON.stringify({
    id,
    type: 'subscribe',
    payload: { query, variables: { id: run, after } },
  });
  return new ClientSocket({
    port,
    token,
    subscribe,
    onMessage(bytes, start, end) {
      try {
        tally.take(at, messages.seqsOf(run, idBytes, { bytes, start, end }), end - start);
      } catch (error) {
        tally.fault(String(error));
      }
    },
    onLost: (reason) => tally.fault(reason),
  });
}

async function obey({ name, asks }: Command): Promise<unknown> {
  // The asks of a command are those of its name.
  const run = commands[name] as (asks: Command['asks']) => Promise<unknown>;
  return run(asks);
}

process.on('message', (command: Command) => {
  obey(command).then(
    (answer) => process.send?.({ answer }),
    (error) => process.send?.({ error: String(error) }),
  );
});
process.on('disconnect', () => process.exit());
