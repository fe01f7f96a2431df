import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { normalizePhoneNumber } from '../../src/kernel/phone-number.ts';
import { toneDurationMs } from '../support/audio.ts';
import { Baresip } from '../support/baresip.ts';
import { DeskAgent, type PrintedSecrets, readSecrets } from '../support/desk-agent.ts';
import { eventually } from '../support/poll.ts';
import { trunkPortOfOurs } from '../support/ports.ts';
import { startOwnSwitch } from '../support/switch.ts';
import { denwaban, type System, startSystem } from '../support/system.ts';

/** Whom nobody serves now: called back, transferred, or heard by a machine. Tones: customer 440, agent 880, others 1200 Hz. */
const people = '0322220011';
const night = '0322220012';
const customer = '0901111222';
let system: System;
let secrets: PrintedSecrets;
let trunkPort: number;
let dataDir: string;
let environment: Record<string, string>;
const cleanUps: (() => unknown)[] = [];
const running: { stop(): Promise<void> }[] = [];

beforeAll(async () => {
  trunkPort = trunkPortOfOurs();
  dataDir = mkdtempSync(join(tmpdir(), 'denwaban-data-'));
  cleanUps.push(() => rmSync(dataDir, { recursive: true, force: true }));
  const own = await startOwnSwitch();
  cleanUps.push(() => own.stop());
  environment = { ...own.environment, TRUNK_URL: `sip:127.0.0.1:${trunkPort}` };
  const loaded = await denwaban(['load', 'test/scenarios/call-back'], { DATA_DIR: dataDir });
  expect(loaded).toMatchObject({ code: 0 });
  secrets = readSecrets(loaded.output);
  system = await startSystem({ dataDir, environment });
});
afterAll(async () => {
  if (!system.program.exited()) await system.stop();
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});
afterEach(async () => {
  for (const party of running.splice(0).reverse()) await party.stop();
});

async function caller(number: string): Promise<Baresip> {
  const phone = await Baresip.start({ user: customer, toneHz: 440 });
  running.push(phone);
  phone.dial(system.uri(number));
  await phone.heardOf('CALL_ESTABLISHED');
  return phone;
}

/** A phone at the other end of the trunk. */
async function beyondTheTrunk(number: string, options: { toneHz: number; answer: boolean }): Promise<Baresip> {
  const phone = await Baresip.start({ user: normalizePhoneNumber(number), ...options, sipPort: trunkPort });
  running.push(phone);
  return phone;
}

const hears = (phone: Baresip, hz: number, ms = 600, timeoutMs = 20_000) =>
  eventually(`${phone.user} to hear ${hz} Hz`, () => toneDurationMs(phone.heard(), hz) > ms, { timeoutMs });

/** Asks to be called back, and hangs up once that is promised. */
async function callBackWanted(): Promise<void> {
  const phone = await caller(people);
  await hears(phone, 600);
  phone.press('2');
  await hears(phone, 700, 200);
  await phone.heardOf('CALL_CLOSED');
  await phone.stop();
  running.splice(running.indexOf(phone), 1);
  expect((await system.closedCall(people)).outcome).toBe('call-back');
}

async function agentAtWork(answer: boolean, name = 'hanako'): Promise<DeskAgent> {
  const agent = await DeskAgent.start(system, secrets, name, { toneHz: name === 'hanako' ? 880 : 1_200, answer });
  running.push(agent.phone);
  await agent.want('available');
  return agent;
}

