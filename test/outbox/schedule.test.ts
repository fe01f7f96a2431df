import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DeliveryOutcome, failureText } from '../../src/outbox/delivery.ts';
import { defaultLimits } from '../../src/outbox/outbox.ts';
import { settlementOf } from '../../src/outbox/schedule.ts';

const hourMs = 3_600_000;
const policy = { firstRetryMs: 10_000, maxRetryMs: hourMs, maxRetryAfterMs: 24 * hourMs, giveUpAfterMs: 72 * hourMs };
const failed: DeliveryOutcome = { result: 'failed', reason: 'http-status', detail: '503 busy', statusCode: 503 };
const ending = (outcome: DeliveryOutcome, { failures = 0, nowMs = 0, random = 0 } = {}) =>
  settlementOf({ failures, sinceMs: 0 }, outcome, { nowMs, durationMs: 5, policy, random });

describe('after an attempt', () => {
  it('ends what was delivered', () => {
    expect(ending({ result: 'delivered', statusCode: 204 }, { nowMs: 7 })).toEqual({
      outcome: 'delivered',
      statusCode: 204,
      error: undefined,
      durationMs: 5,
      next: { state: 'delivered', endedAtMs: 7 },
    });
  });

  it('doubles the pause with each failure up to the longest, between half and whole', () => {
    const pauses = [0, 1, 2, 8, 9, 500].map((failures) => {
      const shortest = ending(failed, { failures }).next;
      const longest = ending(failed, { failures, random: 0.999999 }).next;
      return [shortest, longest].map((next) => 'nextAttemptAtMs' in next && next.nextAttemptAtMs);
    });
    expect(pauses).toEqual([
      [5_000, 10_000],
      [10_000, 20_000],
      [20_000, 40_000],
      [1_280_000, 2_559_999],
      [1_800_000, hourMs - 2],
      [1_800_000, hourMs - 2],
    ]);
  });

  it('waits as long as the receiver asks, within reason', () => {
    expect(ending({ ...failed, retryAfterMs: 120_000 }).next).toEqual({ state: 'pending', nextAttemptAtMs: 120_000 });
    expect(ending({ ...failed, retryAfterMs: 1 }).next).toEqual({ state: 'pending', nextAttemptAtMs: 5_000 });
    expect(ending({ ...failed, retryAfterMs: 999 * hourMs }).next).toEqual({
      state: 'pending',
      nextAttemptAtMs: 24 * hourMs,
    });
  });

  it('gives up what is refused, and what failed until it was too old, with a last attempt at that moment', () => {
    expect(ending({ ...failed, result: 'refused' }).next).toEqual({ state: 'given-up', endedAtMs: 0 });
    const almost = ending(failed, { failures: 90, nowMs: 72 * hourMs - 1_000 });
    expect(almost.next).toEqual({ state: 'pending', nextAttemptAtMs: 72 * hourMs });
    const atMs = 72 * hourMs;
    expect(ending(failed, { failures: 91, nowMs: atMs }).next).toEqual({ state: 'given-up', endedAtMs: atMs });
  });

  it('always comes to an end: whatever fails, the next attempt is later, and none is after the age', () => {
    const outcomes = fc.record({
      retryAfterMs: fc.option(fc.nat(100 * hourMs), { nil: undefined }),
      random: fc.double({ min: 0, max: 0.999999, noNaN: true }),
      takesMs: fc.nat(30_000),
    });
    fc.assert(
      fc.property(fc.infiniteStream(outcomes), (stream) => {
        let nowMs = 0;
        for (let failures = 0; failures < 1_000; failures++) {
          const { retryAfterMs, random, takesMs } = stream.next().value;
          const asked = retryAfterMs === undefined ? {} : { retryAfterMs };
          nowMs += takesMs;
          const { next } = ending({ ...failed, ...asked }, { failures, nowMs, random });
          if (next.state !== 'pending') {
            expect(nowMs).toBeGreaterThanOrEqual(policy.giveUpAfterMs);
            return;
          }
          expect(next.nextAttemptAtMs).toBeGreaterThan(nowMs);
          expect(next.nextAttemptAtMs).toBeLessThanOrEqual(policy.giveUpAfterMs);
          nowMs = next.nextAttemptAtMs;
        }
        throw new Error('never given up');
      }),
    );
  });

  it('has a claim outlast several renewals', () => {
    expect(defaultLimits.leaseMs).toBeGreaterThan(3 * defaultLimits.renewEveryMs);
  });
});

describe('the reason on record', () => {
  it('is one bounded line that every database takes', () => {
    const detail = `550\r\n ${'\u0000'}no ${'長'.repeat(600)}\ud800`;
    const text = failureText({ reason: 'smtp-reply', detail });
    expect(text).toMatch(/^smtp-reply: 550 no 長+$/);
    expect(text.length).toBeLessThanOrEqual(500);
    expect(failureText({ reason: 'timeout' })).toBe('timeout');
    expect(failureText({ reason: 'fault', detail: `${'a'.repeat(492)}𠮷` }).isWellFormed()).toBe(true);
  });
});
