import { resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { findSound, readWav, toneDurationMs } from '../support/audio.ts';
import { Baresip } from '../support/baresip.ts';
import { storeEarlierFlow } from '../support/earlier-flows.ts';
import { eventually } from '../support/poll.ts';
import { type System, startSystem } from '../support/system.ts';

const numbers = {
  say: '0311110001',
  menu: '0311110002',
  record: '0311110003',
  branch: '0311110006',
  missing: '0311110008',
  spoken: '0311110009',
};

let system: System;
let phone: Baresip;

beforeAll(async () => {
  system = await startSystem({ flows: 'test/scenarios/flows' });
});
afterAll(async () => {
  await system.stop();
});
afterEach(async () => {
  await phone.stop();
});

/** Calls a number and waits until the call stands. */
async function call(number: string, user = '0901111222'): Promise<void> {
  phone = await Baresip.start({ user, toneHz: 440 });
  phone.dial(system.uri(number));
  await phone.heardOf('CALL_ESTABLISHED');
}

const hears = (frequencyHz: number, atLeastMs = 200) =>
  eventually(`a tone of ${frequencyHz} Hz`, () => toneDurationMs(phone.heard(), frequencyHz) >= atLeastMs, {
    timeoutMs: 10_000,
  });

describe('say, goto, hangup', () => {
  it('play their prompts in order and to the end, then hang up; the legs are on record', async () => {
    await call(numbers.say);
    await phone.heardOf('CALL_CLOSED');
    const heard = phone.heard();
    expect(toneDurationMs(heard, 500)).toBeGreaterThan(1_100);
    expect(toneDurationMs(heard, 500)).toBeLessThan(1_300);
    expect(toneDurationMs(heard, 900)).toBeGreaterThan(500);
    const record = await system.closedCall(numbers.say);
    expect(record).toMatchObject({
      accountId: 'scenario',
      flow: 'say',
      flowVersion: 1,
      outcome: 'completed',
      path: ['hello', 'again', 'second', 'bye'],
    });
    expect(record.legs).toEqual([
      expect.objectContaining({ kind: 'caller', direction: 'inbound', cause: 'system-hangup', sipStatus: 200 }),
    ]);
    const talkMs = Date.parse(record.endedAt ?? '') - Date.parse(record.answeredAt ?? '');
    expect(talkMs).toBeGreaterThan(1_700);
    expect(talkMs).toBeLessThan(2_400);
  });
});

describe('menu and collect', () => {
  it('stop the prompt at a key and go where it says', async () => {
    await call(numbers.menu);
    await hears(700, 400);
    phone.press('1');
    await phone.heardOf('CALL_CLOSED');
    const heard = phone.heard();
    expect(toneDurationMs(heard, 700)).toBeLessThan(2_500);
    expect(toneDurationMs(heard, 500)).toBeGreaterThan(500);
    const record = await system.closedCall(numbers.menu, { reveal: true });
    expect(record).toMatchObject({ outcome: 'one', path: ['main', 'one'] });
    expect(record.digits).toEqual([{ nodeId: 'main', digits: '1' }]);
  });

  it('take keys pressed ahead, in order and once', async () => {
    await call(numbers.menu);
    await hears(700, 200);
    phone.press('2');
    phone.press('1');
    await phone.heardOf('CALL_CLOSED');
    expect(await system.closedCall(numbers.menu)).toMatchObject({
      outcome: 'two-one',
      path: ['main', 'second', 'twoOne'],
    });
    // The second menu had its key before it could ask.
    expect(toneDurationMs(phone.heard(), 1100)).toBeLessThan(300);
  });

  it('collect digits up to the finishing key and branch on them', async () => {
    await call(numbers.menu);
    await hears(700, 200);
    for (const key of '31234#') {
      phone.press(key);
      await new Promise((resolve) => setTimeout(resolve, 150)); // a person's fingers
    }
    await phone.heardOf('CALL_CLOSED');
    const record = await system.closedCall(numbers.menu, { reveal: true });
    expect(record).toMatchObject({ outcome: 'right', path: ['main', 'code', 'check', 'right'] });
    expect(record.digits).toEqual([
      { nodeId: 'main', digits: '3' },
      { nodeId: 'code', digits: '1234' },
    ]);
    expect(await system.calls({ limit: 1 })).not.toContainEqual(expect.objectContaining({ digits: expect.anything() }));
  });

  it('ask again when no key comes, then give up as the flow says', async () => {
    await call(numbers.menu);
    await phone.heardOf('CALL_CLOSED', { timeoutMs: 25_000 });
    expect(toneDurationMs(phone.heard(), 700)).toBeGreaterThan(7_500);
    expect(await system.closedCall(numbers.menu)).toMatchObject({ outcome: 'gave-up', path: ['main', 'gaveUp'] });
  });
});

describe('branch', () => {
  it.each([
    ['0901111222', 'mobile'],
    ['0311112222', 'other'],
  ])('goes by the number of the caller: %s', async (from, outcome) => {
    await call(numbers.branch, from);
    await phone.heardOf('CALL_CLOSED');
    expect(await system.closedCall(numbers.branch)).toMatchObject({ outcome, path: ['who', outcome] });
  });
});

describe('record', () => {
  it('keeps what the caller says until the key, at the length of the wall clock', async () => {
    await call(numbers.record);
    await hears(600, 700);
    await new Promise((resolve) => setTimeout(resolve, 2_500)); // the caller speaks
    phone.press('#');
    await phone.heardOf('CALL_CLOSED');
    const record = await system.closedCall(numbers.record);
    expect(record).toMatchObject({ outcome: 'message', path: ['message', 'thanks'] });
    const [recording] = record.recordings;
    const kept = readWav(resolve(system.dataDir, 'recordings', recording?.file ?? ''));
    // The phone says its tone all the time, so all of the recording is that tone.
    const keptMs = kept.samples.length / 8;
    expect(toneDurationMs(kept.samples, 440)).toBeGreaterThan(keptMs - 200);
    expect(Math.abs(keptMs - (recording?.durationMs ?? 0))).toBeLessThan(100);
    expect(keptMs).toBeGreaterThan(2_000);
    expect(keptMs).toBeLessThan(3_200);
  });
});

describe('prompt files', () => {
  it('are heard sample for sample, in the language chosen', async () => {
    await call(numbers.spoken);
    const likeness = (prompt: string) =>
      findSound(phone.heard(), readWav(`flows/prompts/${prompt}.wav`).samples).likeness;
    await eventually('the opening hours in Japanese', () => likeness('ja/hours') > 0.95, {
      timeoutMs: 12_000,
      everyMs: 300,
    });
    phone.press('9');
    await phone.heardOf('CALL_CLOSED');
    expect(likeness('en/goodbye')).toBeGreaterThan(0.95);
    expect(likeness('ja/goodbye')).toBeLessThan(0.9);
  });
});

describe('a flow that fails at run time', () => {
  it('plays an apology, ends the call, and is on record', async () => {
    await storeEarlierFlow(system, 'scenario', 'missing', numbers.missing);
    await call(numbers.missing);
    await phone.heardOf('CALL_CLOSED');
    expect(phone.heard().length).toBeGreaterThan(8_000);
    expect(await system.closedCall(numbers.missing)).toMatchObject({ outcome: 'flow-fault' });
  });
});
