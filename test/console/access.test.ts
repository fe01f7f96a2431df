import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { emptyForm } from '../../src/desk/intake.ts';
import { DeskLive } from '../../src/desk/live.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import { openRedis, type RedisConnection } from '../../src/store/redis/open-redis.ts';
import { RedisDeskStore } from '../../src/store/redis/redis-desk-store.ts';
import { RedisDeskView } from '../../src/store/redis/redis-desk-view.ts';
import { RedisPhoneRegistry } from '../../src/store/redis/redis-phone-registry.ts';
import { agentOf, queueOf, requestOf } from '../support/desk-harness.ts';
import { intake } from '../support/intakes.ts';
import { card, momo, sakura, user } from '../support/people.ts';
import { eventually } from '../support/poll.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { goodPassword, startServer, type TestServer } from '../web/support.ts';
import { Pages, photo, signIn } from './pages.ts';

/** Every page in every state that people see: for all eyes and hands, on wide and on narrow screens. */
const longWord = 'wwwexamplecom/'.repeat(40);
const hanako = user('hanako', { displayName: '山田花子' });
const taro = user('taro', { displayName: '鈴木太郎' });
const boss = user('boss', { role: 'operator' });
const account = user('sakura-san', { role: 'account', accountId: 'sakura' });
const newcomer = user('satoko', { displayName: '佐藤里子', passwordTemporary: true });
const lineNumber = '+819011112222';
let redisServer: TestRedis;
let redis: RedisConnection;
let desk: RedisDeskStore;
let server: TestServer;
let pages: Pages;

beforeAll(async () => {
  pages = await Pages.start();
  redisServer = await startRedis();
  const options = { clock: systemClock, logger: silentLogger };
  redis = await openRedis(redisServer.url, options);
  desk = new RedisDeskStore(redis);
  const phones = new RedisPhoneRegistry(redis);
  const voicemails = () => server.data.voicemails;
  server = await startServer({
    ...{ desk, consoleFolder: resolve('dist/console') },
    deskLive: new DeskLive({ store: new RedisDeskView(redis), phones, ...options }),
    recordings: {
      folder: '/tmp',
      voicemails: {
        find: (id) => voicemails().find(id),
        list: (query) => voicemails().list(query),
        nowhere: (query) => voicemails().nowhere(query),
      },
    },
  });
  await fill();
});
afterAll(async () => {
  await pages.close();
  await server.stop();
  await redis.close();
  await redisServer.stop();
});
afterEach(async () => {
  expect([...(await pages.clear()), ...found.splice(0)]).toEqual([]);
});

/** People, what callers said before, messages, a report that goes nowhere, complaints, queues with a line. */
async function fill(): Promise<void> {
  const { data, database } = server;
  await data.accounts.saveAccount(sakura);
  await data.accounts.saveAccount({ ...momo, answeringService: 'suspended' });
  for (const one of [hanako, taro, boss, account]) await server.addUser(one);
  await data.cards.save(card('sakura', { notes: longWord, answers: { address: longWord } }));
  const form = {
    ...emptyForm,
    callerName: '山田',
    company: longWord.slice(0, 200),
    business: longWord,
    outcome: 'message' as const,
  };
  const of = { agentId: hanako.userId, accountId: 'sakura', callerNumber: lineNumber };
  await data.intakes.add(
    intake('before', { ...of, callId: 'b', state: 'saved', answeredAtMs: 1, closedAtMs: 2, form }),
  );
  const report = {
    complete: true,
    urgency: 'normal',
    language: 'ja',
    subject: '件名',
    text: '本文',
    fields: {},
  } as const;
  await data.reports.add({
    ...{ ...report, reportId: 'r', intakeId: 'before', accountId: 'sakura', callId: 'b' },
    ...{ createdAtMs: Date.now(), outcome: 'message', destinations: [] },
  });
  const row = { call_id: 'm', duration_ms: 12_000, is_taken: 1, state: 'new', account_id: 'sakura' };
  for (const name of ['m1', 'm2']) {
    await database.db
      .insertInto('voicemails')
      .values({ ...row, recording_id: name, at_ms: Date.now() })
      .execute();
    const said = { callerNumber: lineNumber, subject: '', text: '', fields: {}, reportedAtMs: Date.now() };
    await data.voicemails.report(name, { ...said, destinations: name === 'm1' ? ['office'] : [] });
  }
  await desk.extend('c1', 3_600_000);
  await desk.putQueue(queueOf({ queueId: 'main', name: '受付', wrapUpMs: 600_000, missesBeforePause: 100 }));
  await desk.putQueue(queueOf({ queueId: 'other', name: '夜間' }));
  for (const { userId, displayName } of [hanako, taro]) await desk.putAgent({ ...agentOf(userId), displayName });
  await desk.enqueue('c1', requestOf('waits', { queueId: 'other', callerNumber: lineNumber }));
  const contact = { bindingId: 'x', uri: 'sip:x@127.0.0.1', q: 1_000, expiresMs: 3_600_000, instance: '', regId: 0 };
  await new RedisPhoneRegistry(redis).register({
    ...{ agentId: taro.userId, phone: 'taro-1', callId: 'r', cseq: 1, userAgent: '', changes: [contact] },
    source: { transport: 'udp', address: '127.0.0.1', port: 5_090 },
  });
}

