import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type DeskAgent, ownPassword } from '../support/desk-agent.ts';
import { type Caller, DeskScene, hears, tones } from '../support/desk-scene.ts';
import { Pages, photo, photos } from './pages.ts';

/** A supervisor at the console, in a browser, with calls on phones that are not ours; what each party hears is measured. */
const people = '0322220001';
const [agentHz, otherHz, bossHz] = [880, 1_200, 1_600];
let scene: DeskScene;
let pages: Pages;
let page: Page;
let hanako: DeskAgent;
let taro: DeskAgent;
let boss: DeskAgent;

beforeAll(async () => {
  [scene, pages] = await Promise.all([DeskScene.open('test/console/flows'), Pages.start()]);
  [hanako, taro, boss, page] = await Promise.all([
    scene.agent('hanako', agentHz),
    scene.agent('taro', otherHz),
    scene.agent('boss', bossHz),
    pages.open(scene.system.httpUrl, {
      as: { name: 'boss', password: await ownPassword(scene.system, scene.secrets, 'boss') },
    }),
  ]);
  await page.getByRole('region', { name: '受付窓口' }).waitFor();
});
afterAll(async () => {
  const faults = await pages.clear();
  await pages.close();
  await scene.close();
  expect(faults).toEqual([]);
});
afterEach(async () => {
  await scene.clear();
});

const region = (name: string) => page.getByRole('region', { name });
const waiting = () => region('待っている電話');
const talks = () => region('進行中の電話');
const written = ({ from }: Caller) => from.replace(/^(\d{3})(\d{4})(\d{4})$/, '$1-$2-$3');
const rowOf = (caller: Caller) => page.getByRole('row', { name: new RegExp(written(caller)) });
const agentRow = (name: string) => region('オペレーター').getByRole('row', { name: new RegExp(name) });

/** By mouse: the row's menu, and what it offers. */
async function click(row: ReturnType<typeof rowOf>, role: 'menuitem' | 'menuitemradio', name: string): Promise<void> {
  await row.getByRole('button').click();
  await page.getByRole(role, { name, exact: true }).click();
}

/** The waiting callers from top to bottom, each with place and queue. */
async function lines(): Promise<string[]> {
  const rows = await waiting().getByRole('row').allInnerTexts();
  return rows.slice(1).map((text) => {
    const [place = ''] = text.split(/\s/);
    const [number = ''] = /0\d\d-\d{4}-\d{4}/.exec(text) ?? [];
    return `${place} ${/会計|代表受付/.exec(text)} ${number}`;
  });
}

const seesLines = (expected: string[]) => expect.poll(lines, { timeout: 10_000 }).toEqual(expected);

/** The agent's phone, rung once more, is picked up, and the caller talks with them. */
async function answers(agent: DeskAgent, toneHz: number, rung: number, caller: Caller): Promise<void> {
  await agent.phone.heardOf('CALL_INCOMING', { count: rung + 1 });
  agent.phone.accept();
  await Promise.all([hears(caller.phone, [toneHz]), hears(agent.phone, [tones.caller])]);
}

