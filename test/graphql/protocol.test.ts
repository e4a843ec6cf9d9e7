import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startApi, type TestApi, tokenOf, type User } from '../support/api.ts';
import { connectFeed, insertTraining } from '../support/feed.ts';
import { type FrameClient, type Handshake, openAcknowledged, openFrames } from '../support/frame-client.ts';
import { type FrameOptions, OPCODES } from '../support/websocket-frames.ts';

const { text, binary, continuation, ping, pong, close } = OPCODES;
const MEBIBYTE = 1 << 20;

/** Of persisted operations that throws where it should only not know, as nothing in the protocol's way does. */
const broken = new Proxy(new Map<string, string>(), {
  get: (map, name) =>
    name === 'get'
      ? () => {
          throw new Error('a bug');
        }
      : Reflect.get(map, name, map),
});

let api: TestApi;
let user: User;
const clients: FrameClient[] = [];

beforeAll(async () => {
  api = await startApi({ persistedOperations: broken });
  user = await api.makeUser();
});
afterAll(() => api.close());
afterEach(() => {
  for (const client of clients.splice(0)) client.destroy();
});

async function open(handshake?: Handshake): Promise<FrameClient> {
  const client = await openFrames(api.url, handshake);
  clients.push(client);
  return client;
}

async function acknowledged(payload: object = { token: user.token }): Promise<FrameClient> {
  const client = await openAcknowledged(api.url, payload);
  clients.push(client);
  return client;
}

const subscribe = (id: string, query: string, rest: object = {}) => ({
  id,
  type: 'subscribe',
  payload: { query, ...rest },
});

/** A subscription that goes on for as long as nothing happens to its run. */
async function follow(client: FrameClient, id = 'follow') {
  const writer = await connectFeed(api.database.admin);
  const run = await insertTraining(writer, user.id);
  client.send(subscribe(id, `subscription { executionEvents(id: "${run}") { lastSeq ended } }`));
  expect(await client.next()).toMatchObject({ id, payload: { data: { executionEvents: { lastSeq: 1 } } } });
  return {
    run,
    async end() {
      await writer.query("update training_executions set status = 'cancelled' where id = $1", [run]);
      await writer.client.end();
    },
  };
}

describe('an upgrade', () => {
  it('is answered with the protocol that the client offers', async () => {
    const { status, head } = await open({ subprotocol: 'graphql-ws, graphql-transport-ws' });
    expect(status).toBe(101);
    expect(head).toContain('sec-websocket-protocol: graphql-transport-ws');
  });

  it.each([
    ['another one', 'graphql-ws'],
    ['none', undefined],
  ])('with %s is taken, so that a browser sees the code, and closed with 4406', async (_name, subprotocol) => {
    const client = await open({ subprotocol });
    expect(client.status).toBe(101);
    expect(client.head).not.toContain('sec-websocket-protocol');
    expect(await client.closed()).toEqual({ code: 4406, reason: 'Subprotocol not acceptable' });
  });

  it('is refused at another path, and with a handshake that is wrong', async () => {
    expect((await open({ path: '/elsewhere' })).status).toBe(404);
    expect((await open({ headers: { 'Sec-WebSocket-Version': '7' } })).status).toBe(400);
    expect((await open({ headers: { 'Sec-WebSocket-Key': 'short' } })).status).toBe(400);
  });
});

describe('a message that is none of the protocol closes with 4400:', () => {
  it.each([
    ['text that is no JSON', 'hello'],
    ['a list', '[]'],
    ['null', 'null'],
    ['no type', '{}'],
    ['an unknown type', { type: 'start' }],
    ['one that only servers send', { type: 'connection_ack', payload: 3 }],
    ['connection_init with a payload that is no object', { type: 'connection_init', payload: 'token' }],
    ['ping with a payload that is no object', { type: 'ping', payload: [] }],
    ['subscribe without an id', { type: 'subscribe', payload: { query: '{ viewer { id } }' } }],
    ['subscribe with an empty id', subscribe('', '{ viewer { id } }')],
    ['subscribe without a payload', { id: '1', type: 'subscribe' }],
    ['subscribe without a query', { id: '1', type: 'subscribe', payload: {} }],
    ['variables that are no object', subscribe('1', '{ viewer { id } }', { variables: 'x' })],
    ['an operation name that is no text', subscribe('1', '{ viewer { id } }', { operationName: 1 })],
    ['complete without an id', { type: 'complete' }],
  ])('%s', async (_name, message) => {
    const client = await acknowledged();
    client.send(message);
    expect((await client.closed()).code).toBe(4400);
  });

  it('a binary frame', async () => {
    const client = await acknowledged();
    client.frame(binary, { payload: JSON.stringify({ type: 'ping' }) });
    expect((await client.closed()).code).toBe(4400);
  });
});

