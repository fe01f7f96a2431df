import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { isOpen, openingHoursSchema } from '../../src/accounts/opening-hours.ts';
import { type MailServer, type Receiver, startMailServer, startReceiver } from '../outbox/harness.ts';
import { toneDurationMs } from '../support/audio.ts';
import { Baresip } from '../support/baresip.ts';
import { DeskAgent, ownPassword, type PrintedSecrets, readSecrets } from '../support/desk-agent.ts';
import { eventually } from '../support/poll.ts';
import { trunkPortOfOurs } from '../support/ports.ts';
import { type System, startSystem } from '../support/system.ts';
import { Pages, photo, photos, signIn as signInAs } from './pages.ts';

/** The console in a browser, on the running system, with callers and agents on phones that are not ours. */
const number = '0322220001';
const caller = { user: '09011112222', written: '090-1111-2222' };
/** Where calls to numbers outside go. */
let trunkPort: number;
let system: System;
let secrets: PrintedSecrets;
let pages: Pages;
let mailServer: MailServer;
let receiver: Receiver;
const running: { stop(): Promise<void> }[] = [];

beforeAll(async () => {
  mailServer = await startMailServer();
  receiver = await startReceiver();
  const flows = flowsThatReportTo(receiver.url);
  trunkPort = trunkPortOfOurs();
  const environment = {
    TRUNK_URL: `sip:127.0.0.1:${trunkPort}`,
    SMTP_URL: `smtp://127.0.0.1:${mailServer.port}`,
    MAIL_FROM: 'desk@denwaban.example',
    ALLOW_INSECURE_TARGETS: 'yes',
  };
  [system, pages] = await Promise.all([startSystem({ flows, environment }), Pages.start()]);
  rmSync(flows, { recursive: true, force: true });
  secrets = readSecrets(system.loaded);
});
afterAll(async () => {
  await pages.close();
  await system.stop();
  await mailServer.close();
  await receiver.close();
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((party) => party.stop()));
  expect(await pages.clear()).toEqual([]);
});

/** The flows of this folder, in which the account's reports go to a mail address and to this webhook. */
function flowsThatReportTo(url: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'denwaban-flows-'));
  cpSync('test/console/flows', folder, { recursive: true });
  const file = join(folder, 'account.json');
  const settings = JSON.parse(readFileSync(file, 'utf8'));
  settings.card.destinations = [
    { type: 'mail', destinationId: 'office', address: 'office@sakura.example' },
    { type: 'webhook', destinationId: 'crm', url },
  ];
  settings.card.reports = [{ send: ['office', 'crm'] }];
  writeFileSync(file, JSON.stringify(settings));
  return folder;
}

const person = async (name: string) => ({ name, password: await ownPassword(system, secrets, name) });
const openPage = (options?: Parameters<Pages['open']>[1]) => pages.open(system.httpUrl, options);

const signIn = async (page: Page, name: string, password?: string) =>
  signInAs(page, name, password ?? (await ownPassword(system, secrets, name)));

async function phoneOf(agent: string): Promise<Baresip> {
  const user = `${agent}-1`;
  const register = { server: `${system.sipHost}:${system.sipPort}`, password: secrets.phones.get(user) ?? '' };
  const phone = await Baresip.start({ user, toneHz: 880, register });
  running.push(phone);
  expect(await phone.registration()).toBe('200 OK');
  return phone;
}

async function call(): Promise<Baresip> {
  const phone = await Baresip.start({ user: caller.user, toneHz: 440 });
  running.push(phone);
  phone.dial(system.uri(number));
  await phone.heardOf('CALL_ESTABLISHED');
  return phone;
}

