import { expect } from 'vitest';
import type { Harness } from './harness.ts';

/** The world becomes kind again, and the service is stopped. */
export async function windUp(h: Harness): Promise<void> {
  h.states.failing = false;
  h.telephony.cancelsAreLate = false;
  const stopped = h.service.stop({ deadlineMs: 30_000 });
  for (let round = 0; round < 12; round++) {
    await h.clock.advance(1_000);
    for (const dialled of h.telephony.openDials) if (dialled.cancelled) dialled.fail('cancelled', 487);
    for (const leg of h.telephony.legs) leg.confirmEnd();
  }
  await h.clock.advance(30_000);
  await stopped;
}

/** No leg, dial, timer, saved call, or open record; facts of each leg end with its end. */
export function checkNothingLeft(h: Harness): void {
  expect(h.telephony.openLegs).toEqual([]);
  expect(h.telephony.openDials).toEqual([]);
  expect(h.clock.pendingTimers).toBe(0);
  expect(h.service.activeCalls).toBe(0);
  expect(h.states.saved.size).toBe(0);
  for (const offered of h.facts.filter((fact) => fact.type === 'offered')) {
    const ofLeg = h.facts.filter((fact) => fact.legId === offered.legId);
    expect(ofLeg.filter((fact) => fact.type === 'ended')).toHaveLength(1);
    expect(ofLeg.at(-1)?.type).toBe('ended');
  }
  expect(h.facts.map((fact) => fact.seq)).toEqual(h.facts.map((_, index) => index + 1));
  const bridged = h.facts.filter((fact) => fact.type === 'bridged').length;
  expect(h.facts.filter((fact) => fact.type === 'unbridged')).toHaveLength(bridged);
}
