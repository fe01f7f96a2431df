import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { buildConsole } from '../../scripts/build-console.ts';
import { startChromium } from '../support/chromium.ts';

/** Pages of the console in Chromium, and what must never happen on one. */
export class Pages {
  readonly #browser: Browser;
  readonly #contexts: BrowserContext[] = [];
  readonly #faults: string[] = [];

  private constructor(browser: Browser) {
    this.#browser = browser;
  }

  /** Builds the console as well. */
  static async start(): Promise<Pages> {
    await buildConsole();
    return new Pages(await startChromium());
  }

  async open(url: string, options: { locale?: string; colorScheme?: 'light' | 'dark' } = {}): Promise<Page> {
    const { locale = 'ja-JP', colorScheme = 'light' } = options;
    const context = await this.#browser.newContext({ locale, colorScheme, viewport: { width: 1440, height: 960 } });
    this.#contexts.push(context);
    const page = await context.newPage();
    page.setDefaultTimeout(10_000);
    page.on('pageerror', (error) => this.#faults.push(error.message));
    page.on('console', (message) => {
      if (/Content Security Policy/.test(message.text())) this.#faults.push(message.text());
    });
    await page.goto(url);
    return page;
  }

  /** Closes all pages. Gives what the rules for pages (CSP) forbid and was tried, and faults of scripts. */
  async clear(): Promise<string[]> {
    for (const context of this.#contexts.splice(0)) await context.close();
    return this.#faults.splice(0);
  }

  close(): Promise<void> {
    return this.#browser.close();
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