/** When the account is open, and whether it is now, by the account's clock. */
async function seesHours(card: Locator): Promise<void> {
  const { answers } = JSON.parse(readFileSync('test/console/flows/account.json', 'utf8')).card;
  const opened = openingHoursSchema.parse(answers.hours);
  const isHoliday = ({ from, to }: { from: string; to: string }) => from <= today() && today() <= to;
  const today = () => new Intl.DateTimeFormat('sv', { timeZone: 'Asia/Tokyo' }).format(Date.now());
  const isOpenNow = () => isOpen(opened, Date.now()) && !answers.holidays.some(isHoliday);
  const hours = card.getByTestId('hours');
  const shown = () => hours.getByText(isOpenNow() ? '営業中' : '営業時間外', { exact: true }).count();
  await expect.poll(shown).toBe(1);
  const weekday = new Intl.DateTimeFormat('ja', { weekday: 'short', timeZone: 'Asia/Tokyo' }).format(Date.now());
  await expect.poll(() => hours.locator('[aria-current="date"]').textContent()).toBe(weekday);
  await hours.getByText('9:30 – 12:30, 14:00 – 18:00').first().waitFor();
  await hours.getByText('20:00 – 翌2:00').waitFor();
  await hours.getByText('2099-05-01').waitFor();
}

/** The caller hears music and is taken back; whoever is to be put through declines. What was typed stays. */
async function holdAndTransferInVain(page: Page): Promise<void> {
  const desk = state(page);
  await page.keyboard.press('F9');
  await desk.getByText(/^保留中 0:0\d$/).waitFor();
  await photos(page, 'held');
  await page.keyboard.press('F9');
  await desk.getByText(/^保留中/).waitFor({ state: 'detached' });
  await desk.getByText('● 録音中').waitFor();
  await page.keyboard.press('Control+F9');
  await desk.getByText('録音停止中').waitFor();
  await page.keyboard.press('Control+F9');
  await desk.getByText('● 録音中').waitFor();
  const doctor = await Baresip.start({ user: '2001', sipPort: trunkPort });
  running.push(doctor);
  const field = page.getByLabel('折り返しの日時');
  await field.focus();
  // What is typed at once is typed into the dialog; then the focus is back in the form.
  await page.keyboard.press('F10');
  await page.keyboard.insertText('サトウ');
  await photo(page, 'transfer');
  await page.keyboard.press('Enter');
  await doctor.heardOf('CALL_INCOMING');
  // The phone may ring before the dialog has closed.
  const focused = () => page.locator(':focus').inputValue({ timeout: 500 });
  await expect.poll(() => focused().catch(() => ''), { timeout: 5_000 }).toBe('本日 17時まで');
  await desk.getByText('呼出中: 佐藤 健').waitFor();
  await photos(page, 'transferring');
  doctor.hangUp();
  await desk.getByText(/^転送できませんでした/).waitFor();
  await photo(page, 'transfer-failed');
  expect(await field.inputValue()).toBe('本日 17時まで');
}

/** To the other agent, who is available now. */
async function handToTaro(page: Page): Promise<void> {
  const taro = await DeskAgent.start(system, secrets, 'taro', { toneHz: 660, answer: true });
  running.push(taro);
  await taro.want('available');
  await page.keyboard.press('F10');
  await page.getByRole('option', { name: '鈴木太郎' }).waitFor();
  await page.keyboard.insertText('鈴木');
  await page.keyboard.press('Enter');
  await taro.reaches('talking');
}

/** What the account's own program has been told, in order. */
function reports(): { reportId: string; intakeId: string }[] {
  return receiver.received.map(({ body }) => JSON.parse(body).data.fields);
}

/** What can be done with the only call that an agent has. */
async function choose(page: Page, action: string, role: 'menuitem' | 'menuitemradio' = 'menuitem'): Promise<void> {
  await page.getByRole('region', { name: '進行中の電話' }).getByRole('button').focus();
  await page.keyboard.press('Enter');
  const item = page.getByRole(role, { name: action, exact: true });
  await item.waitFor();
  await photo(page, `overview-${action}`);
  await item.press('Enter');
}

/** The supervisor's own phone rings. */
async function listenIn(page: Page): Promise<void> {
  const phone = await phoneOf('boss');
  const mark = page.getByText('傍聴: 中村 管理者');
  await choose(page, '聞く', 'menuitemradio');
  await phone.heardOf('CALL_INCOMING');
  phone.accept();
  await mark.waitFor();
  await choose(page, '聞くのをやめる');
  await phone.heardOf('CALL_CLOSED');
  await mark.waitFor({ state: 'detached' });
}

