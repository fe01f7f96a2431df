import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { rms, toneDurationMs, tonePurity } from '../support/audio.ts';
import { Baresip } from '../support/baresip.ts';
import { DeskAgent, type PrintedSecrets, readSecrets } from '../support/desk-agent.ts';
import { eventually } from '../support/poll.ts';
import { type System, startSystem } from '../support/system.ts';

/** Callers and agents with phones that are not ours, on the running system. Tones: caller 440, agents 880 and 1200 Hz. */
const people = '0322220001';
const specialist = '0322220002';
let system: System;
let secrets: PrintedSecrets;
const running: { stop(): Promise<void> }[] = [];

beforeAll(async () => {
  system = await startSystem({ flows: 'test/scenarios/desk' });
  secrets = readSecrets(system.loaded);
});
afterAll(async () => {
  await system.stop();
});
afterEach(async () => {
  for (const party of running.splice(0).reverse()) await party.stop();
});

async function caller(number = people): Promise<Baresip> {
  const phone = await Baresip.start({ user: '0901111222', toneHz: 440 });
  running.push(phone);
  phone.dial(system.uri(number));
  await phone.heardOf('CALL_ESTABLISHED');
  return phone;
}

async function agent(name: 'hanako' | 'taro', { answer = true, atWork = true } = {}): Promise<DeskAgent> {
  const started = await DeskAgent.start(system, secrets, name, { toneHz: name === 'hanako' ? 880 : 1_200, answer });
  running.push(started);
  if (atWork) await started.want('available');
  return started;
}

const hears = (phone: Baresip, hz: number, ms = 600) =>
  eventually(`${phone.user} to hear ${hz} Hz`, () => toneDurationMs(phone.heard(), hz) > ms, { timeoutMs: 12_000 });

/** For how long something was heard that is no tone of this frequency, in ms. */
function soundOtherThan(hz: number, heard: Int16Array): number {
  const frames = Array.from({ length: Math.floor(heard.length / 160) }, (_, at) =>
    heard.subarray(at * 160, at * 160 + 160),
  );
  return 20 * frames.filter((frame) => rms(frame) > 300 && tonePurity(frame, hz) < 0.5).length;
}

const story = async (number: string) => {
  const record = await system.closedCall(number);
  return { outcome: record.outcome, legs: record.legs.map(({ kind, cause }) => `${kind} ${cause}`) };
};

describe('the answering desk', () => {
  it('an agent at work is rung in the account’s name, talks with the caller, and hangs up: the flow goes on', async () => {
    const hanako = await agent('hanako', { answer: false });
    const phone = await caller();
    const incoming = await hanako.phone.heardOf('CALL_INCOMING');
    expect(incoming.peerdisplayname ?? incoming.peeruri).toContain('さくら歯科');
    await hanako.reaches('ringing');
    await hears(phone, 600);
    hanako.phone.accept();
    await hears(phone, 880);
    await hears(hanako.phone, 440);
    expect(toneDurationMs(hanako.phone.heard(), 600)).toBe(0);
    // Before that: a tone, and for whom they answer, in words.
    expect(soundOtherThan(440, hanako.phone.heard())).toBeGreaterThan(1_000);
    await hanako.reaches('talking');
    hanako.phone.hangUp();
    // For a second: the caller's end may be heard of later.
    await hanako.reaches('wrap-up', 3_000);
    await phone.heardOf('CALL_CLOSED');
    expect(toneDurationMs(phone.heard(), 500)).toBeGreaterThan(300);
    await hanako.reaches('available', 5_000);
    expect(await story(people)).toEqual({ outcome: 'helped', legs: ['caller system-hangup', 'agent peer-hangup'] });
  });

  it('the caller waits with music until an agent comes to work', async () => {
    const phone = await caller();
    await hears(phone, 600, 2_500);
    const hanako = await agent('hanako');
    await hears(phone, 880);
    phone.hangUp();
    await hanako.phone.heardOf('CALL_CLOSED');
    expect(await story(people)).toEqual({ outcome: 'served', legs: ['caller caller-hangup', 'agent caller-hangup'] });
    await hanako.reaches('available', 5_000);
  });

  it('an agent who does not answer is passed over: the next one gets the caller, and nobody is rung twice', async () => {
    const hanako = await agent('hanako', { answer: false });
    const phone = await caller();
    await hanako.phone.heardOf('CALL_INCOMING');
    const taro = await agent('taro');
    await hears(phone, 1_200);
    expect(hanako.phone.events.filter(({ type }) => type === 'CALL_INCOMING')).toHaveLength(1);
    taro.phone.hangUp();
    await phone.heardOf('CALL_CLOSED');
    expect((await story(people)).legs).toEqual(['caller system-hangup', 'agent no-answer', 'agent peer-hangup']);
  });

  it('an agent who refuses is passed over at once', async () => {
    const hanako = await agent('hanako', { answer: false });
    const phone = await caller();
    await hanako.phone.heardOf('CALL_INCOMING');
    const taro = await agent('taro');
    hanako.phone.hangUp();
    await hears(phone, 1_200);
    phone.hangUp();
    expect((await story(people)).legs).toEqual(['caller caller-hangup', 'agent busy', 'agent caller-hangup']);
    await taro.reaches('available', 5_000);
  });

  it('only who has the skill is rung; nobody has it: the flow goes on after the wait', async () => {
    const hanako = await agent('hanako');
    const phone = await caller(specialist);
    await phone.heardOf('CALL_CLOSED', { timeoutMs: 15_000 });
    expect(toneDurationMs(phone.heard(), 1_000)).toBeGreaterThan(300);
    expect(hanako.phone.events.filter(({ type }) => type === 'CALL_INCOMING')).toHaveLength(0);
    expect(await story(specialist)).toEqual({ outcome: 'nobody', legs: ['caller system-hangup'] });
    await agent('taro');
    const second = await caller(specialist);
    await hears(second, 1_200);
    second.hangUp();
    expect((await story(specialist)).outcome).toBe('served');
  });

  it('a key leaves the queue for a message; the agent’s phone stops', async () => {
    const hanako = await agent('hanako', { answer: false });
    const phone = await caller();
    await hanako.phone.heardOf('CALL_INCOMING');
    phone.press('1');
    await hanako.phone.heardOf('CALL_CLOSED', { timeoutMs: 3_000 });
    await hears(phone, 700, 200);
    await hanako.reaches('available', 3_000);
    await eventually('something to be recorded', () => phone.heard().length > 8_000 * 4, { timeoutMs: 10_000 });
    phone.hangUp();
    const record = await system.closedCall(people);
    expect(record.path).toEqual(['people', 'message']);
  });

  it('the oldest caller is served first', async () => {
    const first = await caller();
    const second = await caller();
    const hanako = await agent('hanako');
    await hears(first, 880);
    expect(toneDurationMs(second.heard(), 880)).toBe(0);
    first.hangUp();
    await hears(second, 880);
    second.hangUp();
    await hanako.reaches('available', 5_000);
  });
});
