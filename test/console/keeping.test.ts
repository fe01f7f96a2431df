import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Receiver, startReceiver } from '../outbox/harness.ts';
import { Baresip } from '../support/baresip.ts';
import { DeskAgent, DeskPage, ownPassword, type PrintedSecrets, readSecrets } from '../support/desk-agent.ts';
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
let boss: DeskPage;
let hanako: DeskAgent;
let taro: DeskAgent;
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
  const phone = { answer: true, lifeSeconds: 900 };
  [boss, hanako, taro] = await Promise.all([
    DeskPage.open(system, secrets, 'boss'),
    DeskAgent.start(system, secrets, 'hanako', { ...phone, toneHz: 880 }),
    DeskAgent.start(system, secrets, 'taro', { ...phone, toneHz: 660 }),
  ]);
  cleanUps.push(() => Promise.all([hanako, taro].map(({ phone }) => phone.stop())));
});
afterEach(async () => {
  expect(await pages.clear()).toEqual([]);
  await Promise.all(phones.splice(0).map((phone) => phone.stop()));
  // The agent's own session may be over.
  await Promise.all([hanako, taro].map(goesHome));
});
afterAll(async () => {
  for (const cleanUp of [() => system.stop(), ...cleanUps.splice(0).reverse()]) await cleanUp();
});

async function goesHome({ agentId }: DeskAgent): Promise<void> {
  await boss.send('PUT', `/agents/${agentId}/state`, { state: 'offline', reason: '' });
  const isGone = async () =>
    (await boss.sees()).agents?.some((agent) => agent.agentId === agentId && agent.state === 'offline');
  await eventually('the agent to be gone', isGone, { timeoutMs: 20_000 });
}

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
  // What is said to the agent before they talk is short: it is waited for in every test.
  settings.card.announceReading = 'さ';
  writeFileSync(file, JSON.stringify(settings));
  return folder;
}

const passwordOf = (name: string) => ownPassword(system, secrets, name);

/** The agent is at the page, and talks with a caller. */
async function answered(agent = hanako, name = 'hanako'): Promise<Baresip> {
  const [opened, phone] = await Promise.all([
    pages.open(system.httpUrl, { as: { name, password: await passwordOf(name) } }),
    newCaller(),
    agent.want('available'),
  ]);
  page = opened;
  // What is waited for here comes after an outage.
  page.setDefaultTimeout(30_000);
  await page.getByTestId('own-timer').waitFor();
  await call(phone);
  return phone;
}

async function hangUp(caller: Baresip): Promise<void> {
  caller.hangUp();
  await page.getByRole('region', { name: '自分の状態' }).getByText('後処理', { exact: true }).waitFor();
}

/** Each caller has a number of their own, by which the page's form is known. */
async function newCaller(): Promise<Baresip> {
  callers += 1;
  const phone = await Baresip.start({ user: `0901111${1_000 + callers}`, toneHz: 440 });
  phones.push(phone);
  return phone;
}

async function call(phone: Baresip): Promise<void> {
  phone.dial(system.uri(number));
  await phone.heardOf('CALL_ESTABLISHED');
  await form().getByLabel('電話番号').waitFor();
  const shown = () => form().getByLabel('電話番号').inputValue();
  await expect.poll(shown, { timeout: 20_000 }).toBe(phone.user.replace(/^(\d{3})(\d{4})/, '$1-$2-'));
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
  const { reports } = (await boss.send('GET', '/reports')) as { reports: { reportId: string; fields: object }[] };
  const made = reports.filter(({ fields }) => 'business' in fields && fields.business === words);
  expect(made.map(({ reportId }) => reportId)).toEqual([sent()[0]?.reportId]);
  expect(new Set(sent().map(({ reportId }) => reportId)).size).toBe(1);
}

