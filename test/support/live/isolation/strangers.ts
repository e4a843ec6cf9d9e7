import { mintToken } from '../../../../src/platform/auth/mint-token.ts';
import { tokenOf } from '../../api.ts';
import { openProtocolSocket } from '../protocol-socket.ts';
import { within } from '../within.ts';
import type { Checker } from './checker.ts';
import { eventsOf, openStream } from './stream-caller.ts';
import type { Subscription } from './subscription.ts';
import type { Owner } from './world.ts';

const PATIENCE_MS = 20_000;
const OTHER_SECRET = { secret: 'a-secret-that-is-not-the-one-of-the-server', audience: 'authenticated' };

/** Tokens that must open nothing, of somebody who would like to be an owner; undefined for none at all. */
export const STRANGERS: Record<string, (as: Owner) => Promise<string | undefined>> = {
  anonymous: async () => undefined,
  forged: ({ user }) => mintToken(OTHER_SECRET, { role: 'authenticated', sub: user.id }, 600),
  // Clocks may differ by a minute.
  expired: ({ user }) => tokenOf({ role: 'authenticated', sub: user.id }, -120),
  unsigned: async ({ user }) => {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const claims = { role: 'authenticated', sub: user.id, aud: 'authenticated', exp: 4_000_000_000 };
    return `${part({ alg: 'none', typ: 'JWT' })}.${part(claims)}.`;
  },
  'anon as an owner': ({ user }) => tokenOf({ role: 'anon', sub: user.id }),
};

export type StrangerOptions = {
  url: string;
  token: string | undefined;
  subscription: Subscription;
  checker: Checker;
};

/** Subscribes over a WebSocket, without waiting until it is acknowledged or after it, until the server says no. */
export async function tryOverSocket(options: StrangerOptions, waits: boolean): Promise<void> {
  const { url, token, subscription, checker } = options;
  const { query, variables, viewer } = subscription;
  const { promise: refused, resolve } = Promise.withResolvers<void>();
  const subscribe = () => socket.send({ id: 'op-1', type: 'subscribe', payload: { query, variables } });
  const socket = openProtocolSocket({
    ...{ url, init: token === undefined ? {} : { authorization: `Bearer ${token}` } },
    onOpen: () => {
      if (!waits) subscribe();
    },
    onMessage(message) {
      if (message.type === 'connection_ack' && waits) subscribe();
      if (message.type === 'error') resolve();
      if (message.type === 'next') answered(checker, viewer.name, message.payload, resolve);
    },
    onClose: () => resolve(),
  });
  await within(PATIENCE_MS, `that ${viewer.name} was refused`, refused);
  socket.drop();
}

export async function tryOverStream({ url, token, subscription, checker }: StrangerOptions): Promise<void> {
  const { viewer } = subscription;
  const controller = new AbortController();
  const response = await openStream(url, token, subscription, controller.signal);
  const read = async () => {
    for await (const { name, data } of eventsOf(response)) {
      if (name === 'next') answered(checker, viewer.name, JSON.parse(data), () => {});
      return;
    }
  };
  await within(PATIENCE_MS, `that ${viewer.name} was refused`, read());
  controller.abort();
}

function answered(
  checker: Checker,
  name: string,
  payload: { data?: unknown; errors?: unknown },
  resolve: () => void,
): void {
  const isEmpty = payload.data == null || Object.values(payload.data).every((value) => value === null);
  if (!isEmpty) checker.leak(`${name} was answered`, JSON.stringify(payload));
  resolve();
}
