import { spawn, spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEMO_TENANT, makeDemoWorkspace } from '../../src/app/demo.ts';
import { DEMO_USER } from '../../src/modules/accounts/demo-user.ts';
import { appendEvents, findStream, finishExecution, takeExecution } from '../../src/platform/feed/feed.ts';
import { startApi, type TestApi, tokenOf } from '../support/api.ts';
import { blocksOf, difference, type Example, examplesOf, readPage } from '../support/documentation.ts';
import { connectFeed, type FeedClient, line } from '../support/feed.ts';
import { START } from '../support/start.graphql.ts';

const page = readPage('docs/api/README.md');
const examples = examplesOf(page);
const root = fileURLToPath(new URL('../..', import.meta.url));
const hasCurl = spawnSync('curl', ['--version']).status === 0;

let api: TestApi;
let feed: FeedClient;
let folder: string;
let token: string;
/** What `exec_…` stands for in a request: the run that the last answer named. */
let run: string;

beforeAll(async () => {
  api = await startApi();
  feed = await connectFeed(api.database.admin);
  folder = await mkdtemp(join(tmpdir(), 'runcast-docs-'));
  await makeDemoWorkspace(api.database.admin, folder);
  token = await tokenOf({ role: 'authenticated', sub: DEMO_USER.id, email: DEMO_USER.email });
  run = await startedRun();
  await insertFigures();
});
afterAll(async () => {
  await feed[Symbol.asyncDispose]();
  await api.close();
  await rm(folder, { recursive: true, force: true });
});

/** The demo workspace's run, on its way. */
async function startedRun(): Promise<string> {
  const input = { publicId: 'proverbs', method: 'SFT', provider: 'LOCAL' };
  const { data } = await api.ask(START, { input }, { token });
  const ref = { kind: 'training', id: data.startTraining.databaseId } as const;
  const attempt = (await takeExecution(feed, { ...ref, worker: 'docs' })) ?? 0;
  const events = [
    line('Reading 146 records.'),
    { type: 'metric', payload: { step: 240, values: { loss: 2.31 } } },
    line('step 240 of 600'),
    { type: 'progress', payload: { percent: 40, step: 240, totalSteps: 600, etaSeconds: 12 } },
  ] as const;
  await appendEvents(feed, { ...ref, attempt, events: [...events] });
  return ref.id;
}

/** What the demo workspace used in two months, an error that nobody has dealt with, and how long jobs have waited. */
async function insertFigures(): Promise<void> {
  const whose = [DEMO_USER.id, DEMO_TENANT.id];
  await api.admin.query(
    `insert into public.usage_metrics (user_id, tenant_id, metric_type, quantity, "timestamp")
     select $1, $2, metric, quantity, day::timestamptz from (values
       ('api_calls', 800, '2026-09-14T12:00:00Z'), ('api_calls', 600, '2026-10-06T12:00:00Z'),
       ('api_calls', 600, '2026-10-20T12:00:00Z'), ('training_minutes', 45, '2026-10-20T13:00:00Z')
     ) as used (metric, quantity, day)`,
    whose,
  );
  await api.admin.query(
    `insert into public.error_logs (user_id, tenant_id, severity, error) values
       ($1, $2, 'high', '{"name": "TimeoutError", "message": "timeout after 30 s", "code": "ETIMEDOUT"}')`,
    whose,
  );
  await api.admin.query(
    `insert into public.performance_metrics (metric, value, unit, "timestamp")
     select 'queue_wait', n, 'ms', '2026-10-01T00:00:00Z'::timestamptz + n * interval '15 minutes'
     from generate_series(1, 100) n`,
  );
}

/** Ends the run that is followed, as its worker would. */
async function endRun(): Promise<void> {
  const ref = { kind: 'training', id: run } as const;
  const { attempt: taken } = (await findStream(feed, ref)) ?? { attempt: 0 };
  const attempt = taken > 0 ? taken : ((await takeExecution(feed, { ...ref, worker: 'docs' })) ?? 0);
  await appendEvents(feed, { ...ref, attempt, events: [line('The model is written.')] });
  await finishExecution(feed, { ...ref, attempt, status: 'completed' });
}

describe('docs/api/README.md', () => {
  it('has an example for each who uses it', () => {
    const sections = new Set(blocksOf(page).map(({ section }) => section));
    expect([...sections]).toEqual(
      expect.arrayContaining([
        'In the playground',
        'In a front end: a progress bar and a log pane',
        'In a script that starts a run',
        'For whoever owns the bill',
        'For the operator',
      ]),
    );
  });

  it('prints the client of examples/clients as it is', () => {
    const [client] = blocksOf(page).filter(({ language }) => language === 'ts');
    expect(client?.text).toBe(readPage('examples/clients/log-pane.ts'));
  });

  it.for(examples)('$title', async (example, { skip }) => {
    skip(example.language === 'sh' && !hasCurl, 'curl is not installed');
    const answer = await (example.language === 'sh' ? ranInShell(example) : asked(example));
    const isJson = example.answer.startsWith('{');
    const printed = isJson ? JSON.parse(example.answer) : example.answer;
    expect({ difference: difference(printed, isJson ? JSON.parse(answer) : answer), answer }).toEqual({
      difference: undefined,
      answer,
    });
    run = /"(exec_[0-9a-f-]+)"/.exec(answer)?.[1] ?? run;
  });
});

it.for(examplesOf(readPage('docs/api/sockets.md')))('docs/api/sockets.md: $title', async (example) => {
  const answer = await overSocket(example.request, JSON.parse(example.variables.replace('<token>', token)));
  expect(difference(JSON.parse(example.answer), JSON.parse(answer))).toBeUndefined();
});

/** The answer to an operation; of a subscription the first. */
async function asked({ title, request, variables }: Example): Promise<string> {
  const query = request.replaceAll('exec_…', run);
  const given = JSON.parse(variables.replaceAll('exec_…', run));
  if (!query.startsWith('subscription')) {
    const role = 'service_role';
    const asOperator = title.startsWith('For the operator');
    return JSON.stringify(
      await api.ask(query, given, { token: asOperator ? await tokenOf({ role }) : token }),
    );
  }
  return overSocket(query, given);
}

async function overSocket(query: string, given: object): Promise<string> {
  const socket = api.socket({ token });
  const results = socket.follow(query, given);
  const { value } = await results.next();
  await results.return?.();
  await socket.dispose();
  return JSON.stringify(value);
}

/** What a command prints. A run that it follows ends once the command has printed something. */
async function ranInShell({ request }: Example): Promise<string> {
  const child = spawn(
    'sh',
    ['-c', request.replaceAll('exec_…', run).replaceAll('http://127.0.0.1:4000', api.url)],
    {
      cwd: root,
      stdio: ['ignore', 'pipe', 'inherit'],
      env: {
        PATH: `${join(root, 'node_modules/.bin')}:${process.env.PATH}`,
        TOKEN: token,
        RUNCAST_URL: `${api.url.replace('http', 'ws')}/graphql`,
      },
    },
  );
  let printed = '';
  const { promise: hasSpoken, resolve: speaks } = Promise.withResolvers<void>();
  child.stdout.setEncoding('utf8').on('data', (text) => {
    printed += text;
    // An event stream begins with a comment, ":", before anything is followed.
    if (/\w/.test(printed)) speaks();
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  if (/log-pane|event-stream/.test(request)) {
    await Promise.race([hasSpoken, ended]);
    await endRun();
  }
  expect(await ended).toBe(0);
  return printed;
}