describe('a supervisor', () => {
  it('moves callers: to the head of the line and to another queue, and sees them move; they are served in that order', async () => {
    const [first, second, third] = [await scene.caller(people), await scene.caller(people), await scene.caller(people)];
    const numbers = [first, second, third].map(written);
    await seesLines([`1 代表受付 ${numbers[0]}`, `2 代表受付 ${numbers[1]}`, `3 代表受付 ${numbers[2]}`]);
    await click(rowOf(third), 'menuitem', '列の先頭へ');
    await seesLines([`1 代表受付 ${numbers[2]}`, `2 代表受付 ${numbers[0]}`, `3 代表受付 ${numbers[1]}`]);
    await photos(page, 'overview-lines');
    // By keyboard: the second entry is the other queue.
    await rowOf(first).getByRole('button').focus();
    await page.keyboard.press('Enter');
    await page.getByRole('menuitem', { name: '会計' }).waitFor();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await expect
      .poll(async () => (await lines()).toSorted(), { timeout: 10_000 })
      .toEqual([`1 代表受付 ${numbers[2]}`, `1 会計 ${numbers[0]}`, `2 代表受付 ${numbers[1]}`].toSorted());
    await hanako.want('available');
    await answers(hanako, agentHz, 0, third);
    await seesLines([`1 会計 ${numbers[0]}`, `1 代表受付 ${numbers[1]}`]);
    await click(rowOf(second), 'menuitem', '会計');
    await seesLines([`1 会計 ${numbers[0]}`, `2 会計 ${numbers[1]}`]);
    await taro.want('available');
    await answers(taro, otherHz, 0, first);
    await click(rowOf(second), 'menuitem', '電話を切る…');
    await page.getByRole('dialog').getByRole('button', { name: '電話を切る' }).click();
    await second.phone.heardOf('CALL_CLOSED');
    await waiting().getByText('待っている電話はありません').waitFor();
    expect(await scene.story(second)).toMatchObject({ legs: ['caller system-hangup'] });
    await endWrapUp(taro, first);
    await endWrapUp(hanako, third);
  });

  it('listens on their own phone, whispers, joins and stops; each party hears what it should, and the page says how', async () => {
    await hanako.want('available');
    const [rung, bossRung] = [hanako.phone.rung, boss.phone.rung];
    const caller = await scene.caller(people);
    await answers(hanako, agentHz, rung, caller);
    const row = talks().getByRole('row', { name: new RegExp(written(caller)) });
    await click(row, 'menuitemradio', '聞く');
    await boss.phone.heardOf('CALL_INCOMING', { count: bossRung + 1 });
    boss.phone.accept();
    await row.getByText('傍聴: 中村 管理者').waitFor();
    await hears(boss.phone, [tones.caller, agentHz]);
    await Promise.all([hears(caller.phone, [agentHz], [bossHz]), hears(hanako.phone, [tones.caller], [bossHz])]);
    await seesMode(row, '聞く');

    await click(row, 'menuitemradio', 'ささやく（担当者だけに聞こえます）');
    await row.getByText('ささやき: 中村 管理者').waitFor();
    await Promise.all([
      hears(boss.phone, [tones.caller, agentHz]),
      hears(hanako.phone, [tones.caller, bossHz]),
      hears(caller.phone, [agentHz], [bossHz]),
    ]);
    await seesMode(row, 'ささやく（担当者だけに聞こえます）');

    await row.getByRole('button').focus();
    await page.keyboard.press('Enter');
    await page.getByRole('menuitemradio', { name: '通話に加わる' }).press('Enter');
    await row.getByText('参加: 中村 管理者').waitFor();
    await Promise.all([
      hears(boss.phone, [tones.caller, agentHz]),
      hears(hanako.phone, [tones.caller, bossHz]),
      hears(caller.phone, [agentHz, bossHz]),
    ]);
    await seesMode(row, '通話に加わる');
    await photos(page, 'overview-joined');

    await click(row, 'menuitem', '聞くのをやめる');
    await boss.phone.heardOf('CALL_CLOSED', { count: bossRung + 1 });
    await row.getByText('中村 管理者').waitFor({ state: 'detached' });
    await Promise.all([hears(caller.phone, [agentHz], [bossHz]), hears(hanako.phone, [tones.caller], [bossHz])]);
    expect(boss.phone.rung).toBe(bossRung + 1);

    await click(row, 'menuitem', '電話を切る…');
    await page.getByText('元には戻せません').waitFor();
    expect(caller.phone.events.some(({ type }) => type === 'CALL_CLOSED')).toBe(false);
    await page.getByRole('dialog').getByRole('button', { name: '電話を切る' }).click();
    await caller.phone.heardOf('CALL_CLOSED');
    await talks().getByText('進行中の電話はありません').waitFor();
    expect(await scene.story(caller)).toEqual({
      outcome: 'served',
      legs: ['caller system-hangup', 'agent system-hangup', 'listener system-hangup'],
    });
    // Wrap-up is ended for the agent, from here.
    await agentRow('山田花子').getByText('後処理').waitFor();
    await click(agentRow('山田花子'), 'menuitem', '次の電話へ');
    await agentRow('山田花子').getByText('受付中').waitFor();
    expect(await hanako.state()).toBe('available');
  });

  it('sets an agent’s state: who is on a break or signed off is not rung, who takes calls is', async () => {
    const row = agentRow('鈴木太郎');
    const rung = taro.phone.rung;
    await click(row, 'menuitem', '受付中');
    await row.getByText('受付中').waitFor();
    expect(await taro.state()).toBe('available');
    await click(row, 'menuitem', '研修');
    await row.getByText('研修').waitFor();
    expect(await taro.state()).toBe('break');
    const caller = await scene.caller(people);
    await rowOf(caller).getByText('待機中').waitFor();
    await click(row, 'menuitem', '受付中');
    await answers(taro, otherHz, rung, caller);
    // While they talk it is what follows.
    await click(row, 'menuitem', '退席');
    await row.getByText(/退席/).waitFor();
    expect(await taro.state()).toBe('talking');
    await photo(page, 'overview-after-call');
    caller.phone.hangUp();
    await row.getByText('後処理').waitFor();
    await click(row, 'menuitem', '退席');
    await taro.reaches('offline', 5_000);
    await row.getByText('退席', { exact: true }).waitFor();
    expect(taro.phone.rung).toBe(rung + 1);
  });
});

/** In the menu, and closes it again. */
async function seesMode(row: ReturnType<typeof rowOf>, name: string): Promise<void> {
  await row.getByRole('button').click();
  const checked = page.getByRole('menuitemradio', { checked: true });
  await checked.waitFor();
  expect(await checked.allInnerTexts()).toEqual([name]);
  await photo(page, `overview-mode-${name.slice(0, 4)}`);
  await page.keyboard.press('Escape');
  await checked.waitFor({ state: 'detached' });
}

/** The caller hangs up, and the agent is sent home out of wrap-up. */
async function endWrapUp(agent: DeskAgent, caller: Caller): Promise<void> {
  caller.phone.hangUp();
  await agent.reaches('wrap-up');
  await agent.want('offline');
  await agent.reaches('offline');
}