const lookForFaults = readFileSync('test/console/page-faults.js', 'utf8');

const axe = readFileSync('node_modules/axe-core/axe.min.js', 'utf8');

async function faultsOf(page: Page): Promise<string[]> {
  // It is a second's work to read: once a page.
  if (!(await page.evaluate('"axe" in window'))) await page.evaluate(axe);
  return z.array(z.string()).parse(await page.evaluate(lookForFaults));
}

const narrow = { width: 390, height: 844 };
const wide = { width: 1_366, height: 768 };
type Look = readonly ['ja' | 'en', 'light' | 'dark', typeof wide];
/** Each language, light and dark, on both screens. `LOOKS=all`: every one of them with every other. */
const looks: Look[] =
  process.env['LOOKS'] === 'all'
    ? [narrow, wide].flatMap((size) =>
        (['light', 'dark'] as const).flatMap((scheme) => [
          ['ja', scheme, size] as const,
          ['en', scheme, size] as const,
        ]),
      )
    : [
        ['ja', 'light', narrow],
        ['ja', 'dark', wide],
        ['en', 'dark', narrow],
        ['en', 'light', wide],
      ];
const found: string[] = [];

/** As it is now, in every look. The next state begins with the last one's: to change the language is what takes long. */
async function isFit(page: Page, name: string): Promise<void> {
  const begun = (await page.locator('html').getAttribute('lang')) ?? 'ja';
  await seenIn(page, name, begun === looks[0]?.[0] ? looks : looks.toReversed());
}

/** What opens on a page that is fit: in two looks that have nothing in common. */
async function isFitOpen(page: Page, name: string): Promise<void> {
  const begun = await page.locator('html').getAttribute('lang');
  await seenIn(
    page,
    name,
    looks.length > 4 ? looks : looks.filter(([language, scheme]) => (language === begun) === (scheme === 'light')),
  );
}

async function seenIn(page: Page, name: string, looks: readonly Look[]): Promise<void> {
  for (const [language, colorScheme, size] of looks) {
    await inLanguage(page, language);
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await page.setViewportSize(size);
    await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
    await photo(page, `access-${name}-${language}-${colorScheme}-${size.width}`);
    const at = `${name} ${language} ${colorScheme} ${size.width}: `;
    found.push(...(await faultsOf(page)).map((fault) => at + fault));
  }
}

/** As another page of the same browser tells it. */
async function inLanguage(page: Page, language: string): Promise<void> {
  await page.evaluate(
    `window.dispatchEvent(new StorageEvent('storage', { key: 'denwaban-language', newValue: '${language}' }))`,
  );
  await page.locator(`html[lang=${language}]`).waitFor({ state: 'attached' });
}

async function pageOf(who: typeof hanako): Promise<Page> {
  const page = await pages.open(server.url, { as: { name: who.loginName, password: goodPassword } });
  await page.getByRole('button', { name: who.displayName, exact: true }).waitFor();
  return page;
}

async function choose(page: Page, password: string): Promise<void> {
  const fields = page.locator('input[autocomplete=new-password]');
  for (const index of [0, 1]) await fields.nth(index).fill(password);
  await page.keyboard.press('Enter');
}

async function closeDialog(page: Page): Promise<void> {
  await page.keyboard.press('Escape');
  await expect.poll(() => page.getByRole('dialog').count()).toBe(0);
}

const offerOf = async (agentId: string) => {
  const { offers } = await desk.pending('c1');
  return offers.find((offer) => offer.agentId === agentId)?.offerId ?? '';
};

