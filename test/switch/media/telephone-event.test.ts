import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  keyOfEvent,
  type ReceivedKey,
  TelephoneEventReceiver,
  writeEvent,
} from '../../../src/switch/media/telephone-event.ts';

interface EventPacket {
  timestamp: number;
  sequence: number;
  ssrc: number;
  marker: boolean;
  payload: Buffer;
  atMs: number;
}

interface Press {
  code: number;
  durationMs: number;
  pauseMs: number;
}

const packetMs = 20;
const segmentUnits = 0xffff;

/** What a well-behaved phone sends for these keys: a packet every 20 ms, three with the end bit. */
function packetsOf(presses: Press[], start: { timestamp: number; sequence: number }): EventPacket[][] {
  let { sequence } = start;
  let atMs = 0;
  return presses.map(({ code, durationMs, pauseMs }) => {
    const packets: EventPacket[] = [];
    const push = (segment: number, units: number, ended: boolean) => {
      const payload = Buffer.alloc(4);
      writeEvent(payload, 0, code, ended, units);
      packets.push({
        timestamp: (start.timestamp + atMs * 8 + segment) >>> 0,
        sequence: sequence++ & 0xffff,
        ssrc: 7,
        marker: packets.length === 0,
        payload,
        atMs: 0,
      });
    };
    const total = durationMs * 8;
    let segment = 0;
    const splitBefore = (units: number) => {
      if (units - segment <= segmentUnits) return;
      push(segment, segmentUnits, false);
      segment += segmentUnits;
    };
    for (let units = packetMs * 8; units < total; units += packetMs * 8) {
      splitBefore(units);
      push(segment, units - segment, false);
    }
    splitBefore(total);
    for (let copy = 0; copy < 3; copy++) push(segment, total - segment, true);
    packets.forEach((packet, index) => {
      packet.atMs = atMs + Math.min((index + 1) * packetMs, durationMs) + Math.max(0, index + 3 - packets.length) * 5;
    });
    atMs += durationMs + pauseMs;
    return packets;
  });
}

/** Feeds packets in their order. */
function receiveAll(packets: EventPacket[]): ReceivedKey[] {
  const receiver = new TelephoneEventReceiver();
  return packets.flatMap((packet) => receiver.receive(packet, packet.payload) ?? []);
}

const press = fc.record({
  code: fc.nat({ max: 15 }),
  durationMs: fc.integer({ min: 2, max: 30 }).map((frames) => frames * packetMs),
  pauseMs: fc.integer({ min: 3, max: 20 }).map((frames) => frames * packetMs),
});
const start = fc.record({ timestamp: fc.nat({ max: 0xffff_ffff }), sequence: fc.nat({ max: 0xffff }) });
const digitsOf = (presses: Press[]) => presses.map(({ code }) => keyOfEvent(code) ?? '');

