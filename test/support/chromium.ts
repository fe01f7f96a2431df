import { type Browser, type BrowserServer, chromium } from 'playwright-core';

const options = {
  executablePath: '/usr/bin/chromium',
  headless: true,
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ],
};

/**
 * Debian's Chromium, with a profile of its own that is gone afterwards, and that asks nobody on the network. `server`: by
 * which a test can kill it (SIGKILL), without a word to the pages.
 */
export async function startChromium(): Promise<{ browser: Browser; server: BrowserServer }> {
  const server = await chromium.launchServer(options);
  return { browser: await chromium.connect(server.wsEndpoint()), server };
}