describe('for everybody, on every screen', () => {
  it('the way in, and after a wrong password', async () => {
    const page = await pages.open(server.url);
    await page.getByRole('button', { name: 'サインイン' }).waitFor();
    expect(await page.title()).toBe('サインイン – 電話番');
    await isFit(page, 'sign-in');
    await signIn(page, 'hanako', 'wrong');
    await page.getByRole('alert').waitFor();
    await isFit(page, 'sign-in-refused');
  });

  it('a temporary password: nothing but choosing another, told what is weak about it', async () => {
    await server.addUser(newcomer);
    const page = await pages.open(server.url);
    await signIn(page, newcomer.loginName, goodPassword);
    await page.getByRole('heading', { name: '新しいパスワードを決める' }).waitFor();
    expect(await page.title()).toBe('新しいパスワードを決める – 電話番');
    await choose(page, 'satoko-satoko-2026');
    await page.getByText('ご自身・契約者・このサービスの名前が入っている').waitFor();
    await page.getByText('日付や年が入っている').waitFor();
    await isFit(page, 'first-password-refused');
    await page.reload();
    // What was typed to sign in is forgotten with the page.
    await page.getByRole('textbox', { name: '現在のパスワード' }).fill(goodPassword);
    await choose(page, 'moro4 tegami KAME ringo');
    await page.getByText('パスワードを変更しました').waitFor();
    await page.getByRole('button', { name: newcomer.displayName, exact: true }).waitFor();
  });

  it('an agent’s page: away, ringing, talking, in wrap-up, with what opens on it', async () => {
    const page = await pageOf(hanako);
    await page.getByTestId('no-phone').waitFor();
    expect(await page.title()).toBe('受付 – 電話番');
    await isFit(page, 'agent-away');
    await desk.setAgentState(hanako.userId, 'available');
    await desk.enqueue(
      'c1',
      requestOf('one', {
        account: { accountId: 'sakura', name: 'さくら歯科', reading: 'さくらしか' },
        callerNumber: lineNumber,
      }),
    );
    await desk.report(await offerOf(hanako.userId), { type: 'missed', why: 'no-answer' });
    // Until the phone may be rung again.
    await page.keyboard.press('F1');
    await page.getByRole('dialog').waitFor();
    await isFitOpen(page, 'keys');
    await closeDialog(page);
    await page.keyboard.press('F4');
    await page.getByRole('dialog').waitFor();
    await isFitOpen(page, 'break');
    await closeDialog(page);
    await eventually(
      'it rings again',
      async () => {
        await desk.tick();
        return (await offerOf(hanako.userId)) !== '';
      },
      { timeoutMs: 15_000 },
    );
    const offer = await offerOf(hanako.userId);
    await desk.report(offer, { type: 'ringing' });
    await page.locator('.ringing').waitFor();
    await isFit(page, 'agent-ringing');
    await server.intakes.open({
      ...{ callId: 'one', accountId: 'sakura', agentId: hanako.userId, queueId: 'main', offerId: offer },
      ...{ callerNumber: lineNumber, learned: { 注文番号: '1234', url: longWord }, atMs: Date.now() },
    });
    for (const type of ['answered', 'connected'] as const) await desk.report(offer, { type });
    await page.getByTestId('caller').getByText('注文番号').waitFor();
    const top = async (id: string) => (await page.getByTestId(id).boundingBox())?.y ?? 0;
    expect(await top('caller')).toBeLessThan(await top('intake'));
    expect(await top('caller')).toBeLessThan(await top('card'));
    await isFit(page, 'agent-talking');
    await page.keyboard.press('F10');
    await page.getByRole('listbox').waitFor();
    await isFitOpen(page, 'transfer');
    await closeDialog(page);
    await page.keyboard.press('Control+F10');
    await page.getByRole('dialog').waitFor();
    await isFitOpen(page, 'hang-up');
    await closeDialog(page);
    await desk.leave('one');
    await inLanguage(page, 'ja');
    await page.getByText('後処理', { exact: true }).first().waitFor();
    await isFit(page, 'agent-wrap-up');
    await desk.setAgentState(hanako.userId, 'offline');
  }, 240_000);

  it('who looks after the desk, and the messages of callers', async () => {
    await desk.setAgentState(taro.userId, 'available');
    await desk.enqueue('c1', requestOf('two', { callerNumber: lineNumber }));
    for (const type of ['ringing', 'answered', 'connected'] as const)
      await desk.report(await offerOf(taro.userId), { type });
    const page = await pageOf(boss);
    await page.getByText('鈴木太郎').first().waitFor();
    expect(await page.title()).toBe('全体 – 電話番');
    await isFit(page, 'overview');
    for (const [name, row] of [
      ['agent-menu', page.getByRole('row', { name: /鈴木太郎/ }).last()],
      ['call-menu', page.getByRole('row', { name: /0?90-?\d{4}-?\d{4}/ }).first()],
    ] as const) {
      await row.getByRole('button').first().click();
      await page.locator('[role^=menuitem]').first().waitFor();
      await isFitOpen(page, name);
      await page.keyboard.press('Escape');
      await page.locator('[role^=menuitem]').first().waitFor({ state: 'detached' });
    }
    await page.getByRole('button', { name: boss.displayName, exact: true }).click();
    await page.getByRole('menuitem').first().waitFor();
    await isFitOpen(page, 'user-menu');
    await page.getByRole('menuitem').first().click();
    await page.getByRole('dialog').waitFor();
    await isFitOpen(page, 'password');
    await closeDialog(page);
    await inLanguage(page, 'ja');
    await page.getByText('留守番電話', { exact: true }).click();
    await page.locator('audio').first().waitFor();
    await isFit(page, 'messages');
  }, 240_000);

  it('an account: its messages', async () => {
    const page = await pageOf(account);
    await page.locator('audio').first().waitFor();
    expect(await page.title()).toBe('留守番電話のメッセージ – 電話番');
    await isFit(page, 'account-messages');
  }, 120_000);
});

it('the way in, and what is needed next, come in 300 kB at most in all', async () => {
  const page = await pages.open('about:blank');
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('Network.enable');
  let bytes = 0;
  devtools.on('Network.loadingFinished', ({ encodedDataLength }) => {
    bytes += encodedDataLength;
  });
  await page.goto(server.url);
  await page.getByRole('button', { name: 'サインイン' }).waitFor();
  await page.waitForLoadState('networkidle');
  expect(bytes).toBeLessThan(300_000);
});
