import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { appendEvents } from '../../src/platform/feed/feed.ts';
import { startApi, type TestApi, type User } from '../support/api.ts';
import { browserPath, launchBrowser } from '../support/browser.ts';
import { connectFeed, type FeedClient, insertTraining, line, numbered } from '../support/feed.ts';
import { type PageServer, servePage } from '../support/page-server.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';

describe.runIf(browserPath)('runcast/client in a browser', { timeout: 120_000 }, () => {
  let pages: PageServer;
  let api: TestApi;
  let user: User;
  let feed: FeedClient;
  let proxy: TcpProxy;
  let browser: Browser;

  beforeAll(async () => {
    pages = await servePage('client-page');
    const config = { statementTimeoutMs: 10_000, graphiql: false, introspection: true };
    api = await startApi({ config: { ...config, allowedOrigins: [pages.url] } });
    user = await api.makeUser();
    feed = await connectFeed(api.database.admin);
    proxy = await startTcpProxy(api.url);
    browser = await launchBrowser();
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    await proxy?.close();
    await feed?.[Symbol.asyncDispose]();
    await api?.close();
    await pages?.close();
  });

  async function open(run: string, transport: string): Promise<{ page: Page; faults: string[] }> {
    const page = await browser.newPage();
    const faults: string[] = [];
    page.on('pageerror', (error) => faults.push(String(error)));
    const asked = new URLSearchParams({ url: `${proxy.url}/graphql`, token: user.token, run, transport });
    await page.goto(`${pages.url}/?${asked}`);
    return { page, faults };
  }

  const append = (id: string, texts: readonly string[]) =>
    appendEvents(feed, { kind: 'training', id, events: texts.map(line) });
  const status = (page: Page, text: string) => page.locator('output', { hasText: text }).waitFor();
  const shown = (page: Page, text: string) => page.locator('pre', { hasText: text }).waitFor();

  it.each([
    'websocket',
    'sse',
  ])('shows a run live, through a cut connection, to its end, over %s', async (transport) => {
    const id = await insertTraining(feed, user.id);
    await append(id, numbered('early ', 3));
    const { page, faults } = await open(id, transport);
    await status(page, 'pending');
    await feed.query("update training_executions set status = 'running', progress = 40 where id = $1", [id]);
    await status(page, 'running');
    expect(await page.locator('progress').getAttribute('value')).toBe('40');
    await append(id, ['before the cut']);
    await shown(page, 'before the cut');
    proxy.refuse();
    await status(page, 'connecting…');
    await append(id, ['while it was cut']);
    proxy.restore();
    await shown(page, 'while it was cut');
    await append(id, ['after the cut']);
    await feed.query("update training_executions set status = 'completed' where id = $1", [id]);
    await status(page, 'completed');
    const lines = (await page.locator('pre').innerText()).trim().split('\n');
    expect(lines).toEqual([...numbered('early ', 3), 'before the cut', 'while it was cut', 'after the cut']);
    expect(await page.getByRole('alert').count()).toBe(0);
    expect(faults).toEqual([]);
    await page.close();
  });

  it('keeps the newest lines of a long run, and says what it cannot show', async () => {
    const long = await insertTraining(feed, user.id);
    await append(long, numbered('line ', 3_000));
    const { page } = await open(long, 'websocket');
    await shown(page, 'line 2999');
    const lines = (await page.locator('pre').innerText()).trim().split('\n');
    expect(lines).toEqual(numbered('line ', 3_000).slice(-200));
    await page.close();
    const elsewhere = await insertTraining(feed, (await api.makeUser()).id);
    const other = await open(elsewhere, 'websocket');
    await other.page.getByRole('alert').getByText('There is no training execution').waitFor();
    await other.page.close();
  });

  it('goes over to server-sent events where the browser can open no WebSocket', async () => {
    const id = await insertTraining(feed, user.id);
    const page = await browser.newPage();
    await page.routeWebSocket(/graphql/, (socket) => socket.close({ code: 1011 }));
    const asked = new URLSearchParams({ url: `${proxy.url}/graphql`, token: user.token, run: id });
    await page.goto(`${pages.url}/?${asked}`);
    await status(page, 'pending');
    await append(id, ['over the other way']);
    await shown(page, 'over the other way');
    await page.close();
  });
});
