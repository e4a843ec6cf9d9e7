import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Data, startApi, type TestApi, type User } from '../../support/api.ts';
import { captureLog } from '../../support/log.ts';
import { openRawSocket } from '../../support/raw-socket.ts';

const { log, until } = captureLog();
let api: TestApi;
let user: User;
beforeAll(async () => {
  const config = { statementTimeoutMs: 10_000, graphiql: false, introspection: false };
  api = await startApi({ config, log });
  user = await api.makeUser();
});
afterAll(() => api.close());

const post = (body: object, signal?: AbortSignal, url = api.url) =>
  fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${user.token}` },
    body: JSON.stringify(body),
    ...(signal && { signal }),
  });

describe('where introspection is off', () => {
  it.each([
    ['the schema', '{ __schema { types { name } } }'],
    ['a type', '{ __type(name: "Query") { name } }'],
    [
      'the schema by another name, in a fragment',
      '{ ...A } fragment A on Query { x: __schema { queryType { name } } }',
    ],
  ])('nobody is told of %s', async (_what, query) => {
    const { errors, data } = await api.ask(query, {}, user);
    expect(data).toBeUndefined();
    expect(errors?.[0]?.extensions?.code).toBe('INTROSPECTION_OFF');
  });

  it('__typename is still answered', async () => {
    expect(await api.ask('{ __typename }')).toEqual({ data: { __typename: 'Query' } });
  });

  it('a mistake is not corrected with names that the caller may not know', async () => {
    const mistakes: [string, object][] = [
      ['{ viewr { id } }', {}],
      ['{ trainingExecutions(frist: 3) { totalCount } }', {}],
      ['query ($d: OrderDirektion) { viewer { id } }', {}],
      [
        'query ($o: TrainingOrder) { trainingConfigs(orderBy: $o) { totalCount } }',
        { o: { direction: 'DESCC' } },
      ],
    ];
    for (const [query, variables] of mistakes) {
      const answer = JSON.stringify(await api.ask(query, variables, user));
      expect(answer).toContain('"message"');
      expect(answer).not.toContain('Did you mean');
    }
  });

  it('the playground is off', async () => {
    const page = await fetch(`${api.url}/graphql`, { headers: { accept: 'text/html' } });
    expect(page.status).toBe(406);
  });
});

describe('what goes wrong', () => {
  it('is masked, with the id under which the log has it', async () => {
    const failing = await startApi({
      log,
      viewerDb: { ...api.viewerDb, lease: () => Promise.reject(new Error('the secret of the house')) },
    });
    const { errors } = await failing.ask('{ viewer { id tenants { id } } }', {}, user);
    const errorId = errors?.[0]?.extensions?.errorId;
    expect(errorId).toEqual(expect.any(String));
    expect(JSON.stringify(errors)).not.toContain('secret');
    const entry = await until((line) => line.errorId === errorId);
    expect(JSON.stringify(entry)).toContain('the secret of the house');
    await failing.close();
  });

  it('with a socket is a line in the log', async () => {
    const socket = await openRawSocket(api.url);
    const closed = new Promise((resolve) => socket.socket.once('close', resolve));
    socket.socket.send('x'.repeat((1 << 20) + 1));
    expect(await closed).toBe(1009);
    const entry = await until(({ msg }) => msg === 'a WebSocket broke off');
    expect(entry.code).toBe('WS_ERR_UNSUPPORTED_MESSAGE_LENGTH');
  });
});

describe('an operation that takes too long', () => {
  const WAITING = `select count(*)::int as count from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock' and query like '%training_configs%'
      and pid <> pg_backend_pid()`;

  async function waiting(): Promise<number> {
    const { rows } = await api.admin.query(WAITING);
    return rows[0].count;
  }

  /** Asks Postgres again and again, which takes its time by itself. */
  async function untilWaiting(count: number): Promise<void> {
    for (let asked = 0; asked < 20_000; asked += 1) if ((await waiting()) === count) return;
    throw new Error(`there never were ${count} waiting`);
  }

  /** Whoever reads configs waits for as long as this transaction is open. */
  async function whileLocked(work: () => Promise<void>): Promise<void> {
    const holder = new Client({ connectionString: api.database.admin });
    await holder.connect();
    await holder.query('begin; lock table public.training_configs in access exclusive mode');
    try {
      await work();
    } finally {
      await holder.end();
    }
  }

  const QUERY = { query: '{ trainingConfigs { edges { node { id } } } }' };

  it('is cancelled in Postgres when its client goes away, over HTTP', () =>
    whileLocked(async () => {
      const client = new AbortController();
      const answer = post(QUERY, client.signal).catch((error: Error) => error.name);
      await untilWaiting(1);
      client.abort();
      expect(await answer).toBe('AbortError');
      await untilWaiting(0);
    }));

  it('is cancelled in Postgres when its client goes away, over WebSocket', () =>
    whileLocked(async () => {
      const socket = await openRawSocket(api.url);
      socket.send({ id: '1', type: 'subscribe', payload: QUERY });
      await untilWaiting(1);
      socket.socket.terminate();
      await untilWaiting(0);
    }));

  it('is given up at its deadline, and its statement is cancelled in Postgres', () =>
    whileLocked(async () => {
      const slow = await startApi({
        viewerDb: api.viewerDb,
        config: { statementTimeoutMs: 1, graphiql: false, introspection: false },
        operationMarginMs: 1_000,
      });
      const answer = post(QUERY, undefined, slow.url);
      await untilWaiting(1);
      const response = await answer;
      expect(response.status).toBe(504);
      expect(((await response.json()) as Data).errors[0].extensions).toEqual({ code: 'TIMEOUT' });
      await untilWaiting(0);
      await slow.close();
    }));
});
