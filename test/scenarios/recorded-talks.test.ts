import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { toneDurationMs } from '../support/audio.ts';
import { Baresip } from '../support/baresip.ts';
import { DeskAgent, type PrintedSecrets, readSecrets } from '../support/desk-agent.ts';
import { eventually } from '../support/poll.ts';
import { type PrintedCall, type System, startSystem } from '../support/system.ts';
import { readWavFile } from '../switch/media/phone.ts';

/** Talks of an account that wants them recorded and says so. Tones: caller 440, agents 880 and 1200 Hz. */
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

/** How long each tone is in the left and the right channel of a recording. */
function tones({ file }: PrintedCall['recordings'][number], hz: number): { left: number; right: number } {
  const [left = new Int16Array(), right = new Int16Array()] = readWavFile(file);
  return { left: toneDurationMs(left, hz), right: toneDurationMs(right, hz) };
}

describe('talks that are recorded', () => {
  it('an agent’s phone dies: the caller hears why within seconds, the next agent has the case; two recordings', async () => {
    const hanako = await agent('hanako');
    const phone = await caller();
    await hears(phone, 880);
    const taro = await agent('taro');
    hanako.phone.kill();
    const killedAt = performance.now();
    // The flow's words for a lost agent.
    await hears(phone, 900, 300);
    const afterMs = performance.now() - killedAt;
    await hears(phone, 1_200, 1_000);
    await hears(taro.phone, 440);
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
      expect(Math.abs(recording.durationMs - left.length / 8)).toBeLessThan(100);
    }
    expect(afterMs).toBeLessThan(12_000);
  });
});