describe('connection_init', () => {
  it('is waited for less than 3 s: a silent socket closes with 4408', async () => {
    const started = performance.now();
    const client = await open();
    expect(await client.closed()).toEqual({ code: 4408, reason: 'Connection initialisation timeout' });
    expect(performance.now() - started).toBeLessThan(3_000);
  });

  it('is waited for no longer from a socket that only sends pings', async () => {
    const started = performance.now();
    const client = await open();
    client.send({ type: 'ping' });
    expect(await client.next()).toEqual({ type: 'pong' });
    client.frame(ping);
    expect((await client.closed()).code).toBe(4408);
    expect(performance.now() - started).toBeLessThan(3_000);
  });

  it('comes first: an operation before it, or before it is acknowledged, closes with 4401', async () => {
    const early = await open();
    early.send(subscribe('1', '{ viewer { id } }'));
    expect(await early.closed()).toEqual({ code: 4401, reason: 'Unauthorized' });
    const hasty = await open();
    // One packet, and a token whose signature has not been checked before, which takes a turn of the thread pool.
    hasty.connection.cork();
    hasty.send({
      type: 'connection_init',
      payload: { token: await tokenOf({ role: 'authenticated', sub: user.id }, 700) },
    });
    hasty.send(subscribe('1', '{ viewer { id } }'));
    hasty.connection.uncork();
    expect((await hasty.closed()).code).toBe(4401);
  });

  it('without a token leaves it to the header of the upgrade to say who it is', async () => {
    const client = await open({ headers: { Authorization: `Bearer ${user.token}` } });
    client.send({ type: 'connection_init', payload: { unrelated: true } });
    expect(await client.next()).toEqual({ type: 'connection_ack' });
    client.send(subscribe('who', '{ viewer { id } }'));
    expect(await client.next()).toMatchObject({ payload: { data: { viewer: { id: user.id } } } });
  });

  it('comes once: a second one closes with 4429', async () => {
    const client = await acknowledged();
    client.send({ type: 'connection_init' });
    expect(await client.closed()).toEqual({ code: 4429, reason: 'Too many initialisation requests' });
    const hasty = await open();
    hasty.send({ type: 'connection_init' });
    hasty.send({ type: 'connection_init' });
    expect((await hasty.closed()).code).toBe(4429);
  });

  it('with a token that is no good closes with 4403, and says why without repeating it', async () => {
    const [head, claims, signature] = user.token.split('.');
    const tokens = {
      'Forbidden: The bearer token is not a JSON Web Token.': 'nonsense',
      "Forbidden: The token's signature is not right.": [
        head,
        claims,
        [...(signature ?? '')].reverse().join(''),
      ].join('.'),
      'Forbidden: The token has expired.': await tokenOf({ role: 'authenticated', sub: user.id }, -3_600),
      'Forbidden: Token expired': await tokenOf({ role: 'authenticated', sub: user.id }, -10),
    };
    for (const [reason, token] of Object.entries(tokens)) {
      const client = await open();
      client.send({ type: 'connection_init', payload: { token } });
      expect(await client.closed()).toEqual({ code: 4403, reason });
    }
  });
});

