import { describe, expect, test } from 'vitest';
import { FairShare } from '../../src/kernel/fair-share.ts';

const limits = { maxCalls: 400, maxCallsPerSecond: 60 };

/** Sources that call so many times a second, each call of `holdMs`, for `seconds`; gives what part was let in. */
function run(
  callsPerSecond: Record<string, number>,
  { trusted = [] as string[], holdMs = 1_000, seconds = 20, alone = 0 } = {},
): Record<string, number> {
  let nowMs = 0;
  const isTrusted = (source: string) => trusted.includes(source);
  const share = new FairShare({ limits, nowMs: () => nowMs, trusts: trusted.length > 0 ? isTrusted : undefined });
  const held: { untilMs: number; release(): void }[] = [];
  const tried: Record<string, number> = {};
  const taken: Record<string, number> = {};
  for (; nowMs < seconds * 1_000; nowMs += 1) {
    for (let index = held.length - 1; index >= 0; index--) {
      if ((held[index]?.untilMs ?? 0) <= nowMs) held.splice(index, 1)[0]?.release();
    }
    for (const [source, perSecond] of Object.entries(callsPerSecond)) {
      // Only the flood calls in the first seconds.
      if (source !== 'flood' && nowMs < alone * 1_000) continue;
      for (
        let call = Math.floor((nowMs * perSecond) / 1_000);
        call < Math.floor(((nowMs + 1) * perSecond) / 1_000);
        call++
      ) {
        tried[source] = (tried[source] ?? 0) + 1;
        const place = share.admit(source);
        if (!place) continue;
        taken[source] = (taken[source] ?? 0) + 1;
        held.push({ untilMs: nowMs + holdMs, release: place.release });
      }
    }
  }
  return Object.fromEntries(Object.keys(tried).map((source) => [source, (taken[source] ?? 0) / (tried[source] ?? 1)]));
}

describe('a flood of one source', () => {
  test('leaves honest callers their calls', () => {
    const served = run({ flood: 600, a: 5, b: 3, c: 1 });
    for (const source of ['a', 'b', 'c']) expect(served[source]).toBeGreaterThanOrEqual(0.95);
    // What the others do not need it may have.
    expect(served['flood']).toBeGreaterThan(0.07);
  });

  test('that holds its calls for long leaves places for those who come later', () => {
    const served = run({ flood: 600, a: 2, b: 1 }, { holdMs: 600_000, alone: 15, seconds: 30 });
    for (const source of ['a', 'b']) expect(served[source]).toBeGreaterThanOrEqual(0.95);
  });

  test('takes nothing from a carrier that is trusted, however much that brings', () => {
    const served = run({ flood: 600, carrier: 50 }, { trusted: ['carrier'] });
    expect(served['carrier']).toBeGreaterThanOrEqual(0.99);
  });

  test('from made-up addresses shares one share in the end, and takes bounded memory', () => {
    let nowMs = 0;
    const share = new FairShare({ limits, nowMs: () => nowMs, trusts: (source) => source === 'carrier' });
    let carried = 0;
    for (let call = 0; call < 60_000; call++) {
      nowMs += 0.2;
      share.admit(`203.0.${call >> 8}.${call & 255}`)?.release();
      if (call % 250 === 0 && share.admit('carrier')) carried += 1;
    }
    expect(carried).toBe(240);
    expect(share.present).toBeLessThanOrEqual(10_001);
  });
});

describe('one source alone', () => {
  test('has all but the reserve of places, and the whole rate', () => {
    let nowMs = 0;
    const share = new FairShare({ limits, nowMs: () => nowMs });
    let taken = 0;
    for (; nowMs < 60_000; nowMs += 10) if (share.admit('a')) taken += 1;
    expect(taken).toBe(320);
    expect(share.admit('b')).toBeDefined();
    expect(run({ a: 60 }, { holdMs: 100 })['a']).toBeGreaterThan(0.99);
  });

  test('that is trusted has all of them', () => {
    let nowMs = 0;
    const share = new FairShare({ limits, nowMs: () => nowMs, trusts: () => true });
    let taken = 0;
    for (; nowMs < 60_000; nowMs += 10) if (share.admit('carrier')) taken += 1;
    expect(taken).toBe(400);
  });

  test('of few places has them all: nothing is kept back', () => {
    const share = new FairShare({ limits: { maxCalls: 3, maxCallsPerSecond: 5 }, nowMs: () => 0 });
    const places = [1, 2, 3, 4].map(() => share.admit('a'));
    expect(places.map(Boolean)).toEqual([true, true, true, false]);
    places[0]?.release();
    places[0]?.release();
    expect(share.admit('a')).toBeDefined();
    expect(share.admit('a')).toBeUndefined();
  });
});
