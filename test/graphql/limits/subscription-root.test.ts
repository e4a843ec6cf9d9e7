import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Result, startApi, type TestApi } from '../../support/api.ts';
import { openRawSocket } from '../../support/raw-socket.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());

const FIELD = 'executionEvents(id: "x")';
const DOCUMENTS = [
  `subscription ($x: Boolean!) { ${FIELD} @include(if: $x) { lastSeq } }`,
  `subscription ($x: Boolean!) { ${FIELD} @skip(if: $x) { lastSeq } other: ${FIELD} @include(if: $x) { lastSeq } }`,
  `subscription { ${FIELD} @include(if: false) { lastSeq } }`,
  `subscription { ... @skip(if: true) { ${FIELD} { lastSeq } } }`,
  `subscription { ...A } fragment A on Subscription { ...B } fragment B on Subscription { ${FIELD} @skip(if: true) { lastSeq } }`,
  `subscription { ...A } fragment A on Subscription { ...A @skip(if: true) ${FIELD} { lastSeq } }`,
];
const REFUSED = {
  message: expect.stringMatching(/@(skip|include) cannot decide/),
  extensions: { code: 'GRAPHQL_VALIDATION_FAILED' },
};

describe('a subscription whose root field may be taken away', () => {
  it.each(DOCUMENTS)('is not valid over HTTP: %s', async (query) => {
    for (const accept of ['application/json', 'text/event-stream']) {
      const response = await fetch(`${api.url}/graphql`, {
        method: 'POST',
        headers: { accept, 'content-type': 'application/json' },
        body: JSON.stringify({ query, variables: { x: true } }),
      });
      const text = await response.text();
      const json = accept === 'application/json' ? text : (/^data: (.*)$/m.exec(text)?.[1] ?? '');
      expect((JSON.parse(json) as Result).errors).toMatchObject([REFUSED]);
    }
  });

  it('is not valid over WebSocket, and disturbs nothing else there', async () => {
    const socket = await openRawSocket(api.url);
    for (const query of DOCUMENTS) {
      socket.send({ id: '1', type: 'subscribe', payload: { query, variables: { x: false } } });
      expect(await socket.next()).toMatchObject({ id: '1', type: 'error', payload: [REFUSED] });
    }
    socket.send({ id: '2', type: 'subscribe', payload: { query: '{ __typename }' } });
    expect(await socket.next()).toMatchObject({ id: '2', type: 'next' });
    socket.close();
  });

  it('may have them below', async () => {
    const query = `subscription ($x: Boolean!) { ${FIELD} { lastSeq @skip(if: $x) ended } }`;
    const socket = await openRawSocket(api.url);
    socket.send({ id: '1', type: 'subscribe', payload: { query, variables: { x: false } } });
    expect(await socket.next()).toMatchObject({
      payload: { errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] },
    });
    socket.close();
  });
});
