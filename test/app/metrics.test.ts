import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createMetrics, type MetricsOptions } from '../../src/app/metrics.ts';
import type { LiveFigures } from '../../src/platform/live/figures.ts';
import { LiveStats } from '../../src/platform/live/stats.ts';
import { startApi } from '../support/api.ts';
import { readPage } from '../support/documentation.ts';
import { captureLog } from '../support/log.ts';
import { type Metric, parseMetrics } from '../support/prometheus.ts';

const METRICS_TOKEN = 'a-token-of-at-least-16-characters';
const settings = { statementTimeoutMs: 10_000, graphiql: false, introspection: false };

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** Metrics of these figures, on a port of their own. */
async function serve({
  figures = figuresOf(),
  ...options
}: Partial<MetricsOptions> & { figures?: () => LiveFigures }) {
  const metrics = createMetrics({ log: captureLog().log, figures, ...options });
  if (!metrics) throw new Error('they are not served');
  const server = createServer(metrics.serve);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(metrics.stop, () => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`;
  return {
    ask: (init: RequestInit = {}) => fetch(url, init),
    read: async () => parseMetrics(await (await fetch(url)).text()),
  };
}

function figuresOf(changes: Partial<LiveFigures> = {}): () => LiveFigures {
  const figures: LiveFigures = {
    stats: new LiveStats(),
    ...{ isListening: true, streams: 0, reconnections: 0 },
    ...{ webSockets: 0, eventStreams: 0, maxSockets: 10, users: 0, bufferedBytes: 0 },
    ...changes,
  };
  return () => figures;
}

function samplesOf(metrics: Map<string, Metric>, name: string): Record<string, number> {
  return Object.fromEntries(metrics.get(name)?.samples ?? []);
}

describe('what is served', () => {
  it('is named and typed as Prometheus wants it', async () => {
    const { ask, read } = await serve({});
    expect((await ask()).headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    const metrics = await read();
    for (const [name, { type, help, samples }] of metrics) {
      expect({ name, isCounter: type === 'counter' }).toEqual({ name, isCounter: name.endsWith('_total') });
      expect(help).toMatch(/\.$/);
      expect({ name, samples: samples.size }).not.toEqual({ name, samples: 0 });
    }
  });

  it('is what the page on monitoring lists', async () => {
    const { read } = await serve({});
    const sections = readPage('docs/deployment/monitoring.md')
      .split(/^## The /m)
      .slice(1);
    const listed = sections.flatMap((section) =>
      [...section.matchAll(/^\| ([a-z_{}, 0-9]+) \|/gm)]
        .flatMap(([, names = '']) => names.replaceAll(/\{\w+\}/g, '').split(', '))
        .filter((name) => name !== 'metric')
        .map((name) => (section.startsWith('live') ? `runcast_live_${name}` : name)),
    );
    const isLinux = process.platform === 'linux';
    expect([...(await read()).keys()].sort()).toEqual(
      listed.filter((name) => isLinux || !name.endsWith('_fds')).sort(),
    );
  });

  it('is what the hub counts, however often it is asked for', async () => {
    const stats = new LiveStats();
    const { read } = await serve({
      figures: figuresOf({
        stats,
        streams: 3,
        webSockets: 2,
        eventStreams: 1,
        users: 2,
        bufferedBytes: 70_000,
      }),
    });
    stats.frames = 5;
    stats.paused = 1;
    await read();
    stats.frames = 7;
    const metrics = await read();
    expect(samplesOf(metrics, 'runcast_live_frames_total')).toEqual({ runcast_live_frames_total: 7 });
    expect(samplesOf(metrics, 'runcast_live_paused_subscribers')).toEqual({
      runcast_live_paused_subscribers: 1,
    });
    expect(samplesOf(metrics, 'runcast_live_buffered_bytes')).toEqual({
      runcast_live_buffered_bytes: 70_000,
    });
    expect(samplesOf(metrics, 'runcast_live_sockets')).toEqual({
      'runcast_live_sockets{transport="websocket"}': 2,
      'runcast_live_sockets{transport="sse"}': 1,
    });
  });

  it('has the lag as a summary in seconds', async () => {
    const stats = new LiveStats();
    const { read } = await serve({ figures: figuresOf({ stats }) });
    const name = 'runcast_live_lag_seconds';
    expect(samplesOf(await read(), name)).toEqual({
      [`${name}{quantile="0.5"}`]: Number.NaN,
      [`${name}{quantile="0.9"}`]: Number.NaN,
      [`${name}{quantile="0.99"}`]: Number.NaN,
      ...{ [`${name}_sum`]: 0, [`${name}_count`]: 0 },
    });
    for (let i = 0; i < 98; i += 1) stats.recordLag(10);
    for (let i = 0; i < 2; i += 1) stats.recordLag(500);
    const samples = samplesOf(await read(), name);
    expect(samples[`${name}{quantile="0.5"}`]).toBeCloseTo(0.01, 3);
    expect(samples[`${name}{quantile="0.99"}`]).toBeCloseTo(0.5, 1);
    expect(samples).toMatchObject({ [`${name}_sum`]: 1.98, [`${name}_count`]: 100 });
  });

  it('says of Redis whether it is connected, where one is configured', async () => {
    const name = 'runcast_live_connected';
    const without = await serve({ figures: figuresOf({ isListening: false }) });
    expect(samplesOf(await without.read(), name)).toEqual({ [`${name}{source="postgres"}`]: 0 });
    const beside = await serve({ figures: figuresOf({ isRedisConnected: true }) });
    expect(samplesOf(await beside.read(), name)).toEqual({
      [`${name}{source="postgres"}`]: 1,
      [`${name}{source="redis"}`]: 1,
    });
  });

  it('is about the process too', async () => {
    const { read } = await serve({});
    const metrics = await read();
    const value = (name: string) => samplesOf(metrics, name)[name] ?? Number.NaN;
    expect(value('process_cpu_seconds_total')).toBeGreaterThan(0);
    expect(value('process_resident_memory_bytes')).toBeGreaterThan(10e6);
    expect(Math.abs(value('process_start_time_seconds') - Date.now() / 1_000)).toBeLessThan(3_600);
    expect(value('nodejs_eventloop_lag_p99_seconds')).toBeGreaterThanOrEqual(0);
    if (process.platform === 'linux')
      expect(value('process_open_fds')).toBeLessThan(value('process_max_fds'));
  });

  it('is an error with its cause in the log where it cannot be collected', async () => {
    const { log, until } = captureLog();
    const { ask } = await serve({
      log,
      figures: () => {
        throw new Error('no figures today');
      },
    });
    const answer = await ask();
    expect(answer.status).toBe(500);
    expect(await answer.text()).not.toContain('today');
    expect((await until(({ msg }) => msg === 'metrics could not be collected')).err).toMatchObject({
      message: 'no figures today',
    });
  });
});

describe('who may read them', () => {
  const config = { ...settings, metricsToken: METRICS_TOKEN, isProduction: true };
  const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

  it('is whoever has the token, where there is one', async () => {
    const { ask } = await serve(config);
    expect((await ask(bearer(METRICS_TOKEN))).status).toBe(200);
    expect((await ask({ headers: { authorization: `bearer ${METRICS_TOKEN}` } })).status).toBe(200);
    const refused = [{}, bearer(''), bearer('another'), bearer(`${METRICS_TOKEN}x`)];
    for (const init of [...refused, { headers: { authorization: METRICS_TOKEN } }]) {
      const answer = await ask(init);
      expect(answer.status).toBe(401);
      expect(answer.headers.get('www-authenticate')).toBe('Bearer');
      expect(await answer.text()).not.toContain('runcast_live');
    }
  });

  it('is anybody in development, and nobody in production without a token', async () => {
    expect((await (await serve({ isProduction: false })).ask()).status).toBe(200);
    const figures = figuresOf();
    expect(createMetrics({ isProduction: true, figures, log: captureLog().log })).toBeUndefined();
  });

  it('takes GET and HEAD alone', async () => {
    const { ask } = await serve({});
    const head = await ask({ method: 'HEAD' });
    expect({ status: head.status, text: await head.text() }).toEqual({ status: 200, text: '' });
    const post = await ask({ method: 'POST' });
    expect({ status: post.status, allow: post.headers.get('allow') }).toEqual({
      status: 405,
      allow: 'GET, HEAD',
    });
  });
});

describe('an API', () => {
  it('serves them beside its limits, to no page', async () => {
    const rateLimits = { perUser: 1, perIp: 1 };
    const api = await startApi({ config: { ...settings, rateLimits, allowedOrigins: ['*'] } });
    closing.push(() => api.close());
    const headers = { origin: 'https://app.example.com' };
    for (let i = 0; i < 5; i += 1) {
      const answer = await fetch(`${api.url}/metrics`, { headers });
      expect(answer.status).toBe(200);
      expect(answer.headers.get('access-control-allow-origin')).toBeNull();
      parseMetrics(await answer.text());
    }
    const preflight = { method: 'OPTIONS', headers: { ...headers, 'access-control-request-method': 'GET' } };
    expect((await fetch(`${api.url}/metrics`, preflight)).status).toBe(405);
  });

  it('has nothing there in production without a token', async () => {
    const api = await startApi({ config: { ...settings, isProduction: true } });
    closing.push(() => api.close());
    const answer = await fetch(`${api.url}/metrics`);
    expect({ status: answer.status, body: await answer.json() }).toMatchObject({
      status: 404,
      body: { error: 'There is nothing here.' },
    });
  });
});