describe('an operation', () => {
  it.each([
    ['a syntax error', 'subscription { executionEvents(', {}, 'GRAPHQL_PARSE_FAILED'],
    ['no document at all', '', {}, 'GRAPHQL_PARSE_FAILED'],
    ['a field that is not there', '{ noSuchThing }', {}, 'GRAPHQL_VALIDATION_FAILED'],
    ['a name that no operation has', 'query Who { viewer { id } }', { operationName: 'What' }, undefined],
    [
      'several to choose from and no name',
      'query A { viewer { id } } query B { viewer { id } }',
      {},
      undefined,
    ],
    ['a fragment and nothing to run', 'fragment F on Viewer { id }', {}, 'GRAPHQL_VALIDATION_FAILED'],
  ])('with %s ends with an error of its own, and others go on', async (_name, query, rest, code) => {
    const client = await acknowledged();
    const followed = await follow(client);
    client.send(subscribe('wrong', query, rest));
    const answer = await client.next();
    expect(answer).toMatchObject({ id: 'wrong', type: 'error', payload: [{ message: expect.any(String) }] });
    if (code) expect(answer.payload[0].extensions.code).toBe(code);
    // The id is free again, and the socket as good as before.
    client.send(subscribe('wrong', '{ viewer { id } }'));
    expect(await client.next()).toMatchObject({ id: 'wrong', type: 'next' });
    expect(await client.next()).toEqual({ id: 'wrong', type: 'complete' });
    await followed.end();
    expect(await client.next()).toMatchObject({
      id: 'follow',
      payload: { data: { executionEvents: { ended: true } } },
    });
    expect(await client.next()).toEqual({ id: 'follow', type: 'complete' });
  });

  it('whose variables do not fit has a result that says so, and others go on', async () => {
    const client = await acknowledged();
    const followed = await follow(client);
    client.send(subscribe('wrong', 'query ($id: ID!) { tenant(id: $id) { id } }', { variables: { id: {} } }));
    expect(await client.next()).toMatchObject({
      id: 'wrong',
      payload: { errors: [{ message: expect.any(String) }] },
    });
    expect(await client.next()).toEqual({ id: 'wrong', type: 'complete' });
    await followed.end();
    expect(await client.next()).toMatchObject({ id: 'follow', type: 'next' });
  });

  it('under an id that is taken closes with 4409', async () => {
    const client = await acknowledged();
    const followed = await follow(client);
    client.send(subscribe('follow', '{ viewer { id } }'));
    expect(await client.closed()).toEqual({ code: 4409, reason: 'Subscriber for follow already exists' });
    await followed.end();
  });

  it('may have an id of any length and any letters, which a close reason repeats as far as it fits', async () => {
    const client = await acknowledged();
    const id = `__proto__ ${'ä'.repeat(200)}`;
    const followed = await follow(client, id);
    client.send(subscribe(id, '{ viewer { id } }'));
    const { code, reason } = await client.closed();
    expect(code).toBe(4409);
    expect(reason).toMatch(/^Subscriber for __proto__ ä+$/);
    await followed.end();
  });

  it('ends when its client completes it, whose id is free then', async () => {
    const client = await acknowledged();
    const followed = await follow(client);
    // In one packet: nothing may need time to pass between them.
    client.connection.cork();
    client.send({ id: 'follow', type: 'complete' });
    client.send({ id: 'never there', type: 'complete' });
    client.send(subscribe('follow', '{ viewer { id } }'));
    client.connection.uncork();
    expect(await client.next()).toMatchObject({
      id: 'follow',
      payload: { data: { viewer: { id: user.id } } },
    });
    expect(await client.next()).toEqual({ id: 'follow', type: 'complete' });
    await followed.end();
  });

  it('that was completed while it ran leaves its id, and its answer, to the next one', async () => {
    const blocker = await connectFeed(api.database.admin);
    await blocker.client.query('begin; lock table public.tenants in access exclusive mode');
    const client = await acknowledged();
    client.send(subscribe('a', '{ tenants(first: 1) { totalCount } }'));
    const waiting = "select 1 from pg_locks where not granted and relation = 'public.tenants'::regclass";
    while ((await blocker.client.query(waiting)).rows.length === 0);
    client.send({ id: 'a', type: 'complete' });
    client.send(subscribe('a', '{ never: viewer { id } }'));
    client.send({ id: 'a', type: 'complete' });
    client.send(subscribe('a', '{ viewer { id } }'));
    // Others do not wait with it.
    client.send(subscribe('b', '{ viewer { role } }'));
    expect(await client.next()).toMatchObject({
      id: 'b',
      payload: { data: { viewer: { role: 'authenticated' } } },
    });
    expect(await client.next()).toEqual({ id: 'b', type: 'complete' });
    await blocker.client.query('commit');
    expect(await client.next()).toEqual({
      id: 'a',
      type: 'next',
      payload: { data: { viewer: { id: user.id } } },
    });
    expect(await client.next()).toEqual({ id: 'a', type: 'complete' });
    await blocker.client.end();
  });

  it('that waits for its id is not run where the socket closes first', async () => {
    const client = await acknowledged();
    const followed = await follow(client);
    client.connection.cork();
    client.send({ id: 'follow', type: 'complete' });
    client.send(
      subscribe(
        'follow',
        'mutation { createTenant(input: { name: "W", subdomain: "waited" }) { __typename } }',
      ),
    );
    client.send({ type: 'connection_init' });
    client.connection.uncork();
    expect((await client.closed()).code).toBe(4429);
    client.answerClose(4429);
    await client.ended;
    await followed.end();
    const { rows } = await api.admin.query("select 1 from public.tenants where subdomain = 'waited'");
    expect(rows).toEqual([]);
  });

  it('closes with 4409 where another one waits for its id', async () => {
    const client = await acknowledged();
    const followed = await follow(client);
    client.connection.cork();
    client.send({ id: 'follow', type: 'complete' });
    client.send(subscribe('follow', '{ viewer { id } }'));
    client.send(subscribe('follow', '{ viewer { id } }'));
    client.connection.uncork();
    expect(await client.closed()).toEqual({ code: 4409, reason: 'Subscriber for follow already exists' });
    await followed.end();
  });

  it('that meets a bug of the server closes with 4500 and the id under which the log has it', async () => {
    const client = await acknowledged();
    client.send({ id: '1', type: 'subscribe', payload: { documentId: 'any' } });
    const { code, reason } = await client.closed();
    expect(code).toBe(4500);
    expect(reason).toMatch(/^Unexpected error [0-9a-f-]{36}$/);
  });

  it('is not run once the socket is closing, whether or not its client answers that', async () => {
    const client = await acknowledged();
    client.send({ type: 'connection_init' });
    await client.closed();
    const mutation = 'mutation { createTenant(input: { name: "Late", subdomain: "late" }) { __typename } }';
    client.send(subscribe('late', mutation));
    client.answerClose(4429);
    await client.ended;
    await api.ask('{ tenants(first: 1) { totalCount } }', {}, user);
    const { rows } = await api.admin.query("select 1 from public.tenants where subdomain = 'late'");
    expect(rows).toEqual([]);
  });
});

