import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { DeskScene, hears, tones } from '../support/desk-scene.ts';
import { denwaban } from '../support/system.ts';

/**
 * The answering service of an account is suspended (service-rules.md, Calls 6): its flow goes on without people. Tones:
 * menu 700 Hz, music 600, nobody answers 1000, hours 500.
 */
const guide = '0322220001';
const [agentHz, otherHz] = [880, 1_200];
let scene: DeskScene;
beforeAll(async () => {
  scene = await DeskScene.open('test/scenarios/answering-service');
});
afterAll(async () => {
  await scene.close();
});
afterEach(async () => {
  await scene.clear();
});

/** As an operator does it, while the system runs. */
async function set(answeringService: 'active' | 'suspended'): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'denwaban-account-'));
  const account = { accountId: 'clinic', name: 'さくら歯科', nameReading: 'さくらしか', answeringService };
  writeFileSync(join(folder, 'account.json'), JSON.stringify({ account }));
  const loaded = await denwaban(['load', folder], scene.system.environment);
  rmSync(folder, { recursive: true, force: true });
  expect(loaded.code, loaded.output).toBe(0);
}

it('suspended while one talks, one waits and one is in the flow: the flow goes on, nobody is cut off', async () => {
  const hanako = await scene.agent('hanako', agentHz);
  const taro = await scene.agent('taro', otherHz);
  await hanako.want('available');
  const talking = await scene.caller(guide);
  await hears(talking.phone, [700]);
  talking.phone.press('1');
  await hanako.phone.heardOf('CALL_INCOMING');
  hanako.phone.accept();
  await hears(talking.phone, [agentHz]);
  const waiting = await scene.caller(guide);
  await hears(waiting.phone, [700]);
  waiting.phone.press('1');
  await hears(waiting.phone, [600]);
  const inFlow = await scene.caller(guide);
  await hears(inFlow.phone, [700]);

  await set('suspended');
  inFlow.phone.press('1');
  await hears(inFlow.phone, [1_000]);
  await inFlow.phone.heardOf('CALL_CLOSED');
  expect(await scene.story(inFlow)).toEqual({ outcome: 'nobody-answers', legs: ['caller system-hangup'] });

  // A new one is answered by the flow all the same.
  const late = await scene.caller(guide);
  await hears(late.phone, [700]);
  late.phone.press('2');
  await hears(late.phone, [500]);
  await late.phone.heardOf('CALL_CLOSED');
  expect(await scene.story(late)).toMatchObject({ outcome: 'hours-told' });

  // Who was at the desk before is served.
  await hears(talking.phone, [agentHz]);
  await taro.want('available');
  await taro.phone.heardOf('CALL_INCOMING');
  taro.phone.accept();
  await Promise.all([hears(waiting.phone, [otherHz]), hears(taro.phone, [tones.caller])]);

  await set('active');
  hanako.phone.hangUp();
  await talking.phone.heardOf('CALL_CLOSED');
  await hanako.reaches('available', 10_000);
  const again = await scene.caller(guide);
  await hears(again.phone, [700]);
  again.phone.press('1');
  await hanako.phone.heardOf('CALL_INCOMING', { count: 2 });
  hanako.phone.accept();
  await hears(again.phone, [agentHz]);
}, 90_000);
