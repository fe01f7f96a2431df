import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Concealment } from '../../../src/switch/media/concealment.ts';
import { decodeTable } from '../../../src/switch/media/g711.ts';
import { JitterBuffer, maxDelaySamples } from '../../../src/switch/media/jitter-buffer.ts';
import { loudness } from './phone.ts';

const filler = 0xff;
/** A sample that says which it is: never the filler. */
const mark = (index: number) => index % 251;

interface Arrival {
  index: number;
  atMs: number;
}

/** Runs a stream through the buffer: packets by arrival, a pull each 20 ms. Gives all that was handed out. */
function run(arrivals: Arrival[], packetMs: number, untilMs: number, first = 0xffff_f000): number[] {
  const buffer = new JitterBuffer();
  const size = packetMs * 8;
  const waiting = [...arrivals].sort((a, b) => a.atMs - b.atMs);
  const out: number[] = [];
  const frame = Buffer.alloc(160);
  for (let nowMs = 10; nowMs < untilMs; nowMs += 20) {
    while (waiting[0] && waiting[0].atMs <= nowMs) {
      const { index } = waiting.shift() as Arrival;
      const payload = Buffer.from(Array.from({ length: size }, (_, at) => mark(index * size + at)));
      buffer.put((first + index * size) >>> 0, payload, 0, size);
    }
    buffer.pull(frame, 0, 160, filler);
    out.push(...frame);
  }
  return out;
}

const withoutFiller = (out: number[]) => out.filter((byte) => byte !== filler);

describe('the jitter buffer', () => {
  it.each([10, 20, 30, 40, 60])(
    'hands out packets of %i ms whole and in order, over the wrap of timestamps',
    (packetMs) => {
      const count = 3_000 / packetMs;
      const arrivals = Array.from({ length: count }, (_, index) => ({ index, atMs: index * packetMs }));
      const out = withoutFiller(run(arrivals, packetMs, 3_500));
      expect(out).toEqual(Array.from({ length: 24_000 }, (_, index) => mark(index)));
    },
  );

  it('property: once it knows the jitter, that, reordering and repeats change nothing but the delay', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat({ max: 60 }), fc.boolean()), { minLength: 100, maxLength: 150 }),
        (delays) => {
          const arrivals = delays.flatMap(([delayMs, twice], index) => {
            const atMs = index * 20 + (index < 10 ? 60 : delayMs);
            return twice
              ? [
                  { index, atMs },
                  { index, atMs: atMs + 3 },
                ]
              : [{ index, atMs }];
          });
          const out = withoutFiller(run(arrivals, 20, delays.length * 20 + 400));
          expect(out).toEqual(Array.from({ length: delays.length * 160 }, (_, index) => mark(index)));
        },
      ),
      { numRuns: 50 },
    );
  });

  it('property: whatever comes when, samples come out in order and none twice', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 400 }), { minLength: 50, maxLength: 100 }), (delays) => {
        const buffer = new JitterBuffer();
        const waiting = delays.map((delayMs, index) => ({ index, atMs: index * 20 + delayMs }));
        waiting.sort((a, b) => a.atMs - b.atMs);
        const frame = Buffer.alloc(160);
        const out: number[] = [];
        for (let nowMs = 10; nowMs < delays.length * 20 + 1_000; nowMs += 20) {
          while (waiting[0] && waiting[0].atMs <= nowMs) {
            const { index } = waiting.shift() as Arrival;
            buffer.put(index * 160, Buffer.alloc(160, index), 0, 160);
          }
          buffer.pull(frame, 0, 160, filler);
          out.push(...frame);
        }
        const heard = withoutFiller(out);
        expect(heard).toEqual([...heard].sort((a, b) => a - b));
        for (let index = 0; index < delays.length; index++) {
          expect(heard.filter((byte) => byte === index).length).toBeLessThanOrEqual(160);
        }
      }),
      { numRuns: 50 },
    );
  });

  it('leaves silence where a packet is lost, and goes on in time', () => {
    const arrivals = Array.from({ length: 50 }, (_, index) => ({ index, atMs: index * 20 })).filter(
      ({ index }) => index !== 10 && index !== 11,
    );
    const out = run(arrivals, 20, 1_200);
    const start = out.findIndex((byte) => byte !== filler);
    expect(out.slice(start + 1_600, start + 1_920).every((byte) => byte === filler)).toBe(true);
    expect(out[start + 1_920]).toBe(mark(1_920));
  });

  it('never delays by more than its bound, however much comes at once', () => {
    const buffer = new JitterBuffer();
    const payload = Buffer.alloc(160);
    for (let index = 0; index < 200; index++) buffer.put(index * 160, payload, 0, 160);
    expect(buffer.depthSamples).toBeLessThanOrEqual(maxDelaySamples + 1_600);
  });

  it('gives back delay that a burst of jitter left', () => {
    const arrivals = Array.from({ length: 2_000 }, (_, index) => ({
      index,
      atMs: index * 20 + (index >= 20 && index < 26 ? 120 - (index - 20) * 20 : 0),
    }));
    const buffer = new JitterBuffer();
    const payload = Buffer.alloc(160);
    const frame = Buffer.alloc(160);
    const waiting = [...arrivals].sort((a, b) => a.atMs - b.atMs);
    const depths: number[] = [];
    for (let nowMs = 10; nowMs < 40_000; nowMs += 20) {
      while (waiting[0] && waiting[0].atMs <= nowMs)
        buffer.put((waiting.shift() as Arrival).index * 160, payload, 0, 160);
      buffer.pull(frame, 0, 160, filler);
      depths.push(buffer.depthSamples);
    }
    expect(Math.max(...depths.slice(0, 100))).toBeGreaterThanOrEqual(800);
    expect(depths.at(-2)).toBeLessThanOrEqual(320);
  });

  it('follows a timeline that jumps', () => {
    const buffer = new JitterBuffer();
    const frame = Buffer.alloc(160);
    const payload = Buffer.alloc(160, 7);
    for (let index = 0; index < 10; index++) {
      buffer.put(index * 160, payload, 0, 160);
      buffer.pull(frame, 0, 160, filler);
    }
    let heard = 0;
    for (let index = 0; index < 20; index++) {
      buffer.put(3_000_000_000 + index * 160, payload, 0, 160);
      if (buffer.pull(frame, 0, 160, filler) === 0) heard++;
    }
    expect(heard).toBeGreaterThanOrEqual(14);
  });
});

describe('concealment', () => {
  it('repeats what was, fading, for 60 ms at most', () => {
    const concealment = new Concealment();
    const table = decodeTable('PCMU');
    const block = Buffer.alloc(80);
    const power: number[] = [];
    for (let index = 0; index < 12; index++) {
      block.fill(index < 4 ? 0x10 : filler);
      concealment.process('PCMU', block, 0, 80, index >= 4);
      power.push(loudness(Int16Array.from(block, (byte) => table[byte] ?? 0)));
    }
    expect(power[4]).toBe(power[3]);
    for (let index = 5; index < 10; index++) expect(power[index]).toBeLessThan(power[index - 1] ?? 0);
    expect(power.slice(10)).toEqual([0, 0]);
  });
});
