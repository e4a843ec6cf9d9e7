import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Data, startApi, type TestApi, tokenOf, type User } from '../../support/api.ts';
import { HOSTILE_SEARCHES } from '../../support/search-texts.ts';

let api: TestApi;
let user: User;
let other: User;
let service: { token: string };

const ERRORS: Record<string, object> = {
  refused: { message: 'connect ECONNREFUSED 127.0.0.1:5432', name: 'Error', code: 'ECONNREFUSED' },
  cuda: { message: 'CUDA_ERROR_OUT_OF_MEMORY while calling model.train(batch)', name: 'RuntimeError' },
  missing: { message: "Cannot find module '/srv/app/worker-pool.ts'", name: 'TypeError', code: 'ERR_MODULE' },
  notFound: { message: 'The run was not found', name: 'NotFoundError' },
  found: { message: 'The run was found too late', name: 'LateError' },
  killed: { message: 'Trainer exited with -137', name: 'ExitError' },
  umlaut: { message: 'Überlauf im Gerätetreiber — 内存不足', name: 'Fehler' },
};

beforeAll(async () => {
  api = await startApi();
  user = await api.makeUser();
  other = await api.makeUser();
  service = { token: await tokenOf({ role: 'service_role' }) };
  for (const [name, error] of Object.entries(ERRORS)) {
    await api.admin.query('insert into error_logs (user_id, error, context) values ($1, $2, $3)', [
      user.id,
      error,
      { name },
    ]);
  }
});
afterAll(() => api.close());

async function found(search: string, as: { token: string } = user): Promise<string[]> {
  const { data, errors } = await api.ask(
    `query ($search: String!) { errorLogs(first: 100, filter: {search: $search}) {
       totalCount edges { node { context } } } }`,
    { search },
    as,
  );
  expect(errors, JSON.stringify(search)).toBeUndefined();
  expect(data.errorLogs.totalCount).toBe(data.errorLogs.edges.length);
  return data.errorLogs.edges.map(({ node }: Data) => node.context?.name).sort();
}

describe('the search of error logs', () => {
  it.each([
    ['a word, in any case', 'econnrefused', ['refused']],
    ['all words, in any order', 'memory cuda', ['cuda']],
    ['a word of the name', 'TypeError', ['missing']],
    ['the code as it is', 'ERR_MODULE', ['missing']],
    ['a part of a dotted name', 'train', ['cuda']],
    ['a dotted name', 'model.train', ['cuda']],
    ['an address with its port', '127.0.0.1:5432', ['refused']],
    ['a part of a path', 'worker-pool.ts', ['missing']],
    ['a path in quotes', '"/srv/app/worker-pool.ts"', ['missing']],
    ['a phrase, in its order', '"run was not found"', ['notFound']],
    ['no phrase in another order', '"found not"', []],
    ['a word that languages leave out', 'not', ['notFound']],
    ['either', 'cuda or Gerätetreiber or nothing', ['cuda', 'umlaut']],
    ['without', 'run -not', ['found']],
    ['without a phrase', 'run -"too late"', ['notFound']],
    ['a number in a phrase', '"exited with -137"', ['killed']],
    ['letters of other scripts', '内存不足', ['umlaut']],
    ['words as a whole', 'connec', []],
    ['words unstemmed', 'modules', []],
    ['no word of the context', 'refused', []],
  ])('finds %s: %s', async (_name, search, wanted) => {
    expect(await found(search)).toEqual(wanted);
  });

  it('finds the caller’s alone; services find everybody’s', async () => {
    await api.admin.query(
      `insert into error_logs (user_id, error, context)
       values ($1, '{"message": "a cuda fault"}', '{"name": "theirs"}'),
         (null, '{"message": "a cuda fault"}', '{"name": "nobodys"}')`,
      [other.id],
    );
    expect(await found('cuda')).toEqual(['cuda']);
    expect(await found('cuda', other)).toEqual(['theirs']);
    expect(await found('cuda', service)).toEqual(['cuda', 'nobodys', 'theirs']);
    const { rows } = await api.admin.query(
      `select has_function_privilege('anon', 'runcast.error_logs_matching(text)', 'execute') as anon`,
    );
    expect(rows).toEqual([{ anon: false }]);
  });

  it('takes any text, and adds to the other conditions', async () => {
    for (const search of HOSTILE_SEARCHES) {
      expect((await found(search)).length, JSON.stringify(search.slice(0, 40))).toBeLessThanOrEqual(7);
    }
    for (const search of ['', '!!!', '"']) expect(await found(search)).toEqual([]);
    const { data } = await api.ask(
      `{ both: errorLogs(filter: {search: "run", resolved: true}) { totalCount }
         one: errorLogs(filter: {search: "run", resolved: false}) { totalCount } }`,
      {},
      user,
    );
    expect(data).toEqual({ both: { totalCount: 0 }, one: { totalCount: 2 } });
  });

  it('lets any error be written, however long, whatever its shape', async () => {
    const long = Array.from({ length: 400_000 }, (_, n) => `w${n}`).join(' ');
    const words = 'x'.repeat(3_000_000);
    const errors = [
      { message: long, name: long, code: long },
      { message: words },
      { message: '内 '.repeat(100_000) },
      { message: { of: ['no', 'text'] }, code: 7 },
      'text',
      [1],
      null,
    ];
    for (const error of errors) {
      await api.admin.query('insert into error_logs (user_id, error) values ($1, $2::jsonb)', [
        other.id,
        JSON.stringify(error),
      ]);
    }
    expect(await found('w9', other)).toHaveLength(1);
    await api.admin.query('delete from error_logs where user_id = $1', [other.id]);
  });

  it('reads an index for users, too, whose policies no text search may go before', async () => {
    await api.admin.query(
      `insert into error_logs (user_id, error)
       select case when n % 2 = 0 then $1::uuid else $2 end, jsonb_build_object('message', 'fault number ' || n)
       from generate_series(1, 20000) n`,
      [user.id, other.id],
    );
    await api.admin.query('vacuum analyze error_logs');
    const scans = async () =>
      Number(
        (
          await api.admin.query(
            `select idx_scan from pg_stat_user_indexes where indexrelname = 'idx_error_logs_words'`,
          )
        ).rows[0].idx_scan,
      );
    for (const [claims, wanted] of [
      [{ role: 'authenticated', sub: user.id }, 1],
      [{ role: 'authenticated', sub: other.id }, 0],
      [{ role: 'service_role' }, 1],
    ] as const) {
      const before = await scans();
      await api.admin.query('begin');
      await api.admin.query(
        `select set_config('role', $1, true), set_config('request.jwt.claims', $2, true)`,
        [claims.role, JSON.stringify(claims)],
      );
      const { rows } = await api.admin.query(`select runcast.error_logs_matching('number 4242')`);
      await api.admin.query('commit; select pg_stat_force_next_flush()');
      expect(rows).toHaveLength(wanted);
      expect(await scans()).toBeGreaterThan(before);
    }
  });
});
