import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Receiver, startReceiver } from '../outbox/harness.ts';
import { Baresip } from '../support/baresip.ts';
import { startMortalChromium } from '../support/chromium.ts';
import { DeskAgent, DeskPage, type PrintedSecrets, readSecrets } from '../support/desk-agent.ts';
import { eventually } from '../support/poll.ts';
import { freePort } from '../support/ports.ts';
import { startOwnSwitch } from '../support/switch.ts';
import { denwaban, type System, startSystem } from '../support/system.ts';
import { Pages, photo, photos, signIn } from './pages.ts';

/** What an agent types and asks for is kept and done, whatever goes away meanwhile: the server, the session, the browser. */
const number = '0322220001';
const cleanUps: (() => unknown)[] = [];
let webhook: Receiver;
let secrets: PrintedSecrets;
let environment: Record<string, string>;
let dataDir: string;
let system: System;
let pages: Pages;
let page: Page;
let agent: DeskAgent;
let callers = 0;
const phones: { stop(): Promise<void> }[] = [];

beforeAll(async () => {
  webhook = await startReceiver();
  cleanUps.push(() => webhook.close());
  dataDir = mkdtempSync(join(tmpdir(), 'denwaban-data-'));
  cleanUps.push(() => rmSync(dataDir, { recursive: true, force: true }));
  const own = await startOwnSwitch();
  cleanUps.push(() => own.stop());
  // The page stays where it was opened.
  const HTTP_PORT = String(await freePort());
  environment = { ...own.environment, HTTP_PORT, ALLOW_INSECURE_TARGETS: 'yes' };
  const loaded = await denwaban(['load', flowsThatReportTo(webhook.url)], {
    DATA_DIR: dataDir,
    ALLOW_INSECURE_TARGETS: 'yes',
  });
  expect(loaded).toMatchObject({ code: 0 });
  secrets = readSecrets(loaded.output);
  [pages] = await Promise.all([Pages.start(), start()]);
  cleanUps.push(() => pages.close());
});
afterEach(async () => {
  expect(await pages.clear()).toEqual([]);
  for (const phone of phones.splice(0).reverse()) await phone.stop();
  // The agent's own session may be over.
  const boss = await DeskPage.open(system, secrets, 'boss');
  await boss.send('PUT', `/agents/${agent.agentId}/state`, { state: 'offline', reason: '' });
  const isGone = async () =>
    (await boss.sees()).agents?.some(({ agentId, state }) => agentId === agent.agentId && state === 'offline');
  await eventually('the agent to be gone', isGone, { timeoutMs: 20_000 });
  await agent.phone.stop();
});
afterAll(async () => {
  for (const cleanUp of [() => system.stop(), ...cleanUps.splice(0).reverse()]) await cleanUp();
});

async function start(): Promise<void> {
  system = await startSystem({ dataDir, environment });
}

async function kill(): Promise<void> {
  system.program.child.kill('SIGKILL');
  await system.program.exit;
}

function flowsThatReportTo(url: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'denwaban-flows-'));
  cleanUps.push(() => rmSync(folder, { recursive: true, force: true }));
  cpSync('test/console/flows', folder, { recursive: true });
  const file = join(folder, 'account.json');
  const settings = JSON.parse(readFileSync(file, 'utf8'));
  settings.card.destinations = [{ type: 'webhook', destinationId: 'crm', url }];
  settings.card.reports = [{ send: ['crm'] }];
  writeFileSync(file, JSON.stringify(settings));
  return folder;
}

const passwordOf = (name: string) => secrets.users.get(name) ?? '';

/** The agent is at the page, and talks with a caller. */
async function answered(opened: Promise<Page>): Promise<Baresip> {
  agent = await DeskAgent.start(system, secrets, 'hanako', { toneHz: 880, answer: true });
  page = await opened;
  // What is waited for here comes after an outage.
  page.setDefaultTimeout(30_000);
  await signIn(page, 'hanako', passwordOf('hanako'));
  await agent.want('available');
  return call();
}

async function hangUp(caller: Baresip): Promise<void> {
  caller.hangUp();
  await page.getByRole('region', { name: '自分の状態' }).getByText('後処理', { exact: true }).waitFor();
}

/** Each caller has a number of their own, by which the page's form is known. */
async function call(): Promise<Baresip> {
  callers += 1;
  const user = `0901111${1_000 + callers}`;
  const phone = await Baresip.start({ user, toneHz: 440 });
  phones.push(phone);
  phone.dial(system.uri(number));
  await phone.heardOf('CALL_ESTABLISHED');
  await form().getByLabel('電話番号').waitFor();
  const shown = () => form().getByLabel('電話番号').inputValue();
  await expect.poll(shown, { timeout: 20_000 }).toBe(`090-1111-${1_000 + callers}`);
  return phone;
}

