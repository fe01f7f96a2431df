import { resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { findSound, readWav, toneDurationMs } from '../support/audio.ts';
import { Baresip } from '../support/baresip.ts';
import { DeskAgent, DeskPage, type PrintedSecrets, readSecrets, type SeenDesk } from '../support/desk-agent.ts';
import { eventually } from '../support/poll.ts';
import { trunkPortOfOurs } from '../support/ports.ts';
import { type System, startSystem } from '../support/system.ts';

/** Calls that people at the desk command, with phones that are not ours. Tones: caller 440, agents 880 and 1200 Hz, outside 1500. */
const people = '0322220001';
const music = readWav(resolve('flows/prompts/hold.wav')).samples.subarray(0, 8_000);
let system: System;
let secrets: PrintedSecrets;
let trunkPort: number;
let boss: DeskPage;
const running: { stop(): Promise<void> }[] = [];

beforeAll(async () => {
  trunkPort = trunkPortOfOurs();
  const environment = { TRUNK_URL: `sip:127.0.0.1:${trunkPort}` };
  system = await startSystem({ flows: 'test/scenarios/desk', environment });
  secrets = readSecrets(system.loaded);
  boss = await DeskPage.open(system, secrets, 'boss');
});
afterAll(async () => {
  await system.stop();
});
afterEach(async () => {
  for (const party of running.splice(0).reverse()) await party.stop();
});

async function agent(name: 'hanako' | 'taro'): Promise<DeskAgent> {
  const started = await DeskAgent.start(system, secrets, name, {
    toneHz: name === 'hanako' ? 880 : 1_200,
    answer: true,
  });
  running.push(started);
  return started;
}

async function outside(answer: boolean): Promise<Baresip> {
  const phone = await Baresip.start({ user: '2001', toneHz: 1_500, answer, sipPort: trunkPort });
  running.push(phone);
  return phone;
}

/** A caller who talks with hanako; how to order the call about. */
async function talk(hanako: DeskAgent) {
  await hanako.want('available');
  const phone = await Baresip.start({ user: '0901111222', toneHz: 440 });
  running.push(phone);
  phone.dial(system.uri(people));
  await hears(phone, 880);
  await hears(hanako.phone, 440);
  const callId = await eventually('the talk to be seen', async () => {
    const { call } = await hanako.page.sees();
    return call?.state === 'talking' && call.callId;
  });
  const path = `/desk/calls/${callId}`;
  const order = (what: string, body?: object) => hanako.send('POST', `${path}/${what}`, body);
  const seen = (what: string, holds: (call: NonNullable<SeenDesk['call']>) => boolean) =>
    eventually(what, async () => {
      const now = (await hanako.page.sees()).call;
      return now !== undefined && holds(now) && now;
    });
  return { phone, path, order, seen };
}

/** The tone from now on, so long without a break in the recording being looked at. */
async function hears(phone: Baresip, hz: number, ms = 600): Promise<void> {
  const before = phone.heard().length;
  await eventually(`${phone.user} to hear ${hz} Hz`, () => toneDurationMs(phone.heard().subarray(before), hz) > ms, {
    timeoutMs: 12_000,
  });
}

/** What the phone hears in the next so many ms. */
async function listen(phone: Baresip, ms: number): Promise<Int16Array> {
  const before = phone.heard().length;
  await eventually(`${phone.user} to be sent sound`, () => phone.heard().length - before > ms * 8, {
    timeoutMs: 12_000,
  });
  return phone.heard().subarray(before);
}

describe('a talk that the agent commands', () => {
  it('hold with music and back; a transfer that fails comes back; one to another agent; a supervisor ends it', async () => {
    const [hanako, taro] = [await agent('hanako'), await agent('taro')];
    const { phone, path, order, seen } = await talk(hanako);
    await order('hold', { held: true });
    const [caller, held] = await Promise.all([listen(phone, 3_000), listen(hanako.phone, 3_000)]);
    expect(findSound(caller, music).likeness).toBeGreaterThan(0.8);
    expect(toneDurationMs(caller, 880)).toBeLessThan(100);
    expect(toneDurationMs(held, 523)).toBeGreaterThan(0);
    expect(toneDurationMs(held, 440)).toBeLessThan(300);
    await seen('the hold to be seen', (call) => call.held === true);
    await order('hold', { held: false });
    await Promise.all([hears(phone, 880), hears(hanako.phone, 440)]);

    await outside(false).then(async (number) => {
      await order('transfer', { to: { type: 'number', number: '2001' } });
      await number.heardOf('CALL_INCOMING');
      const ringBack = await listen(hanako.phone, 1_500);
      expect(toneDurationMs(ringBack, 408)).toBeGreaterThan(0);
      await seen('the transfer to be seen', (call) => call.transfer?.to === '2001');
      number.hangUp();
    });
    await Promise.all([hears(phone, 880), hears(hanako.phone, 440)]);
    await seen('its failing to be seen', (call) => call.transferFailed === 'busy' || call.transferFailed === 'refused');

    await taro.want('available');
    await order('transfer', { to: { type: 'agent', agentId: taro.agentId } });
    await Promise.all([hears(phone, 1_200), hears(taro.phone, 440)]);
    await hanako.phone.heardOf('CALL_CLOSED');
    await taro.reaches('talking');
    await hanako.reaches('available', 4_000);
    await eventually('the form to be the second agent’s', async () => {
      const form = await taro.send('GET', `/agents/${taro.agentId}/intake`).catch(() => undefined);
      return form !== undefined;
    });
    await expect(order('end')).rejects.toThrow('404');
    await boss.send('POST', `${path}/end`);
    await Promise.all([phone.heardOf('CALL_CLOSED'), taro.phone.heardOf('CALL_CLOSED')]);
    const record = await system.closedCall(people);
    expect(record.outcome).toBe('served');
    expect(record.legs.map(({ kind, cause }) => `${kind} ${cause}`)).toEqual([
      'caller system-hangup',
      'agent system-hangup',
      expect.stringMatching(/^transfer (busy|rejected)$/),
      'agent system-hangup',
    ]);
  }, 90_000);

  it('to a number outside: the agent may go while it rings; the two talk; then the flow goes on', async () => {
    const hanako = await agent('hanako');
    const { phone, order } = await talk(hanako);
    const number = await outside(false);
    await order('transfer', { to: { type: 'number', number: '2001' } });
    await number.heardOf('CALL_INCOMING').catch(async (e) => {
      console.log(
        JSON.stringify(await hanako.page.sees()),
        JSON.stringify(await system.calls(), null, 1),
        system.program.output().slice(-3000),
      );
      throw e;
    });
    hanako.phone.hangUp();
    await hanako.reaches('wrap-up', 3_000);
    number.accept();
    await Promise.all([hears(phone, 1_500), hears(number, 440)]);
    number.hangUp();
    await phone.heardOf('CALL_CLOSED');
    expect(toneDurationMs(phone.heard(), 500)).toBeGreaterThan(300);
    const record = await system.closedCall(people);
    expect(record.outcome).toBe('helped');
    expect(record.legs.map(({ kind, cause }) => `${kind} ${cause}`)).toEqual([
      'caller system-hangup',
      'agent peer-hangup',
      'transfer peer-hangup',
    ]);
  }, 60_000);

  it('into another queue: the caller waits with its music, and the next agent answers there', async () => {
    const [hanako, taro] = [await agent('hanako'), await agent('taro')];
    const { phone, order } = await talk(hanako);
    await order('transfer', { to: { type: 'queue', queueId: 'billing' } });
    await hears(phone, 600);
    await hanako.phone.heardOf('CALL_CLOSED');
    await taro.want('available');
    await Promise.all([hears(phone, 1_200), hears(taro.phone, 440)]);
    expect(toneDurationMs(phone.heard(), 900)).toBe(0);
    phone.hangUp();
    await taro.phone.heardOf('CALL_CLOSED');
    await taro.reaches('available', 5_000);
    expect((await system.closedCall(people)).outcome).toBe('served');
  }, 60_000);
});
