import { describe, expect, it } from 'vitest';
import { Wheel, type WheelMember, type WheelTime } from '../../../src/switch/media/wheel.ts';

describe('the wheel', () => {
  class HandTime implements WheelTime {
    time = 0;
    waiting: { atMs: number; callback: () => void }[] = [];
    nowMs() {
      return this.time;
    }
    after(delayMs: number, callback: () => void) {
      this.waiting.push({ atMs: this.time + delayMs, callback });
    }
    /** Goes on to a time; what is due runs at its time, or at once after a stall. */
    advanceTo(untilMs: number) {
      for (;;) {
        const next = this.waiting.filter(({ atMs }) => atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0];
        if (!next) break;
        this.waiting = this.waiting.filter((item) => item !== next);
        this.time = Math.max(this.time, next.atMs);
        next.callback();
      }
      this.time = untilMs;
    }
  }

  it('turns each member once a frame, at its time, for as long as it runs', () => {
    const time = new HandTime();
    const wheel = new Wheel(time);
    const seen: { frame: number; lateMs: number }[][] = [];
    for (let index = 0; index < 25; index++) {
      const ticks: { frame: number; lateMs: number }[] = [];
      seen.push(ticks);
      wheel.add(member((frame, dueMs) => ticks.push({ frame, lateMs: time.nowMs() - dueMs })));
    }
    time.advanceTo(60_000);
    for (const ticks of seen) {
      expect(ticks.length).toBeGreaterThanOrEqual(2_999);
      expect(ticks.every(({ frame }, index) => frame === (ticks[0]?.frame ?? 0) + index)).toBe(true);
      expect(Math.max(...ticks.map(({ lateMs }) => lateMs))).toBeLessThan(2);
    }
    expect(wheel.skippedFrames).toBe(0);
  });

  it('makes up for a short stall, and leaves out what a long one cost', () => {
    const time = new HandTime();
    const wheel = new Wheel(time);
    const frames: { frame: number; atMs: number }[] = [];
    wheel.add(member((frame) => frames.push({ frame, atMs: time.nowMs() })));
    time.advanceTo(100);
    time.time = 145;
    time.advanceTo(200);
    expect(frames.map(({ frame }) => frame)).toEqual(frames.map((_, index) => index));
    const before = frames.length;
    time.time = 1_200;
    time.advanceTo(1_300);
    const after = frames.slice(before);
    expect(after.filter(({ atMs }) => atMs === 1_200).length).toBeLessThanOrEqual(3);
    expect(wheel.skippedFrames).toBeGreaterThan(40);
    expect(after.at(-1)?.frame).toBe(Math.floor(1_300 / 20));
  });

  it('stands still while it is empty', () => {
    const time = new HandTime();
    const wheel = new Wheel(time);
    const lone = member(() => undefined);
    wheel.add(lone);
    time.advanceTo(50);
    wheel.remove(lone);
    time.advanceTo(100);
    expect(time.waiting).toEqual([]);
    const frames: number[] = [];
    time.advanceTo(10_000);
    wheel.add(member((frame) => frames.push(frame)));
    time.advanceTo(10_050);
    expect(frames[0]).toBeGreaterThanOrEqual(500);
    expect(frames.length).toBeLessThanOrEqual(3);
  });

  it('turns on for all when the work of one fails, and for that one too', () => {
    const time = new HandTime();
    const wheel = new Wheel(time);
    const [good, failures]: [number[], string[]] = [[], []];
    wheel.add(
      member(
        () => {
          throw new Error('spoilt');
        },
        (error) => failures.push(String(error)),
      ),
    );
    wheel.add(member((frame) => good.push(frame)));
    time.advanceTo(200);
    expect(good.length).toBeGreaterThanOrEqual(9);
    expect(failures.length).toBeGreaterThanOrEqual(9);
    expect(failures[0]).toBe('Error: spoilt');
  });
});

function member(
  tick: (frame: number, dueMs: number) => unknown,
  failed: (error: unknown) => unknown = (error) => expect.fail(String(error)),
): WheelMember {
  return { tick: (frame, dueMs) => void tick(frame, dueMs), failed: (error) => void failed(error) };
}