const form = () => page.getByTestId('intake');
const others = () => page.getByRole('region', { name: '前の電話の受付票' });
const marked = (state: string) => form().locator(`[data-testid="kept"][data-state="${state}"]`);
const business = () => form().getByLabel('ご用件');

/** A form that can be reported, kept. */
async function fillIn(words: string): Promise<void> {
  await business().focus();
  await page.keyboard.insertText(words);
  await form().getByText('営業電話').click();
  await marked('kept').waitFor();
}

/** The account has been told once: one report, as it was sent. */
async function arrivesOnce(words: string): Promise<void> {
  const fieldsOf = (body: string) => JSON.parse(body).data.fields as { business: string; reportId: string };
  const sent = () => webhook.received.map(({ body }) => fieldsOf(body)).filter(({ business }) => business === words);
  await eventually('the report', () => sent().length > 0, { timeoutMs: 30_000 });
  const boss = await DeskPage.open(system, secrets, 'boss');
  const { reports } = (await boss.send('GET', '/reports')) as { reports: { reportId: string; fields: object }[] };
  const made = reports.filter(({ fields }) => 'business' in fields && fields.business === words);
  expect(made.map(({ reportId }) => reportId)).toEqual([sent()[0]?.reportId]);
  expect(new Set(sent().map(({ reportId }) => reportId)).size).toBe(1);
}

