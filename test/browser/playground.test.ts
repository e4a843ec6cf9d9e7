import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { browserPath, launchBrowser } from '../support/browser.ts';
import { type RuncastProcess, spawnRuncast } from '../support/runcast-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

describe.runIf(browserPath)('the playground in a browser', { timeout: 120_000 }, () => {
  let folder: string;
  let runcast: RuncastProcess;
  let browser: Browser;
  let page: Page;
  let url: string;
  const elsewhere: string[] = [];

  beforeAll(async () => {
    folder = await temporaryFolder('browser');
    runcast = spawnRuncast(['start'], { PORT: '0', RUNCAST_DATA_DIR: join(folder, 'data') });
    [, url = ''] = await runcast.printed(/Runcast is up at (\S+)\./);
    browser = await launchBrowser();
    const context = await browser.newContext({ permissions: ['clipboard-read', 'clipboard-write'] });
    page = await context.newPage();
    page.on('request', (request) => {
      const { protocol, origin } = new URL(request.url());
      if (protocol.startsWith('http') && origin !== url) elsewhere.push(request.url());
    });
  });

  afterAll(async () => {
    await browser?.close();
    await runcast?.interrupt();
    await rm(folder, { recursive: true, force: true });
  });

  it('opens without asking another host for anything', async () => {
    await page.goto(`${url}/graphql`);
    await page.getByRole('button', { name: /execute/i }).waitFor();
    expect(elsewhere).toEqual([]);
  });

  it('has example operations ready', async () => {
    expect(await page.getByRole('tab').count()).toBeGreaterThanOrEqual(3);
  });

  it('watches the run that is going with what the start printed for pasting', async () => {
    const [, headers = ''] = await runcast.printed(/Headers\s+(\{.*\})/);
    const [subscription] = await runcast.printed(
      /subscription WatchRun \{\n {2}executionEvents[\s\S]*?\n\}\n/,
    );
    await page.goto(`${url}/graphql`);
    await paste(page.locator('.graphiql-query-editor .monaco-editor').first(), subscription);
    // The playground takes up what was pasted a moment later, and until then executes the operation before it.
    await page.getByRole('tab', { name: 'WatchRun' }).waitFor();
    await page.getByRole('button', { name: 'Headers' }).click();
    await paste(
      page.locator('.graphiql-editor-tool .monaco-editor').locator('visible=true').first(),
      headers,
    );
    await page.getByRole('button', { name: /execute/i }).click();
    const response = page
      .getByRole('region', { name: /operation response|result/i })
      .or(page.locator('.result-window'));
    await response.getByText('"executionEvents"').first().waitFor();
    expect(await response.innerText()).toContain('lastSeq');
    expect(elsewhere).toEqual([]);
  });
});

/** Pastes text in the place of all that an editor holds, as a person would; typing would close brackets twice. */
async function paste(editor: Locator, text: string): Promise<void> {
  const page = editor.page();
  await page.evaluate((copied) => navigator.clipboard.writeText(copied), text);
  await editor.click();
  await page.keyboard.press('Control+A');
  await page.keyboard.press('Control+V');
}