describe('a form', () => {
  it('reported while that cannot be done, and the next call: the report is made by itself, and seen until then', async () => {
    const caller = await answered();
    await fillIn('営業のご案内一');
    await page.route('**/save', (route) => route.abort('connectionrefused'));
    await page.keyboard.press('Control+Enter');
    await marked('report-failed').waitFor();
    await form().getByText('つながりしだい自動で報告されます').waitFor();
    await photos(page, 'report-failed');
    await hangUp(caller);
    await page.keyboard.press('F2');
    const next = await newCaller();
    await call(next);
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
    await answered();
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
    await answered();
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
    await answered();
    await page.route('**/intakes/*', (route) => route.abort('connectionrefused'));
    await business().focus();
    await page.keyboard.insertText('途中で終わった');
    await marked('failed').waitFor();
    const me = await userId();
    await page.request.delete(`${system.httpUrl}/api/v1/users/${me}/sessions`, { headers: { 'x-denwaban': '1' } });
    await page.getByLabel('ユーザー名').waitFor();
    await page.unroute('**/intakes/*');
    await signIn(page, 'hanako', await passwordOf('hanako'));
    hanako = await hanako.at(system, secrets, 'hanako');
    await form().getByText('途中で終わった').first().waitFor();
    await form().getByText('営業電話').click();
    await marked('kept').waitFor();
    await page.keyboard.press('Control+Enter');
    await marked('reported').waitFor();
    await arrivesOnce('途中で終わった');
  }, 120_000);

  it('signing out while something is not kept: asks first; afterwards nothing is left on the machine', async () => {
    await answered();
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
    const { form: kept } = (await hanako.send('GET', `/agents/${hanako.agentId}/intake`)) as {
      form: { business: string };
    };
    expect(kept.business).toBe('退勤の前に');
  }, 120_000);

  it('the server goes away while agents type and report, one loads the page again, and it comes back: each report arrives once', async () => {
    await hangUp(await answered(hanako, 'hanako'));
    await fillIn('読み直し');
    const asked: string[] = [];
    page.on('dialog', (dialog) => {
      asked.push(dialog.type());
      void dialog.accept();
    });
    // All is kept: nobody is asked.
    await page.reload();
    await form().getByText('読み直し').first().waitFor();
    expect(asked).toEqual([]);
    const reloaded = page;
    await hangUp(await answered(taro, 'taro'));
    await fillIn('サーバーが');
    const left = page;
    await kill();
    await addAndReport('落ちた');
    page = reloaded;
    await addAndReport('ても');
    await expect(page.reload()).rejects.toThrow(/ERR_CONNECTION_REFUSED/);
    expect(asked).toEqual(['beforeunload']);
    await start();
    await page.goto(system.httpUrl);
    await arrivesOnce('読み直しても');
    page = left;
    const isReported = async () => (await form().count()) === 0 || marked('reported').count();
    await eventually('the form to be reported', isReported, { timeoutMs: 30_000 });
    await arrivesOnce('サーバーが落ちた');
  }, 120_000);

  it('the browser is killed while the agent types without a pause: a second of it is missing at most', async () => {
    await answered();
    await business().focus();
    const typedAtMs: number[] = [];
    const longestPauseMs = () =>
      Math.max(...typedAtMs.slice(1).map((atMs, index) => (isLately(atMs) ? atMs - (typedAtMs[index] ?? 0) : 0)));
    const isLately = (atMs: number) => atMs > performance.now() - 2_000;
    const beganAtMs = performance.now();
    // Without a pause in which all would be kept.
    while (performance.now() - beganAtMs < 3_000 || longestPauseMs() > 250) {
      expect(performance.now() - beganAtMs).toBeLessThan(60_000);
      await page.keyboard.insertText('あ');
      typedAtMs.push(performance.now());
    }
    const killedAtMs = performance.now();
    await pages.kill();
    const askedAtMs = performance.now();
    const { form: kept } = (await hanako.send('GET', `/agents/${hanako.agentId}/intake`)) as {
      form: { business: string };
    };
    const requestMs = performance.now() - askedAtMs;
    expect(kept.business).toMatch(/^あ+$/);
    const firstMissing = typedAtMs[kept.business.length] ?? killedAtMs;
    expect(killedAtMs - firstMissing).toBeLessThanOrEqual(1_000 + requestMs);
  }, 120_000);
});

/** Nobody is there to take it. */
async function addAndReport(words: string): Promise<void> {
  await business().focus();
  await page.keyboard.press('End');
  await page.keyboard.insertText(words);
  await page.keyboard.press('Control+Enter');
  await marked('report-failed').waitFor();
}

/** The same agent, in another window, does this with the form that is on the page. */
async function elsewhere(method: string, path: string, body: object): Promise<void> {
  const { intakeId, version } = (await hanako.send('GET', `/agents/${hanako.agentId}/intake`)) as {
    intakeId: string;
    version: number;
  };
  await hanako.send(method, `/intakes/${intakeId}${path}`, { version, ...body });
}

async function userId(): Promise<string> {
  const answer = await page.request.get(`${system.httpUrl}/api/v1/me`);
  return ((await answer.json()) as { user: { userId: string } }).user.userId;
}