describe('a form', () => {
  it('reported while that cannot be done, and the next call: the report is made by itself, and seen until then', async () => {
    const caller = await answered(pages.open(system.httpUrl));
    await fillIn('営業のご案内一');
    await page.route('**/save', (route) => route.abort('connectionrefused'));
    await page.keyboard.press('Control+Enter');
    await marked('report-failed').waitFor();
    await form().getByText('つながりしだい自動で報告されます').waitFor();
    await photos(page, 'report-failed');
    await hangUp(caller);
    await page.keyboard.press('F2');
    const next = await call();
    await others().getByText('さくら歯科').waitFor();
    await others().locator('[data-state="report-failed"]').waitFor();
    await photos(page, 'report-failed-next-call');
    await others().getByRole('button').click();
    await page.getByRole('dialog').getByText('つながりしだい自動で報告されます').waitFor();
    await photo(page, 'report-failed-list');
    await page.keyboard.press('Escape');
    await page.unroute('**/save');
    await page.getByText('ご契約者への報告を送り出しました。').waitFor();
    await others().waitFor({ state: 'detached' });
    await arrivesOnce('営業のご案内一');
    await fillIn('営業のご案内二');
    await page.keyboard.press('Control+Enter');
    await form().getByTestId('kept').and(form().locator('[data-state="reported"]')).waitFor();
    next.hangUp();
    await arrivesOnce('営業のご案内二');
  }, 120_000);

  it('changed in another window: the agent is told that it was not reported, looks, and reports it', async () => {
    await answered(pages.open(system.httpUrl));
    await fillIn('窓を二つ');
    await elsewhere('PATCH', '', { form: { company: '別の窓' } });
    await page.keyboard.press('Control+Enter');
    await form().getByText('別の画面でこの受付票が書き換えられたため').waitFor();
    expect(await form().getByLabel('会社名').inputValue()).toBe('別の窓');
    await photos(page, 'report-refused');
    await page.keyboard.press('Control+Enter');
    await marked('reported').waitFor();
    await arrivesOnce('窓を二つ');
  }, 120_000);

  it('reported in another window while the agent types: shown what is not in the report', async () => {
    await answered(pages.open(system.httpUrl));
    await fillIn('先に報告');
    await elsewhere('POST', '/save', {});
    await business().focus();
    await page.keyboard.press('End');
    await page.keyboard.insertText('、追伸');
    await marked('reported').waitFor();
    const lost = page.getByRole('textbox', { name: '保存できなかった入力' });
    expect(await lost.inputValue()).toBe('ご用件: 先に報告、追伸');
    await photos(page, 'lost');
    await arrivesOnce('先に報告');
    await page.reload();
    await others().getByRole('button').or(lost).first().waitFor();
  }, 120_000);

  it('the session ends while what is typed cannot be kept: signed in again, the agent has lost nothing', async () => {
    await answered(pages.open(system.httpUrl));
    await page.route('**/intakes/*', (route) => route.abort('connectionrefused'));
    await business().focus();
    await page.keyboard.insertText('途中で終わった');
    await marked('failed').waitFor();
    const me = await userId();
    await page.request.delete(`${system.httpUrl}/api/v1/users/${me}/sessions`, { headers: { 'x-denwaban': '1' } });
    await page.getByLabel('ユーザー名').waitFor();
    await page.unroute('**/intakes/*');
    await signIn(page, 'hanako', passwordOf('hanako'));
    await form().getByText('途中で終わった').first().waitFor();
    await form().getByText('営業電話').click();
    await marked('kept').waitFor();
    await page.keyboard.press('Control+Enter');
    await marked('reported').waitFor();
    await arrivesOnce('途中で終わった');
  }, 120_000);

  it('signing out while something is not kept: asks first; afterwards nothing is left on the machine', async () => {
    await answered(pages.open(system.httpUrl));
    await page.route('**/intakes/*', (route) => route.abort('connectionrefused'));
    await business().focus();
    await page.keyboard.insertText('退勤の前に');
    await marked('failed').waitFor();
    const signOut = async () => {
      await page.getByRole('button', { name: '山田花子' }).click();
      await page.getByRole('menuitem', { name: 'サインアウト' }).click();
    };
    await signOut();
    const dialog = page.getByRole('dialog', { name: '保存・報告の済んでいない受付票' });
    await dialog.waitFor();
    await photo(page, 'sign-out-unkept');
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    await page.unroute('**/intakes/*');
    await marked('kept').waitFor();
    await signOut();
    await page.getByLabel('ユーザー名').waitFor();
    expect(await page.evaluate(() => sessionStorage.length)).toBe(0);
    const { form: kept } = (await agent.send('GET', `/agents/${agent.agentId}/intake`)) as {
      form: { business: string };
    };
    expect(kept.business).toBe('退勤の前に');
  }, 120_000);

  it('the browser is killed while the agent types without a pause: a second of it is missing at most', async () => {
    const { browser, server } = await startMortalChromium();
    cleanUps.push(() => server.kill());
    const context = await browser.newContext({ locale: 'ja-JP' });
    const opened = context.newPage().then(async (fresh) => {
      await fresh.goto(system.httpUrl);
      return fresh;
    });
    await answered(opened);
    await business().focus();
    const typedAtMs: number[] = [];
    const longestPauseMs = () =>
      Math.max(...typedAtMs.slice(1).map((atMs, index) => (isLately(atMs) ? atMs - (typedAtMs[index] ?? 0) : 0)));
    const isLately = (atMs: number) => atMs > performance.now() - 2_000;
    const beganAtMs = performance.now();
    // Without a pause in which all would be kept.
    while (performance.now() - beganAtMs < 4_000 || longestPauseMs() > 250) {
      expect(performance.now() - beganAtMs).toBeLessThan(60_000);
      await page.keyboard.insertText('あ');
      typedAtMs.push(performance.now());
    }
    const killedAtMs = performance.now();
    await server.kill();
    const askedAtMs = performance.now();
    const { form: kept } = (await agent.send('GET', `/agents/${agent.agentId}/intake`)) as {
      form: { business: string };
    };
    const requestMs = performance.now() - askedAtMs;
    expect(kept.business).toMatch(/^あ+$/);
    const firstMissing = typedAtMs[kept.business.length] ?? killedAtMs;
    expect(killedAtMs - firstMissing).toBeLessThanOrEqual(1_000 + requestMs);
  }, 120_000);

  it('the server goes away while the agent types and reports, and comes back: the report arrives once', async () => {
    const caller = await answered(pages.open(system.httpUrl));
    await fillIn('サーバーが');
    await hangUp(caller);
    await kill();
    await business().focus();
    await page.keyboard.press('End');
    await page.keyboard.insertText('落ちた');
    await page.keyboard.press('Control+Enter');
    await marked('report-failed').waitFor();
    await start();
    await eventually(
      'the form to be reported',
      async () => (await form().count()) === 0 || marked('reported').count(),
      {
        timeoutMs: 30_000,
      },
    );
    await arrivesOnce('サーバーが落ちた');
  }, 120_000);

  it('the same, and the agent loads the page again meanwhile', async () => {
    const caller = await answered(pages.open(system.httpUrl));
    const asked: string[] = [];
    page.on('dialog', (dialog) => {
      asked.push(dialog.type());
      void dialog.accept();
    });
    await fillIn('読み直し');
    // All is kept: nobody is asked.
    await page.reload();
    await form().getByText('読み直し').first().waitFor();
    expect(asked).toEqual([]);
    await hangUp(caller);
    await kill();
    await business().focus();
    await page.keyboard.press('End');
    await page.keyboard.insertText('ても');
    await page.keyboard.press('Control+Enter');
    await marked('report-failed').waitFor();
    await expect(page.reload()).rejects.toThrow(/ERR_CONNECTION_REFUSED/);
    expect(asked).toEqual(['beforeunload']);
    await start();
    await page.goto(system.httpUrl);
    await arrivesOnce('読み直しても');
  }, 120_000);
});

/** The same agent, in another window, does this with the form that is on the page. */
async function elsewhere(method: string, path: string, body: object): Promise<void> {
  const { intakeId, version } = (await agent.send('GET', `/agents/${agent.agentId}/intake`)) as {
    intakeId: string;
    version: number;
  };
  await agent.send(method, `/intakes/${intakeId}${path}`, { version, ...body });
}

async function userId(): Promise<string> {
  const answer = await page.request.get(`${system.httpUrl}/api/v1/me`);
  return ((await answer.json()) as { user: { userId: string } }).user.userId;
}