describe('frames', () => {
  it('of a message may be many, cut within a character, with control frames between them', async () => {
    const client = await acknowledged();
    const message = Buffer.from(JSON.stringify({ type: 'ping', payload: { greeting: 'Grüße' } }));
    const cut = message.indexOf('ü') + 1;
    client.frame(text, { payload: message.subarray(0, cut), isFinal: false });
    client.frame(ping, { payload: 'between' });
    client.frame(continuation, { payload: '', isFinal: false });
    client.frame(continuation, { payload: message.subarray(cut) });
    expect(await client.nextFrame()).toMatchObject({ opcode: pong, payload: Buffer.from('between') });
    expect(await client.next()).toEqual({ type: 'pong', payload: { greeting: 'Grüße' } });
  });

  it('of a closing handshake are answered, and the connection is cut', async () => {
    const client = await acknowledged();
    client.answerClose(1000);
    expect((await client.closed()).code).toBe(1000);
    await client.ended;
  });

  type Sent = [opcode: number, options?: FrameOptions][];
  const wrong: [code: number, name: string, frames: Sent][] = [
    [1002, 'is not masked', [[text, { payload: '{"type":"ping"}', isMasked: false }]]],
    [1002, 'has a bit of an extension that was not agreed on', [[text, { payload: '{}', reserved: 4 }]]],
    [1002, 'is of an unknown kind', [[0x3, { payload: '{}' }]]],
    [1002, 'continues nothing', [[continuation, { payload: '{}' }]]],
    [
      1002,
      'begins a message in the middle of another one',
      [
        [text, { payload: '{', isFinal: false }],
        [text, { payload: '}' }],
      ],
    ],
    [1002, 'is a part of a ping', [[ping, { isFinal: false }]]],
    [1002, 'is a ping of more than 125 bytes', [[ping, { payload: 'x'.repeat(126) }]]],
    [1002, 'closes with half a code', [[close, { payload: Buffer.of(3) }]]],
    [1002, 'closes with a code that is for nobody to send', [[close, { payload: Buffer.of(0x03, 0xed) }]]],
    [1007, 'holds what is no UTF-8', [[text, { payload: Buffer.of(0x7b, 0xff, 0x7d) }]]],
    [
      1007,
      'is the end of a message that is no UTF-8',
      [
        [text, { payload: Buffer.of(0x7b, 0xc3), isFinal: false }],
        [continuation, { payload: '}' }],
      ],
    ],
    [1007, 'closes for a reason that is no UTF-8', [[close, { payload: Buffer.of(0x03, 0xe8, 0xff) }]]],
    [1009, 'is larger than a mebibyte', [[text, { payload: 'x'.repeat(MEBIBYTE + 1) }]]],
    [1009, 'says that it will be', [[text, { payload: 'x', claimedLength: MEBIBYTE + 1 }]]],
    [
      1009,
      'says that it will be larger than numbers are',
      [[text, { payload: 'x', claimedLength: 2 ** 60 }]],
    ],
    [
      1009,
      'makes a message larger than that',
      [
        [text, { payload: 'x'.repeat(MEBIBYTE), isFinal: false }],
        [continuation, { payload: 'x' }],
      ],
    ],
    [
      1008,
      'is one of far too many of a message',
      [
        [text, { isFinal: false }],
        ...Array.from({ length: 16_384 }, (): Sent[0] => [continuation, { isFinal: false }]),
      ],
    ],
  ];
  it.each(wrong)('close with %i where one %s', async (code, _name, frames) => {
    const client = await acknowledged();
    for (const [opcode, options] of frames) client.frame(opcode, options);
    expect((await client.closed()).code).toBe(code);
    await client.ended;
  });

  it('of one socket that break it do nothing to another one', async () => {
    const [good, bad] = [await acknowledged(), await acknowledged()];
    const followed = await follow(good);
    bad.frame(text, { payload: 'x', claimedLength: MEBIBYTE + 1 });
    expect((await bad.closed()).code).toBe(1009);
    await followed.end();
    expect(await good.next()).toMatchObject({ payload: { data: { executionEvents: { ended: true } } } });
  });
});
