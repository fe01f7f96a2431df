import { describe, expect, test } from 'vitest';
import type { SavedCall } from '../../src/call/saved-call.ts';
import { CallClock } from '../../src/kernel/call-clock.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';
import { answeredCall, dial, dropWrittenBefore, type Harness, harness } from './harness.ts';

const hourMs = 3_600_000;
const timeOf = (h: Harness, type: string, legId?: string) =>
  h.facts.find((fact) => fact.type === type && (legId === undefined || fact.legId === legId))?.atMs ?? Number.NaN;

describe.each([
  ['forward', hourMs],
  ['back', -hourMs],
])('a clock that is put %s during a call', (_, stepMs) => {
  test('changes no duration: the end comes as long after the answer as the call lasted', async () => {
    const h = await harness();
    const { leg } = await answeredCall(h);
    await h.clock.advance(10_000);
    h.clock.step(stepMs);
    leg.press('1');
    await h.clock.advance(20_000);
    leg.hangUp();
    await settle();
    expect(timeOf(h, 'ended') - timeOf(h, 'answered')).toBe(30_000);
    const digit = h.events.find(({ type }) => type === 'digit');
    expect((digit?.atMs ?? 0) - timeOf(h, 'answered')).toBe(10_000);
    // The next call begins by the clock as it is now.
    await answeredCall(h);
    expect(h.facts.at(-1)?.atMs).toBe(h.clock.nowMs());
  });

  test('changes nothing of a talk, nor of how long a call may last', async () => {
    const script = (event: { type: string }) => (event.type === 'started' ? [dial('0398765432')] : []);
    const h = await harness({ script, limits: { maxCallMs: 60_000 } });
    await answeredCall(h);
    h.telephony.dials[0]?.answer();
    await settle();
    await h.clock.advance(5_000);
    h.clock.step(stepMs);
    await h.clock.advance(54_000);
    expect(h.service.activeCalls).toBe(1);
    await h.clock.advance(2_000);
    expect(h.service.activeCalls).toBe(0);
    const [caller = '', peer = ''] = h.facts.filter(({ type }) => type === 'offered').map(({ legId }) => legId);
    for (const legId of [caller, peer]) expect(timeOf(h, 'ended', legId) - timeOf(h, 'answered', legId)).toBe(60_000);
    const times = h.facts.map(({ atMs }) => atMs);
    expect(times).toEqual([...times].sort((a, b) => a - b));
  });

  test.each([
    ['the same machine', 'm1'],
    ['another machine', 'm2'],
  ])('or while another controller takes the call over on %s: nothing goes backwards', async (where, machine) => {
    const a = await harness();
    a.clock.machine = 'm1';
    const { leg } = await answeredCall(a);
    await a.clock.advance(10_000);
    leg.press('1');
    await a.clock.advance(1_000);
    const [kept] = a.states.saved.values();
    if (!kept) throw new Error('nothing was saved');
    const b = await harness();
    b.clock.machine = machine;
    b.telephony.adoptable.set(leg.legId, 'caller');
    await b.clock.advance(11_000);
    b.clock.step(stepMs);
    b.states.orphans.push(kept.snapshot);
    await b.clock.advance(9_000);
    b.telephony.legs[0]?.hangUp();
    await settle();
    dropWrittenBefore(a, b);
    const lastedMs = timeOf(b, 'ended') - timeOf(a, 'answered');
    if (machine === 'm1') expect(lastedMs, where).toBe(20_000);
    else expect(lastedMs, where).toBeGreaterThan(0);
    expect(timeOf(b, 'taken-over')).toBeGreaterThanOrEqual((kept.snapshot.state as SavedCall).facts.time?.lastMs ?? 0);
  });
});

test('the time of a call is whole milliseconds, and moves with the monotonic clock alone', async () => {
  const clock = new FakeClock();
  const call = new CallClock(clock);
  const startMs = call.nowMs();
  expect(startMs).toBe(clock.nowMs());
  clock.step(-5 * hourMs);
  await clock.advance(1_500);
  expect(call.nowMs()).toBe(startMs + 1_500);
  expect(call.at(clock.monotonicMs() - 500.4)).toBe(startMs + 1_000);
});
