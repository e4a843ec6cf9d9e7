import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** Where a Chromium is installed; undefined where there is none. */
export const browserPath = PLACES.find((place) => existsSync(place));

if (!browserPath) {
  process.stderr.write(
    'Left out: the tests in a browser, since no Chromium is installed (Debian: chromium).\n',
  );
}

/** A headless Chromium that looks nothing up in the background. */
export function launchBrowser(): Promise<Browser> {
  if (!browserPath) throw new Error('no Chromium is installed');
  const quiet = ['--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-sync'];
  return chromium.launch({
    executablePath: browserPath,
    args: ['--no-sandbox', '--disable-gpu', '--disable-component-update', ...quiet],
  });
}
