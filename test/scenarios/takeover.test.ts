import { globSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { toneDurationMs } from '../support/audio.ts';
import { Baresip } from '../support/baresip.ts';
import { eventually } from '../support/poll.ts';
import { sippAnswered, sippBye, sippInvite, startSipp } from '../support/sipp.ts';
import { startOwnSwitch } from '../support/switch.ts';
import { denwaban, type System, startSystem } from '../support/system.ts';

const menu = '0311110002';
const message = '0311110003';
const cleanUps: (() => Promise<void> | void)[] = [];
let environment: Record<string, string>;
let dataDir: string;

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'denwaban-data-'));
  cleanUps.push(() => rmSync(dataDir, { recursive: true, force: true }));
  const own = await startOwnSwitch();
  cleanUps.push(() => own.stop());
  environment = own.environment;
  const loaded = await denwaban(['load', 'test/scenarios/flows'], { DATA_DIR: dataDir });
  expect(loaded).toMatchObject({ code: 0 });
});
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function startController(): Promise<System> {
  const system = await startSystem({ dataDir, environment });
  cleanUps.push(async () => {
    if (!system.program.exited()) await system.stop();
  });
  return system;
}

async function callerInMenu(system: System): Promise<Baresip> {
  const phone = await Baresip.start({ user: '0901111222', toneHz: 440 });
  cleanUps.push(() => phone.stop());
  phone.dial(system.uri(menu));
  await phone.heardOf('CALL_ESTABLISHED');
  await eventually('the menu', () => toneDurationMs(phone.heard(), 700) > 500);
  return phone;
}

describe('a controller that is killed in the middle of a call', () => {
  it('leaves the call up; the next one takes it over and the flow goes on from its node', async () => {
    const first = await startController();
    const phone = await callerInMenu(first);
    first.program.child.kill('SIGKILL');
    await first.program.exit;
    const second = await startController();
    // The prompt is 4 s long and played on while nobody drove the call: more than that means it was asked again.
    await eventually('the menu is asked again', () => toneDurationMs(phone.heard(), 700) > 4_600, {
      timeoutMs: 30_000,
    });
    phone.press('1');
    await phone.heardOf('CALL_CLOSED', { timeoutMs: 10_000 });
    expect(toneDurationMs(phone.heard(), 500)).toBeGreaterThan(400);
    const record = await second.closedCall(menu);
    expect(record).toMatchObject({ outcome: 'one', path: expect.arrayContaining(['main', 'one']) });
    expect(record.legs).toEqual([expect.objectContaining({ cause: 'system-hangup' })]);
  }, 90_000);

  it('while callers hang up leaves every leg with one end, and the message that one was leaving on record', async () => {
    const first = await startController();
    const speaker = await Baresip.start({ user: '0903333444', toneHz: 440 });
    cleanUps.push(() => speaker.stop());
    speaker.dial(first.uri(message));
    const sound = () => globSync(join(dataDir, 'recordings/**/*.wav'))[0] ?? '';
    await eventually('a message is being recorded', () => sound() !== '' && statSync(sound()).size > 16_000, {
      timeoutMs: 20_000,
    });
    const file = sound();
    const callers = await startSipp({
      scenario: sippInvite() + sippAnswered + sippBye,
      service: menu,
      target: `${first.sipHost}:${first.sipPort}`,
      ...{ calls: 60, callsPerSecond: 20, maxAtOnce: 60 },
    });
    cleanUps.push(() => callers.stop().catch(() => undefined)); // Calls that the kill cut short are no fault of SIPp's.
    const hungUp = () => callers.messages().split('\nBYE ').length - 1;
    await eventually('some have hung up, others call', () => hungUp() > 10, { timeoutMs: 20_000, everyMs: 5 });
    first.program.child.kill('SIGKILL');
    await first.program.exit;
    speaker.hangUp();
    const second = await startController();
    const isClosed = async () => {
      const all = await second.calls({ limit: 100 });
      return all.length > 10 && all.every(({ legs }) => legs.every(({ endedAt }) => endedAt)) && all;
    };
    const all = (await eventually('no leg is open', isClosed, { timeoutMs: 60_000, everyMs: 500 })) || [];
    for (const { callId, legs } of all) {
      const ended = (await second.facts(callId)).filter(({ type }) => type === 'ended');
      expect(ended.map(({ legId }) => legId).sort()).toEqual(legs.map(({ legId }) => legId).sort());
    }
    const [left] = all.filter(({ recordings }) => recordings.length > 0);
    // Whoever has not heard yet that the speaker is gone asks for the message again: this is the first one.
    expect(left?.recordings[0]).toMatchObject({ file });
    expect(left?.recordings[0]?.durationMs).toBeGreaterThan(900);
  }, 180_000);

  it('and whose caller has gone meanwhile leaves a closed record, and nothing on the switch', async () => {
    const first = await startController();
    const phone = await callerInMenu(first);
    first.program.child.kill('SIGKILL');
    await first.program.exit;
    phone.hangUp();
    await phone.heardOf('CALL_CLOSED');
    const second = await startController();
    const record = await second.closedCall(menu, { timeoutMs: 60_000 });
    expect(record.legs).toHaveLength(1);
    expect(record.legs[0]?.cause).toMatch(/caller-hangup|controller-lost|media-timeout/);
    const health = /health (http\S+)/.exec(second.program.output())?.[1] ?? '';
    await eventually('no leg is left', async () => {
      const { mediaServers } = (await (await fetch(health)).json()) as { mediaServers: { legs: number }[] };
      return mediaServers.every(({ legs }) => legs === 0);
    });
  }, 120_000);
});
