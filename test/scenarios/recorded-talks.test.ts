import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { findSound, readWav, toneDurationMs } from '../support/audio.ts';
import { Baresip } from '../support/baresip.ts';
import { DeskAgent, type PrintedSecrets, readSecrets } from '../support/desk-agent.ts';
import { eventually } from '../support/poll.ts';
import { type PrintedCall, type System, startSystem } from '../support/system.ts';
import { readWavFile } from '../switch/media/phone.ts';
import { strength } from '../telephony/ulaw.ts';

/**
 * Talks of an account that wants them recorded and says so, and a supervisor who listens. Tones: caller 440, agents 880
 * and 1200, supervisor 1600 Hz.
 */
const people = '0322220001';
let folder: string;
let system: System;
let secrets: PrintedSecrets;
const running: { stop(): Promise<void> }[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'denwaban-flows-'));
  cpSync('test/scenarios/desk', folder, { recursive: true });
  const account = JSON.parse(readFileSync(join(folder, 'account.json'), 'utf8'));
  const card = { announceName: 'さくら歯科', recording: { record: true, announce: true } };
  writeFileSync(join(folder, 'account.json'), JSON.stringify({ ...account, card }));
  const desk = JSON.parse(readFileSync(join(folder, 'desk.json'), 'utf8'));
  desk.agents.push({ loginName: 'boss', queues: [], phones: ['boss-1'] });
  writeFileSync(join(folder, 'desk.json'), JSON.stringify(desk));
  system = await startSystem({ flows: folder });
  secrets = readSecrets(system.loaded);
});
afterAll(async () => {
  await system.stop();
  rmSync(folder, { recursive: true, force: true });
});
afterEach(async () => {
  for (const party of running.splice(0).reverse()) await party.stop();
});

async function caller(): Promise<Baresip> {
  const phone = await Baresip.start({ user: '0901111222', toneHz: 440 });
  running.push(phone);
  phone.dial(system.uri(people));
  await phone.heardOf('CALL_ESTABLISHED');
  return phone;
}

async function agent(name: 'hanako' | 'taro', options: { answer?: boolean } = {}): Promise<DeskAgent> {
  const toneHz = name === 'hanako' ? 880 : 1_200;
  const started = await DeskAgent.start(system, secrets, name, { toneHz, answer: options.answer ?? true });
  running.push(started);
  await started.want('available');
  return started;
}

const hears = (phone: Baresip, hz: number, ms = 600) =>
  eventually(`${phone.user} to hear ${hz} Hz`, () => toneDurationMs(phone.heard(), hz) > ms, { timeoutMs: 20_000 });

/** Waits until the phone hears each of these tones at once, and none of the others. */
const hearsNow = (phone: Baresip, tonesHz: number[], notHz: number[] = []) =>
  eventually(
    `${phone.user} to hear ${tonesHz} Hz, not ${notHz}`,
    () => {
      const now = phone.heard().slice(-1_600);
      return tonesHz.every((hz) => strength(now, hz) > 1_500) && notHz.every((hz) => strength(now, hz) < 200);
    },
    { timeoutMs: 15_000 },
  );

/** Waits until a tone has been heard for so much longer. */
async function hearsMore(phone: Baresip, hz: number, ms: number): Promise<void> {
  const before = toneDurationMs(phone.heard(), hz);
  await hears(phone, hz, before + ms);
}

/** The call that the agent has, as their page shows it. */
async function talkOf(agent: DeskAgent): Promise<string> {
  const { callId } = (await agent.send('GET', `/agents/${agent.agentId}/state`)) as { callId: string };
  return callId;
}

/** Which form the agent has to fill in. */
async function formOf(agent: DeskAgent): Promise<string> {
  const { intakeId } = (await agent.send('GET', `/agents/${agent.agentId}/intake`)) as { intakeId: string };
  return intakeId;
}

/** How long each tone is in the left and the right channel of a recording. */
function tones({ file }: PrintedCall['recordings'][number], hz: number): { left: number; right: number } {
  const [left = new Int16Array(), right = new Int16Array()] = readWavFile(file);
  return { left: toneDurationMs(left, hz), right: toneDurationMs(right, hz) };
}

