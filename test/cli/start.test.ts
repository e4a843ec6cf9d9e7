import { once } from 'node:events';
import { chown, mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createClient } from 'graphql-ws';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { type RuncastProcess, spawnRuncast } from '../support/runcast-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

let root: string;
let folder: string;
const started: RuncastProcess[] = [];

beforeAll(async () => {
  root = await temporaryFolder('start');
  folder = join(root, 'data');
});

afterAll(async () => {
  for (const { pid, child, ended } of started) {
    if (child.exitCode === null && child.signalCode === null) process.kill(pid, 'SIGTERM');
    await ended;
  }
  await rm(root, { recursive: true, force: true });
});

function start(environment: Record<string, string> = {}): RuncastProcess {
  const runcast = spawnRuncast(['start'], { PORT: '0', RUNCAST_DATA_DIR: folder, ...environment });
  started.push(runcast);
  return runcast;
}

async function urlOf(runcast: RuncastProcess): Promise<string> {
  const [, url = ''] = await runcast.printed(/Runcast is up at (\S+)\./);
  return url;
}

async function query(url: string, token: string, text: string) {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` };
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ query: text }),
  });
  return response.json();
}

// One story, in order: a first start, Ctrl-C in mid-run, a second start, kill -9, a third start.
describe('npm start', () => {
  let run = '';

  it('brings everything up on an empty folder and shows a run that is going', {
    timeout: 120_000,
  }, async () => {
    const runcast = start();
    const url = await urlOf(runcast);
    const [, token = ''] = await runcast.printed(/Token\s+(\S+)/);
    const [subscription, id = ''] = await runcast.printed(
      /subscription WatchRun \{\n {2}executionEvents\(id: "(exec_\S+?)"[\s\S]*?\n\}\n/,
    );
    run = id;

    expect((await fetch(`${url}/health/live`)).status).toBe(200);
    const ready = await fetch(`${url}/health/ready`);
    expect(await ready.json()).toEqual({
      status: 'ok',
      checks: { database: 'ok', listener: 'ok', queue: 'ok' },
    });
    expect((await fetch(`${url}/graphql`, { headers: { accept: 'text/html' } })).status).toBe(200);

    // What is printed for pasting is pasted: it must show the run from its first event on.
    const client = createClient({
      url: `${url.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      connectionParams: { authorization: `Bearer ${token}` },
    });
    for await (const { data, errors } of client.iterate({ query: subscription })) {
      expect(errors).toBeUndefined();
      expect(data).toHaveProperty(
        'executionEvents.events.0',
        expect.objectContaining({ seq: 1, from: null }),
      );
      break;
    }
    await client.dispose();
    await runcast.printed(/proverbs █*░+ +\d+ %.*loss \d/);

    const configs = await query(url, token, '{ trainingConfigs(first: 10) { edges { node { publicId } } } }');
    expect(configs.data.trainingConfigs.edges).toHaveLength(3);
  });

  it('stops on Ctrl-C in mid-run within 5 seconds and leaves nothing running', async () => {
    const [runcast] = started;
    if (!runcast) throw new Error('nothing was started');
    const before = Date.now();
    expect(await runcast.interrupt()).toBe(0);
    expect(Date.now() - before).toBeLessThan(5000);
    expect(await processesNaming(folder)).toEqual([]);
    expect(await readdir(join(folder, 'postgres', 'data'))).not.toContain('postmaster.pid');
  });

  it('keeps everything at the second start and takes up the run that was going', {
    timeout: 120_000,
  }, async () => {
    const runcast = start();
    const url = await urlOf(runcast);
    const [, token = ''] = await runcast.printed(/Token\s+(\S+)/);
    const [, id] = await runcast.printed(/executionEvents\(id: "(exec_\S+?)"/);
    expect(id).toBe(run);
    await runcast.printed(/proverbs █*░+ +\d+ %/);
    const { data } = await query(
      url,
      token,
      `{ trainingExecutions(first: 10) { edges { node { databaseId attempt events(first: 500) { edges { node { __typename ... on StatusEvent { to reason } } } } } } } }`,
    );
    expect(data.trainingExecutions.edges).toHaveLength(1);
    const [{ node }] = data.trainingExecutions.edges;
    expect(node).toMatchObject({ databaseId: run, attempt: 2 });
    const released = node.events.edges.find(
      ({ node }: { node: { to?: string; reason?: string } }) => node.to === 'pending' && node.reason,
    );
    expect(released.node.reason).toMatch(/shut down/);
  });

  it('refuses a second process on the same folder', async () => {
    const second = start();
    expect((await second.ended).code).toBe(1);
    expect(second.stderr()).toMatch(
      /^Runcast already runs on .* as process \d+: stop that one, or set RUNCAST_DATA_DIR/,
    );
  });

  it('goes on with the same database after a kill -9', { timeout: 120_000 }, async () => {
    const killed = started[1];
    if (!killed) throw new Error('nothing was started');
    process.kill(killed.pid, 'SIGKILL');
    await killed.ended;
    const runcast = start();
    const url = await urlOf(runcast);
    expect((await fetch(`${url}/health/ready`)).status).toBe(200);
    await runcast.printed(new RegExp(`executionEvents\\(id: "${run}"`));
    expect(await runcast.interrupt()).toBe(0);
    expect(await processesNaming(folder)).toEqual([]);
  });
});

