import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, BrowserContext, BrowserServer, Page } from 'playwright-core';
import { buildConsole } from '../../scripts/build-console.ts';
import { startChromium } from '../support/chromium.ts';

interface PageOptions {
  locale?: string;
  colorScheme?: 'light' | 'dark';
  /** Who is signed in already. Without it the page asks. */
  as?: { name: string; password: string };
}

/** Pages of the console in Chromium, and what must never happen on one. */
export class Pages {
  readonly #browser: Browser;
  readonly #server: BrowserServer;
  /** By locale, for the next page: what a browser has loaded once it does not load, read and compile again. */
  readonly #free = new Map<string, BrowserContext[]>();
  readonly #used: { locale: string; context: BrowserContext; page: Page }[] = [];
  readonly #faults: string[] = [];

  private constructor({ browser, server }: { browser: Browser; server: BrowserServer }) {
    this.#browser = browser;
    this.#server = server;
  }

  /** Builds the console as well. */
  static async start(): Promise<Pages> {
    const [browser] = await Promise.all([startChromium(), buildConsole()]);
    return new Pages(browser);
  }

  /** A page of its own: no other has its cookies or what it keeps. */
  async open(url: string, { locale = 'ja-JP', colorScheme = 'light', as }: PageOptions = {}): Promise<Page> {
    const context = this.#free.get(locale)?.pop() ?? (await this.#browser.newContext({ locale }));
    const page = await context.newPage();
    this.#used.push({ locale, context, page });
    page.setDefaultTimeout(10_000);
    page.on('pageerror', (error) => this.#faults.push(error.message));
    page.on('console', (message) => {
      if (/Content Security Policy/.test(message.text())) this.#faults.push(message.text());
    });
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width: 1_440, height: 960 });
    if (as) {
      const data = { loginName: as.name, password: as.password };
      const answer = await page.request.post(`${url}/api/v1/login`, { data, headers: { 'x-denwaban': '1' } });
      if (!answer.ok()) throw new Error(`${as.name} could not sign in: ${answer.status()} ${await answer.text()}`);
    }
    await page.goto(url);
    return page;
  }

  /** Closes all pages. Gives what the rules for pages (CSP) forbid and was tried, and faults of scripts. */
  async clear(): Promise<string[]> {
    await Promise.all(
      this.#used.splice(0).map(async ({ locale, context, page }) => {
        await page.unrouteAll({ behavior: 'ignoreErrors' });
        await page.evaluate('globalThis.localStorage?.clear()').catch(() => undefined);
        await page.close();
        await context.clearCookies();
        this.#free.set(locale, [...(this.#free.get(locale) ?? []), context]);
      }),
    );
    return this.#faults.splice(0);
  }

  /** The browser is gone from one moment to the next, and all pages with it. */
  async kill(): Promise<void> {
    this.#used.splice(0);
    await this.#server.kill();
  }

  close(): Promise<void> {
    return this.#server.close();
  }
}

/** By keyboard: the first field has the focus. */
export async function signIn(page: Page, name: string, password: string): Promise<void> {
  await page.getByRole('button', { name: /サインイン|Sign in/ }).waitFor();
  await page.keyboard.type(name);
  await page.keyboard.press('Tab');
  await page.keyboard.type(password);
  await page.keyboard.press('Enter');
}

/** For people to look at: only where `SCREENSHOTS` names a folder. */
export async function photo(page: Page, name: string): Promise<void> {
  const folder = process.env['SCREENSHOTS'];
  if (!folder) return;
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true, animations: 'disabled' });
}

export async function photos(page: Page, name: string): Promise<void> {
  if (!process.env['SCREENSHOTS']) return;
  for (const language of ['English', '日本語']) {
    await page.getByText(language, { exact: true }).click();
    for (const scheme of ['dark', 'light'] as const) {
      await page.emulateMedia({ colorScheme: scheme });
      await photo(page, `${name}-${language === 'English' ? 'en' : 'ja'}-${scheme}`);
    }
  }
}
