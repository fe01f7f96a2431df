import { expect, test } from 'vitest';
import { Admission, type Admitted } from '../../src/call/admission.ts';
import { defaultCallLimits } from '../../src/call/limits.ts';
import { FakeClock } from '../support/fake-clock.ts';

function admission() {
  const clock = new FakeClock();
  const limits = { ...defaultCallLimits, maxCalls: 100_000, maxCallsPerSecond: 100_000 };
  return { clock, gate: new Admission(clock, limits) };
}

/** Offers `calls` at once; gives those that were let in. */
function offer(gate: Admission, calls: number): Admitted[] {
  return Array.from({ length: calls }, () => gate.admit(0)).filter((admitted) => admitted !== undefined);
}

test('a burst of 200 calls is let in when nothing is known yet', async () => {
  const { gate } = admission();
  expect(offer(gate, 300)).toHaveLength(200);
});

test('slow answers lower how many may wait, step by step and never below 24', async () => {
  const { clock, gate } = admission();
  const limits: number[] = [];
  for (let round = 0; round < 12; round++) {
    const admitted = offer(gate, 300);
    await clock.advance(1_800);
    for (const call of admitted) call.done(true);
    limits.push(gate.answeringMax);
  }
  expect(limits.slice(0, 4)).toEqual([160, 128, 102, 81]);
  expect(limits.at(-1)).toBe(24);
});

test('calls that waited together lower it once, not once each', async () => {
  const { clock, gate } = admission();
  const admitted = offer(gate, 100);
  await clock.advance(1_800);
  for (const call of admitted) call.done(true);
  expect(gate.answeringMax).toBe(160);
});

test('quick answers raise it again, and fast', async () => {
  const { clock, gate } = admission();
  for (let round = 0; round < 12; round++) {
    const admitted = offer(gate, 300);
    await clock.advance(1_800);
    for (const call of admitted) call.done(true);
  }
  for (let calls = 0; calls < 40; calls++) {
    const [call] = offer(gate, 1);
    await clock.advance(10);
    call?.done(true);
  }
  expect(gate.answeringMax).toBeGreaterThan(50);
});

test('a media server that fails counts as slow; done twice counts once', async () => {
  const { gate } = admission();
  const [call] = offer(gate, 1);
  call?.done(false);
  call?.done(false);
  expect(gate.answeringMax).toBe(160);
});