describe('a first start whose trainer is not there', () => {
  it('is up, prints the token and says why no run is going', { timeout: 60_000 }, async () => {
    const data = join(root, 'without-trainer');
    const runcast = start({ RUNCAST_DATA_DIR: data, LOCAL_TRAINER: '["/nowhere/trainer"]' });
    const url = await urlOf(runcast);
    await runcast.printed(/Token +eyJ/);
    await runcast.printed(/No run is going: .*LOCAL_TRAINER/);
    expect((await fetch(`${url}/health/ready`)).status).toBe(200);
    expect(await runcast.interrupt()).toBe(0);
  });
});

describe('a start that cannot succeed says why in one sentence, and does nothing', () => {
  async function refusal(environment: Record<string, string>): Promise<string> {
    const runcast = start(environment);
    expect((await runcast.ended).code).toBeGreaterThan(0);
    expect(runcast.stderr().trim().split('\n')).toHaveLength(1);
    return runcast.stderr();
  }

  it('where the port is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    const data = join(root, 'untouched');
    expect(await refusal({ PORT: String(port), RUNCAST_DATA_DIR: data })).toContain('set PORT');
    await expect(readdir(data)).rejects.toThrow('ENOENT');
    other.close();
  });

  it.runIf(process.getuid?.() === 0)(
    'where the data folder belongs to somebody else (needs root to make one)',
    async () => {
      const data = join(root, 'foreign');
      await mkdir(join(data, 'postgres'), { recursive: true });
      await chown(join(data, 'postgres'), 12_345, 12_345);
      expect(await refusal({ RUNCAST_DATA_DIR: data })).toMatch(/belongs to user 12345.*RUNCAST_DATA_DIR/);
    },
  );

  it('where the database cannot be reached', async () => {
    const message = await refusal({ DATABASE_URL: 'postgresql://postgres:hunter2@127.0.0.1:1/postgres' });
    expect(message).toContain('DATABASE_URL');
    expect(message).not.toContain('hunter2');
  });

  it('where a setting is wrong', async () => {
    expect(await refusal({ PORT: 'eighty' })).toContain('PORT: must be a number');
  });

  it('where there is no such command', async () => {
    const runcast = spawnRuncast(['sing'], {});
    expect((await runcast.ended).code).toBe(2);
    expect(runcast.stderr()).toContain('There is no command sing');
  });
});

/** Command lines of live processes that name the folder: a trainer, its guard, a Postgres. */
async function processesNaming(text: string): Promise<string[]> {
  const ids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(ids.map((id) => readFile(`/proc/${id}/cmdline`, 'utf8').catch(() => '')));
  return lines.filter((line) => line.includes(text));
}