const state = (page: Page) => page.getByRole('region', { name: '自分の状態' });

describe('the console', () => {
  it('lets in who has the password, in the language of the browser, and says why not', async () => {
    const page = await openPage({ locale: 'en-US' });
    await signIn(page, 'hanako', 'not the password');
    await page.getByText('User name or password is wrong.').waitFor();
    await photos(page, 'sign-in');
    await page.getByText('日本語', { exact: true }).click();
    await page.getByText('ユーザー名またはパスワードが違います。').waitFor();
    expect(await page.locator('html').getAttribute('lang')).toBe('ja');
    await page.reload();
    await signIn(page, 'hanako');
    await state(page).getByText('退席', { exact: true }).waitFor();
  });

  it('an agent by keyboard alone: is rung, answers, writes the form, holds, reports, hands over, and is ready for the next', {
    timeout: 120_000,
  }, async () => {
    const [page, phone] = await Promise.all([openPage({ as: await person('hanako') }), phoneOf('hanako')]);
    await state(page).getByText('退席', { exact: true }).waitFor();
    await page.keyboard.press('F4');
    await page.getByText('離席の理由').waitFor();
    await page.keyboard.press('1');
    await state(page).getByText('昼休み').waitFor();
    await page.keyboard.press('F2');
    await state(page).getByText('受付中', { exact: true }).waitFor();
    await photos(page, 'idle');

    const other = await call();
    const banner = page.getByTestId('call');
    await banner.getByText('着信中').waitFor();
    expect(await banner.textContent()).toContain('さくら歯科');
    await banner.locator('rt', { hasText: 'さくらしか ほんいん' }).waitFor();
    await banner.getByText(caller.written).waitFor();
    await photos(page, 'ringing');
    phone.accept();
    await state(page).getByText('通話中', { exact: true }).waitFor();
    const card = page.getByTestId('card');
    await card.getByText('さくら歯科 本院').waitFor();
    await card.getByText('佐藤 健').waitFor();
    await seesHours(card);

    const form = page.getByTestId('intake');
    const kept = form.locator('[data-testid="kept"][data-state="kept"]');
    await form.waitFor();
    // The focus is in the first field already.
    await page.keyboard.insertText('伊藤 さくら');
    await page.keyboard.press('Tab');
    await page.keyboard.insertText('イトウ サクラ');
    await page.keyboard.press('Tab');
    await page.keyboard.insertText('青葉商事');
    await page.keyboard.press('Tab');
    expect(await form.getByLabel('電話番号').inputValue()).toBe(caller.written);
    await page.keyboard.press('Tab');
    await page.keyboard.insertText('佐藤');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    expect(await form.getByLabel('どなた宛て').inputValue()).toBe('佐藤 健');
    await page.keyboard.press('Tab');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Tab');
    await page.keyboard.insertText('来週の打ち合わせの時間を変えたい');
    await kept.waitFor();
    // The browser dies: nothing is lost.
    await page.reload();
    await form.getByText('来週の打ち合わせの時間を変えたい').first().waitFor();
    expect(await form.getByLabel('お名前').inputValue()).toBe('伊藤 さくら');
    await form.getByLabel('ご用件').focus();
    await page.keyboard.press('Tab');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Tab');
    await page.keyboard.insertText('本日 17時まで');
    await kept.waitFor();
    await page.getByTestId('read-back').getByText('青葉商事の伊藤 さくら様').waitFor();
    await photos(page, 'talking');
    await holdAndTransferInVain(page);
    await page.keyboard.press('Control+Enter');
    await form.getByText('結果を選んでください').waitFor();
    await form.getByLabel('折り返しの日時').focus();
    await page.keyboard.press('Tab');
    await page.keyboard.press('Space');
    await page.keyboard.press('Control+Enter');
    await form.getByText('ご契約者への報告を送り出しました。').waitFor();
    await eventually(
      'the report by mail and webhook',
      () => mailServer.mails.length > 0 && receiver.received.length > 0,
    );
    expect(mailServer.mails.map(({ to }) => to)).toEqual([['office@sakura.example']]);
    expect(receiver.received.map(({ body }) => body).join()).toContain('伊藤 さくら');
    await handToTaro(page);
    await state(page).getByText('後処理', { exact: true }).waitFor();
    await eventually('the caller to hear the other agent', () => toneDurationMs(other.heard(), 660) > 500);
    other.hangUp();
    await state(page)
      .getByText(/残り 0:[0-5]\d/)
      .waitFor();
    await photos(page, 'wrap-up');
    await page.keyboard.press('F2');
    await state(page).getByText('受付中', { exact: true }).waitFor();
    await page.keyboard.press('F8');
    await state(page).getByText('退席', { exact: true }).waitFor();
  });

  it('the caller handed over after the report: the next agent has the same form, and what changes is reported in its place', async () => {
    const page = await openPage({ as: await person('taro') });
    await state(page).getByText('退席', { exact: true }).waitFor();
    await page.getByText('前の電話の受付票が終わっていません。').waitFor();
    const form = page.getByTestId('intake');
    await form.getByText(/この件は\d\d:\d\dに報告済みです。/).waitFor();
    const name = form.getByLabel('お名前');
    expect(await name.inputValue()).toBe('伊藤 さくら');
    await name.focus();
    await page.keyboard.press('End');
    await page.keyboard.insertText('子');
    await form.locator('[data-testid="kept"][data-state="kept"]').waitFor();
    await photos(page, 'handed-over');
    await page.reload();
    await form.waitFor();
    expect(await name.inputValue()).toBe('伊藤 さくら子');
    await form.getByText('営業電話').click();
    await page.keyboard.press('Control+Enter');
    await page.getByText('ご契約者への報告を送り出しました。').first().waitFor();
    await form.waitFor({ state: 'detached' });
    const [first, second] = await eventually('the second report', () =>
      reports().length === 2 ? reports() : undefined,
    );
    expect(second).toMatchObject({
      replacesReportId: first?.reportId,
      caller: { name: '伊藤 さくら子' },
      outcome: 'sales-call',
    });
    expect(first?.intakeId).toBe(second?.intakeId);
  });

  it('a supervisor sees the desk as it changes, sets states, listens in, and ends a call', async () => {
    const [page, phone] = await Promise.all([openPage({ as: await person('boss') }), phoneOf('taro')]);
    const row = page.getByRole('row', { name: /鈴木太郎/ });
    await row.getByText('退席').waitFor();
    const other = await call();
    const waiting = page.getByRole('region', { name: '待っている電話' });
    await waiting.getByRole('row', { name: /さくら歯科.*待機中/ }).waitFor();
    await row.getByRole('button').focus();
    await page.keyboard.press('Enter');
    await page.getByRole('menuitem', { name: '受付中' }).waitFor();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await row.getByText('着信中').waitFor();
    await waiting.getByText('鈴木太郎').waitFor();
    await photos(page, 'overview');
    const talks = page.getByRole('region', { name: '進行中の電話' });
    phone.accept();
    await talks.getByText('通話中').waitFor();
    await listenIn(page);
    await choose(page, '電話を切る…');
    await page.getByText('元には戻せません').waitFor();
    expect(other.events.some(({ type }) => type === 'CALL_CLOSED')).toBe(false);
    await page.keyboard.press('Enter');
    await other.heardOf('CALL_CLOSED');
    await page.getByText('進行中の電話はありません').waitFor();
  });

  it('who is signed out elsewhere is asked to sign in again', async () => {
    const page = await openPage({ as: await person('taro') });
    await state(page).waitFor();
    const { userId } = (await (await page.request.get(`${system.httpUrl}/api/v1/me`)).json()).user;
    await page.request.delete(`${system.httpUrl}/api/v1/users/${userId}/sessions`, { headers: { 'x-denwaban': '1' } });
    await page.getByLabel('ユーザー名').waitFor();
    await eventually('the page to show nothing of before', async () => !(await page.getByText('鈴木太郎').isVisible()));
  });
});