describe('a call-back', () => {
  it('keeps the place; an agent comes to work, answers, hears it ring, and talks with the caller; all is on record', async () => {
    await callBackWanted();
    const [first] = await system.calls();
    const home = await beyondTheTrunk(customer, { toneHz: 440, answer: false });
    const hanako = await agentAtWork(true);
    const ringing = await home.heardOf('CALL_INCOMING');
    expect(ringing.peeruri).toContain(people.replace(/^0/, '+81'));
    expect(hanako.phone.events.map(({ type }) => type)).toContain('CALL_ESTABLISHED');
    // Ring-back, as the agent hears it, beats at 400 Hz.
    await hears(hanako.phone, 400, 300);
    home.accept();
    await hears(home, 880);
    await hears(hanako.phone, 440);
    await hanako.reaches('talking');
    home.hangUp();
    await hanako.phone.heardOf('CALL_CLOSED');
    await hanako.reaches('available');
    const record = await system.closedCall(customer);
    expect(record).toMatchObject({ callBackOf: first?.callId, outcome: 'served', from: people.replace(/^0/, '+81') });
    expect(record.legs.map(({ kind, direction, cause }) => `${kind} ${direction} ${cause}`)).toEqual([
      'caller outbound caller-hangup',
      'agent outbound caller-hangup',
    ]);
    await hanako.want('offline');
  }, 90_000);

  it('an agent declines, the next one hangs up while the number rings: it stops, and the one after talks', async () => {
    await callBackWanted();
    const home = await beyondTheTrunk(customer, { toneHz: 440, answer: false });
    const hanako = await agentAtWork(false);
    await hanako.phone.heardOf('CALL_INCOMING');
    hanako.phone.hangUp();
    await hanako.phone.heardOf('CALL_CLOSED');
    expect(home.rung).toBe(0);
    const taro = await agentAtWork(false, 'taro');
    await taro.phone.heardOf('CALL_INCOMING');
    taro.phone.accept();
    await home.heardOf('CALL_INCOMING');
    taro.phone.hangUp();
    await home.heardOf('CALL_CLOSED', { timeoutMs: 3_000 });
    // Both have been tried: whoever of them is rung answers now.
    const next = await eventually('the next turn', () => [hanako, taro].find(({ phone }) => !phone.isIdle));
    next.phone.accept();
    await home.heardOf('CALL_INCOMING', { count: 2 });
    home.accept();
    await hears(home, next === taro ? 1_200 : 880);
    home.hangUp();
    for (const { phone } of [hanako, taro]) await eventually(`${phone.user} to be silent`, () => phone.isIdle);
    await next.reaches('available');
    await system.closedCall(customer);
    const turns = (await system.calls()).filter(({ to }) => to.endsWith(customer.slice(1))).slice(0, 3);
    const legs = turns.map((turn) => turn.legs.map(({ kind, cause }) => `${kind} ${cause}`));
    expect(turns.map(({ outcome }) => outcome)).toEqual(['served', 'agent-gone', 'not-dialled']);
    expect(legs).toEqual([
      ['caller caller-hangup', 'agent caller-hangup'],
      ['caller cancelled', 'agent peer-hangup'],
      ['caller cancelled', 'agent busy'],
    ]);
    for (const agent of [hanako, taro]) await agent.want('offline');
  }, 90_000);

  it('the number declines: the agent hears the busy tone and is free again', async () => {
    await callBackWanted();
    const home = await beyondTheTrunk(customer, { toneHz: 440, answer: false });
    const hanako = await agentAtWork(true);
    await home.heardOf('CALL_INCOMING');
    home.hangUp();
    // Two of the three beeps of half a second.
    await hears(hanako.phone, 400, 800);
    await hanako.phone.heardOf('CALL_CLOSED');
    await hanako.reaches('available');
    const record = await system.closedCall(customer);
    expect(record.outcome).toBe('not-reached');
    expect(record.legs.map(({ kind, cause }) => `${kind} ${cause}`)).toEqual([
      expect.stringMatching(/^caller (busy|rejected)$/),
      'agent system-hangup',
    ]);
    expect([home.rung, hanako.phone.talks]).toEqual([1, 1]);
    await hanako.want('offline');
  }, 90_000);

  it('the controller is killed while it rings: the phones stop, and another controller calls back', async () => {
    await callBackWanted();
    const home = await beyondTheTrunk(customer, { toneHz: 440, answer: false });
    const hanako = await agentAtWork(true);
    await home.heardOf('CALL_INCOMING');
    system.program.child.kill('SIGKILL');
    await system.program.exit;
    system = await startSystem({ dataDir, environment });
    await home.heardOf('CALL_CLOSED', { timeoutMs: 40_000 });
    await hanako.phone.heardOf('CALL_CLOSED', { timeoutMs: 40_000 });
    await home.heardOf('CALL_INCOMING', { count: 2, timeoutMs: 60_000 });
    home.accept();
    await hears(home, 880);
    hanako.phone.hangUp();
    await home.heardOf('CALL_CLOSED', { count: 2 });
    expect((await system.closedCall(customer)).outcome).toBe('served');
    const again = await hanako.at(system, secrets, 'hanako');
    await again.want('offline');
  }, 180_000);
});

describe('overflow of a queue that nobody has signed in to', () => {
  it('transfer: the caller talks with the number, and the flow goes on when it hangs up', async () => {
    const callee = await beyondTheTrunk('2001', { toneHz: 1_200, answer: true });
    const phone = await caller(night);
    await hears(phone, 1_200);
    await hears(callee, 440);
    callee.hangUp();
    await phone.heardOf('CALL_CLOSED');
    expect(toneDurationMs(phone.heard(), 500)).toBeGreaterThan(300);
    const record = await system.closedCall(night);
    expect(record).toMatchObject({ outcome: 'helped', path: ['people', 'thanks'] });
    expect(record.legs.map(({ kind, cause }) => `${kind} ${cause}`)).toEqual([
      'caller system-hangup',
      'transfer peer-hangup',
    ]);
  });

  it('busy there: the message is taken down', async () => {
    const callee = await beyondTheTrunk('2001', { toneHz: 1_200, answer: false });
    const phone = await caller(night);
    await callee.heardOf('CALL_INCOMING');
    callee.hangUp();
    // The tone that asks to speak.
    await hears(phone, 1_000, 200, 30_000);
    const before = phone.heard().length;
    await eventually('two seconds to be spoken', () => phone.heard().length > before + 16_000, { timeoutMs: 10_000 });
    phone.press('#');
    await phone.heardOf('CALL_CLOSED', { timeoutMs: 30_000 });
    const record = await system.closedCall(night);
    expect(record.outcome).toBe('message-taken');
    expect(record.recordings).toHaveLength(1);
    expect(record.recordings[0]?.durationMs).toBeGreaterThan(1_000);
    expect(record.legs.map(({ kind, cause }) => `${kind} ${cause}`)).toEqual(['caller system-hangup', 'transfer busy']);
  }, 90_000);
});