describe('talks that are recorded', () => {
  it('both hear that it is; it pauses; a supervisor listens, whispers to the agent alone, and leaves', async () => {
    const hanako = await agent('hanako');
    const boss = await DeskAgent.start(system, secrets, 'boss', { toneHz: 1_600, answer: true });
    running.push(boss);
    const phone = await caller();
    await hearsNow(phone, [880]);
    const notice = readWav('flows/prompts/ja/recorded.wav').samples;
    for (const one of [phone, hanako.phone]) expect(findSound(one.heard(), notice).likeness).toBeGreaterThan(0.8);
    const callId = await talkOf(hanako);
    const tell = (method: string, what: string, body?: object, who = boss) =>
      who.send(method, `/desk/calls/${callId}/${what}`, body);

    await tell('POST', 'listen', { mode: 'listen' });
    await hearsNow(boss.phone, [440, 880]);
    await Promise.all([hearsNow(phone, [880], [1_600]), hearsNow(hanako.phone, [440], [1_600])]);
    await tell('POST', 'listen', { mode: 'whisper' });
    await hearsNow(hanako.phone, [440, 1_600]);
    await hearsNow(phone, [880], [1_600]);
    await tell('POST', 'recording', { paused: true }, hanako);
    await hearsMore(phone, 880, 1_500);
    await tell('POST', 'recording', { paused: false }, hanako);
    await hearsMore(phone, 880, 1_000);
    await tell('DELETE', 'listen');
    await boss.phone.heardOf('CALL_CLOSED');
    await hearsNow(hanako.phone, [440], [1_600]);
    hanako.phone.hangUp();
    await phone.heardOf('CALL_CLOSED');

    const record = await system.closedCall(people);
    const legs = record.legs.map(({ kind, cause }) => `${kind} ${cause}`);
    expect(legs).toEqual(['caller system-hangup', 'agent peer-hangup', 'listener system-hangup']);
    expect(record.legs.map(({ talkMs }) => talkMs > 0)).toEqual([true, true, false]);
    const [recording] = record.recordings;
    if (!recording) throw new Error('no recording');
    expect(record.recordings).toHaveLength(1);
    const [left = new Int16Array(), right = new Int16Array()] = readWavFile(recording.file);
    const quietMs = (samples: Int16Array) =>
      recording.durationMs - toneDurationMs(samples, samples === left ? 440 : 880);
    for (const samples of [left, right]) {
      expect(quietMs(samples)).toBeGreaterThan(1_200);
      expect(toneDurationMs(samples, 1_600)).toBe(0);
    }
    expect(tones(recording, 440).left).toBeGreaterThan(1_500);
    expect(tones(recording, 880).right).toBeGreaterThan(1_500);
  });

  it('an agent’s phone dies: the caller hears why within seconds, the next agent has the case; two recordings', async () => {
    const hanako = await agent('hanako');
    const phone = await caller();
    await hears(phone, 880);
    const taro = await agent('taro');
    const form = await formOf(hanako);
    expect(form).toMatch(/^intake_/);
    hanako.phone.kill();
    const killedAt = performance.now();
    // The flow's words for a lost agent.
    await hears(phone, 900, 300);
    const afterMs = performance.now() - killedAt;
    await hears(phone, 1_200, 1_000);
    await hears(taro.phone, 440);
    // One case: the form has moved on with the caller.
    expect(await formOf(taro)).toEqual(form);
    expect(await hanako.state()).toBe('break');
    phone.hangUp();
    const record = await system.closedCall(people);
    expect(record.legs.map(({ kind, cause }) => `${kind} ${cause}`)).toEqual([
      'caller caller-hangup',
      'agent media-lost',
      'agent caller-hangup',
    ]);
    expect(record.recordings.map(({ agentId }) => agentId)).toEqual([hanako.agentId, taro.agentId]);
    for (const [index, hz] of [880, 1_200].entries()) {
      const recording = record.recordings[index];
      if (!recording) throw new Error('no recording');
      expect(tones(recording, 440).left).toBeGreaterThan(500);
      expect(tones(recording, hz).right).toBeGreaterThan(300);
      expect(tones(recording, hz).left).toBe(0);
      const [left = []] = readWavFile(recording.file);
      // The second ended with its caller: its length is told by the clock, before the file is complete.
      expect(Math.abs(recording.durationMs - left.length / 8)).toBeLessThan(300);
    }
    expect(afterMs).toBeLessThan(12_000);
  });
});