describe('RFC 4733 keys', () => {
  it('property: each key once and in order, whatever is lost but one end, repeated or reordered within a key', () => {
    fc.assert(
      fc.property(
        fc.array(press, { minLength: 1, maxLength: 8 }),
        start,
        fc.infiniteStream(fc.nat({ max: 5 })),
        (presses, first, dice) => {
          const received = packetsOf(presses, first).flatMap((packets) => {
            const order = new Map(packets.map((packet) => [packet, packet.atMs + 9 * (dice.next().value ?? 0)]));
            const kept = packets.filter(() => dice.next().value !== 0);
            const isEnd = ({ payload }: EventPacket) => payload.readUInt8(1) >= 0x80;
            const some = kept.some(isEnd) ? kept : [...kept, ...packets.slice(-1)];
            return some
              .flatMap((packet) => (dice.next().value === 1 ? [packet, packet] : [packet]))
              .map((packet) => ({ ...packet, atMs: order.get(packet) ?? 0 }))
              .sort((a, b) => a.atMs - b.atMs);
          });
          const inTime = received.sort((a, b) => a.atMs - b.atMs);
          expect(receiveAll(inTime).map(({ digit }) => digit)).toEqual(digitsOf(presses));
        },
      ),
      { numRuns: 500 },
    );
  });

  it('property: where nothing is lost, the duration is true, up to the length of a segment', () => {
    const long = fc.record({
      code: fc.nat({ max: 15 }),
      durationMs: fc.integer({ min: 2, max: 400 }).map((frames) => frames * packetMs),
      pauseMs: fc.constant(200),
    });
    fc.assert(
      fc.property(fc.array(long, { minLength: 1, maxLength: 4 }), start, (presses, first) => {
        expect(receiveAll(packetsOf(presses, first).flat())).toEqual(
          presses.map(({ code, durationMs }) => ({ digit: keyOfEvent(code), durationMs })),
        );
      }),
      { numRuns: 100 },
    );
  });

  const one = () => packetsOf([{ code: 5, durationMs: 200, pauseMs: 100 }], { timestamp: 1_000, sequence: 1 })[0] ?? [];

  it('tells a key at its first end packet, before the repeats', () => {
    const receiver = new TelephoneEventReceiver();
    const answers = one().map((packet) => receiver.receive(packet, packet.payload) !== undefined);
    expect(answers).toEqual([...Array(9).fill(false), true, false, false]);
  });

  it('tells a key of which only the last packet came', () => {
    expect(receiveAll(one().slice(-1))).toEqual([{ digit: '5', durationMs: 200 }]);
  });

  it('does not tell a key whose end packets were all lost, as FreeSWITCH does not', () => {
    expect(receiveAll(one().slice(0, 9))).toEqual([]);
  });

  /** As `[timestamp, units, ended]`, one behind the other. */
  const packetsLike = (shape: [number, number, boolean][]) =>
    shape.map(([timestamp, units, ended], index): EventPacket => {
      const payload = Buffer.alloc(4);
      writeEvent(payload, 0, 1, ended, units);
      return { timestamp: 90_000 + timestamp, sequence: 500 + index, ssrc: 7, marker: index === 0, payload, atMs: 0 };
    });
  const steady = (count: number) =>
    Array.from({ length: count }, (_, i): [number, number, boolean] => [0, (i + 1) * 160, false]);
  const ends: [number, number, boolean][] = Array.from({ length: 3 }, () => [0, 960, true]);

  it.each<[string, number, [number, number, boolean][]]>([
    ['one packet in the middle has another timestamp', 1, [...steady(3), [160, 640, false], [0, 800, false], ...ends]],
    [
      'the timestamp grows with each packet',
      1,
      [...steady(6).map(([, units], i): [number, number, boolean] => [i * 160, units, i === 5])],
    ],
    ['it is pressed again with the same timestamp', 2, [...steady(5), ...ends, ...steady(5), ...ends]],
    ['its end comes long after', 1, [...steady(2), [0, 13_568, true]]],
    // FreeSWITCH takes each for a key; the controller knows that they are one.
    [
      'each of its end packets has another timestamp',
      3,
      [...steady(5), [0, 960, true], [160, 960, true], [320, 960, true]],
    ],
  ])('counts a key as FreeSWITCH does where %s', (_what, times, shape) => {
    expect(receiveAll(packetsLike(shape))).toHaveLength(times);
  });

  it('tells the same key pressed twice, twice', () => {
    const presses = [1, 2, 3].map(() => ({ code: 1, durationMs: 60, pauseMs: 60 }));
    expect(receiveAll(packetsOf(presses, { timestamp: 0xffff_ff00, sequence: 65_530 }).flat())).toHaveLength(3);
  });

  it('follows a sender that keeps the timestamp while the duration wraps', () => {
    const packets: EventPacket[] = [];
    for (let units = 160; units <= 80_000; units += 160) {
      const payload = Buffer.alloc(4);
      const ended = units === 80_000;
      payload.writeUInt8(9, 0);
      payload.writeUInt8(ended ? 0x8a : 0x0a, 1);
      payload.writeUInt16BE(units & 0xffff, 2);
      packets.push({ timestamp: 5, sequence: units / 160, ssrc: 7, marker: units === 160, payload, atMs: units / 8 });
    }
    expect(receiveAll(packets)).toEqual([{ digit: '9', durationMs: 10_000 }]);
  });

  it('ignores what is no key, and what is cut short', () => {
    const receiver = new TelephoneEventReceiver();
    expect(receiver.receive({ timestamp: 1, sequence: 1 }, Buffer.from([16, 0x8a, 0, 160]))).toBeUndefined();
    expect(receiver.receive({ timestamp: 1, sequence: 2 }, Buffer.from([5, 0x8a, 0]))).toBeUndefined();
  });
});
