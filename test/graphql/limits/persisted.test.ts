import { hash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadPersistedOperations } from '../../../src/app/persisted-operations.ts';
import { startApi, type TestApi } from '../../support/api.ts';
import { openRawSocket } from '../../support/raw-socket.ts';
import { START } from '../../support/start.graphql.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const QUERY = 'query Me { viewer { id } }';
const ID = hash('sha256', QUERY);
const UNKNOWN = 'f'.repeat(64);
const ANSWER = { data: { viewer: null } };

type Sent = Record<string, unknown>;
const named: [string, Sent][] = [
  ['a documentId', { documentId: `sha256:${ID}` }],
  ['the digits alone', { documentId: ID.toUpperCase() }],
  ["Apollo's extension", { extensions: { persistedQuery: { version: 1, sha256Hash: ID } } }],
];

let api: TestApi;
let strict: TestApi;
beforeAll(async () => {
  const persistedOperations = new Map([[ID, QUERY]]);
  const config = { statementTimeoutMs: 10_000, graphiql: true, introspection: true };
  api = await startApi({ persistedOperations });
  strict = await startApi({ persistedOperations, config: { ...config, persistedOnly: true } });
});
afterAll(async () => {
  await api.close();
  await strict.close();
});

const JSON_TYPE = { 'content-type': 'application/json' };

const transports: [string, (server: TestApi, sent: Sent) => Promise<unknown>][] = [
  [
    'a JSON post',
    async ({ url }, sent) =>
      (
        await fetch(`${url}/graphql`, { method: 'POST', headers: JSON_TYPE, body: JSON.stringify(sent) })
      ).json(),
  ],
  [
    "a post that Yoga's HTTP layer answers",
    async ({ url }, sent) =>
      (
        await fetch(`${url}/graphql?x=1`, { method: 'POST', headers: JSON_TYPE, body: JSON.stringify(sent) })
      ).json(),
  ],
  [
    'GET',
    async ({ url }, sent) => {
      const parameters = Object.entries(sent).map(([name, value]) => [
        name,
        typeof value === 'string' ? value : JSON.stringify(value),
      ]);
      const asked = `${url}/graphql?${new URLSearchParams(Object.fromEntries(parameters))}`;
      return (await fetch(asked, { headers: { accept: 'application/json' } })).json();
    },
  ],
  [
    'server-sent events',
    async ({ url }, sent) => {
      const headers = { ...JSON_TYPE, accept: 'text/event-stream' };
      const answer = await fetch(`${url}/graphql`, { method: 'POST', headers, body: JSON.stringify(sent) });
      const text = await answer.text();
      return JSON.parse(/^data: ?(.*)$/m.exec(text)?.[1] ?? text);
    },
  ],
  [
    'WebSocket',
    async ({ url }, sent) => {
      const socket = await openRawSocket(url);
      socket.send({ id: '1', type: 'subscribe', payload: sent });
      const { type, payload } = await socket.next();
      socket.close();
      return type === 'error' ? { errors: payload } : payload;
    },
  ],
];

describe.each(transports)('a persisted operation over %s', (_transport, send) => {
  it.each(named)('is run by %s', async (_name, sent) => {
    expect(await send(api, sent)).toEqual(ANSWER);
    expect(await send(strict, sent)).toEqual(ANSWER);
  });

  it('is not found by an id that nobody knows', async () => {
    for (const server of [api, strict]) {
      expect(await send(server, { documentId: UNKNOWN })).toMatchObject({
        errors: [{ extensions: { code: 'PERSISTED_QUERY_NOT_FOUND' } }],
      });
    }
  });

  it('leaves other operations as they are, unless it is the only kind', async () => {
    const other = { query: '{ viewer { id } }' };
    expect(await send(api, other)).toEqual(ANSWER);
    expect(await send(api, { ...other, documentId: UNKNOWN })).toEqual(ANSWER);
    for (const sent of [
      other,
      { ...other, documentId: UNKNOWN },
      { query: '{ __schema { types { name } } }' },
    ]) {
      expect(await send(strict, sent)).toMatchObject({
        errors: [{ extensions: { code: 'PERSISTED_ONLY' } }],
      });
    }
    expect(await send(strict, { query: QUERY })).toEqual(ANSWER);
  });
});

describe('the manifest', () => {
  it('holds every typed document under the hash that codegen gave it', async () => {
    const operations = await loadPersistedOperations({ persistedOnly: true });
    const id = String(START.__meta__?.hash);
    expect(id).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(operations.get(id.slice('sha256:'.length))).toContain('mutation StartTraining');
  });

  it.each([
    ['does not exist', undefined, 'cannot be read'],
    ['is no JSON', '{', 'is no JSON object'],
    ['is of another shape', '["a"]', 'is no JSON object'],
    ['has a text of another hash', JSON.stringify({ [ID]: '{ viewer { email } }' }), "not its text's sha256"],
  ])('that %s is a sentence at the start', async (_fault, text, sentence) => {
    const file = join(await temporaryFolder('manifest'), 'manifest.json');
    if (text !== undefined) await writeFile(file, text);
    await expect(
      loadPersistedOperations({ persistedOperations: file, persistedOnly: false }),
    ).rejects.toThrow(sentence);
  });
});
