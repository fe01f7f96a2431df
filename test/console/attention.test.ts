import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { type Receiver, startReceiver } from '../outbox/harness.ts';
import { type DeskAgent, ownPassword } from '../support/desk-agent.ts';
import { DeskScene, hears, tones } from '../support/desk-scene.ts';
import { Pages, photo, photos } from './pages.ts';

/** What needs attention, at the console, made by calls on phones that are not ours. */
const people = '0322220001';
let scene: DeskScene;
let pages: Pages;
let receiver: Receiver;
/** What the account's webhook answers. */
let answer = 204;
let hanako: DeskAgent;
let taro: DeskAgent;

beforeAll(async () => {
  receiver = await startReceiver((response) => void response.writeHead(answer).end());
  const card = {
    destinations: [{ type: 'webhook', destinationId: 'crm', url: receiver.url }],
    reports: [{ outcomes: ['complaint'], send: ['crm'] }],
  };
  const root = { loginName: 'root', displayName: '大野 運営', role: 'operator' };
  const change = {
    'account.json': (old: { card: object }) => ({
      ...old,
      card: { ...old.card, ...card },
      rules: { complaintsBeforeWarning: 1 },
    }),
    'desk.json': (old: { users: object[] }) => ({ ...old, users: [...old.users, root] }),
  };
  [scene, pages] = await Promise.all([
    DeskScene.open('test/console/flows', change, { ALLOW_INSECURE_TARGETS: 'yes' }),
    Pages.start(),
  ]);
  [hanako, taro] = await Promise.all([scene.agent('hanako', 880), scene.agent('taro', 1_200)]);
});
afterAll(async () => {
  const faults = await pages.clear();
  await pages.close();
  await scene.close();
  await receiver.close();
  expect(faults).toEqual([]);
});
afterEach(async () => {
  await scene.clear();
});

async function open(name: string): Promise<Page> {
  const password = await ownPassword(scene.system, scene.secrets, name);
  return pages.open(scene.system.httpUrl, { as: { name, password } });
}

const panelOf = (page: Page) => page.getByRole('region', { name: '要対応' });
const rowOf = (page: Page, name: RegExp) => panelOf(page).getByRole('row', { name });

/** A caller has talked with the agent, who is in wrap-up. */
async function talk(agent: DeskAgent): Promise<void> {
  await agent.want('available');
  const rung = agent.phone.rung;
  const caller = await scene.caller(people);
  await agent.phone.heardOf('CALL_INCOMING', { count: rung + 1 });
  agent.phone.accept();
  await Promise.all([hears(agent.phone, [tones.caller]), hears(caller.phone, [agent === hanako ? 880 : 1_200])]);
  caller.phone.hangUp();
  await agent.reaches('wrap-up');
}

/** By the API, as the page does it. */
async function report(agent: DeskAgent, form: object): Promise<void> {
  const path = `/agents/${agent.agentId}/intake`;
  const { intakeId, version } = (await agent.send('GET', path)) as { intakeId: string; version: number };
  await agent.send('PATCH', `/intakes/${intakeId}`, { version, form });
  await agent.send('POST', `/intakes/${intakeId}/save`, { version: version + 1 });
}

it('a report that goes nowhere: the agent is told so, and whoever looks after the desk sees it', async () => {
  const [boss, agent] = await Promise.all([open('boss'), open('hanako')]);
  await panelOf(boss).getByText('対応が必要なことはありません').waitFor();
  await photo(boss, 'attention-none');
  await talk(hanako);
  await agent.getByTestId('intake').getByText('営業電話').click();
  await agent.keyboard.press('Control+Enter');
  await agent.getByText('報告の宛先が設定されていないため、ご契約者には届きません。').waitFor();
  expect(await agent.getByText('送り出しました').count()).toBe(0);
  await photos(agent, 'sent-nowhere');
  await hanako.want('offline');
  await rowOf(boss, /さくら歯科.*どこにも送られていない報告 1 件（営業電話 1）/).waitFor();
});

it('complaints, a form that nobody finished, and a report that did not arrive; a supervisor sees, an operator decides', async () => {
  const [boss, root] = await Promise.all([open('boss'), open('root')]);
  answer = 410;
  await talk(hanako);
  await report(hanako, { outcome: 'complaint', business: '対応が遅い' });
  await hanako.want('offline');
  await talk(taro);
  await taro.want('offline');
  await Promise.all(
    [boss, root].flatMap((page) => [
      rowOf(page, /さくら歯科.*苦情 1 件（上限 1 件）/).waitFor(),
      rowOf(page, /さくら歯科.*届けられなかった報告 1 件（Webhook）/).waitFor(),
      rowOf(page, /さくら歯科.*鈴木太郎 さんの受付票が終わっていません.*0:\d\d 放置/).waitFor({ timeout: 25_000 }),
    ]),
  );
  await rowOf(boss, /運営の判断待ち/).waitFor();
  expect(await panelOf(boss).getByRole('button').count()).toBe(0);
  await photos(boss, 'attention-supervisor');
  await photos(root, 'attention-operator');

  // By keyboard, asked first.
  await panelOf(root).getByRole('button', { name: '受電代行を停止…: さくら歯科' }).focus();
  await root.keyboard.press('Enter');
  const dialog = root.getByRole('dialog');
  await dialog.getByText('さくら歯科 の受電代行を停止しますか？').waitFor();
  await photo(root, 'attention-suspend');
  await root.keyboard.press('Enter');
  await Promise.all([boss, root].map((page) => rowOf(page, /受電代行を停止中/).waitFor()));
  await photos(root, 'attention-suspended');
  const refused = await scene.caller(people);
  await hears(refused.phone, [1_000]);

  answer = 204;
  await panelOf(root).getByRole('button', { name: '再送する: さくら歯科' }).press('Enter');
  await rowOf(root, /届けられなかった報告/).waitFor({ state: 'detached' });
  expect(receiver.received.at(-1)?.body).toContain('対応が遅い');

  await panelOf(root).getByRole('button', { name: '再開する: さくら歯科' }).press('Enter');
  await Promise.all([boss, root].map((page) => rowOf(page, /苦情/).waitFor({ state: 'detached' })));
  // The form is finished after all.
  await report(taro, { outcome: 'sales-call' });
  await rowOf(boss, /受付票/).waitFor({ state: 'detached' });
  await rowOf(boss, /どこにも送られていない報告 2 件（営業電話 2）/).waitFor();
}, 120_000);
