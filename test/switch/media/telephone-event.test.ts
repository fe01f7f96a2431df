import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  keyOfEvent,
  lostEndMs,
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

/** Feeds packets in their order, polling each 20 ms, and long after. */
function receiveAll(packets: EventPacket[]): ReceivedKey[] {
  const receiver = new TelephoneEventReceiver();
  const keys: ReceivedKey[] = [];
  let nowMs = 0;
  for (const packet of packets) {
    for (; nowMs + packetMs <= packet.atMs; nowMs += packetMs) keys.push(...receiver.poll(nowMs));
    keys.push(...receiver.receive(packet, packet.payload, packet.atMs));
  }
  keys.push(...receiver.poll(nowMs + 10_000));
  return keys;
}

const press = fc.record({
  code: fc.nat({ max: 15 }),
  durationMs: fc.integer({ min: 2, max: 30 }).map((frames) => frames * packetMs),
  pauseMs: fc.integer({ min: 3, max: 20 }).map((frames) => frames * packetMs),
});
const start = fc.record({ timestamp: fc.nat({ max: 0xffff_ffff }), sequence: fc.nat({ max: 0xffff }) });
const digitsOf = (presses: Press[]) => presses.map(({ code }) => keyOfEvent(code) ?? '');

describe('RFC 4733 keys', () => {
  it('property: each key once and in order, whatever is lost, repeated or reordered within a key', () => {
    fc.assert(
      fc.property(
        fc.array(press, { minLength: 1, maxLength: 8 }),
        start,
        fc.infiniteStream(fc.nat({ max: 5 })),
        (presses, first, dice) => {
          const received = packetsOf(presses, first).flatMap((packets) => {
            const order = new Map(packets.map((packet) => [packet, packet.atMs + 9 * (dice.next().value ?? 0)]));
            const kept = packets.filter(() => dice.next().value !== 0);
            const some = kept.length > 0 ? kept : packets.slice(-1);
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

  it('property: where nothing is lost, the duration is true, also over several segments', () => {
    const long = fc.record({
      code: fc.nat({ max: 15 }),
      durationMs: fc.integer({ min: 2, max: 1_500 }).map((frames) => frames * packetMs),
      pauseMs: fc.constant(200),
    });
    fc.assert(
      fc.property(fc.array(long, { minLength: 1, maxLength: 4 }), start, (presses, first) => {
        expect(receiveAll(packetsOf(presses, first).flat())).toEqual(
          presses.map(({ code, durationMs }) => ({ digit: keyOfEvent(code), durationMs })),
        );
      }),
      { numRuns: 100, examples: [[[{ code: 0, durationMs: 8_200, pauseMs: 200 }], { timestamp: 0, sequence: 0 }]] },
    );
  });

  const one = () => packetsOf([{ code: 5, durationMs: 200, pauseMs: 100 }], { timestamp: 1_000, sequence: 1 })[0] ?? [];

  it('tells a key at its first end packet, before the repeats', () => {
    const receiver = new TelephoneEventReceiver();
    const answers = one().map((packet) => receiver.receive(packet, packet.payload, packet.atMs).length);
    expect(answers).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0]);
  });

  it('tells a key of which only the last packet came', () => {
    expect(receiveAll(one().slice(-1))).toEqual([{ digit: '5', durationMs: 200 }]);
  });

  it('tells a key whose end packets were all lost after a gap, and never again', () => {
    const receiver = new TelephoneEventReceiver();
    const packets = one();
    for (const packet of packets.slice(0, 9)) receiver.receive(packet, packet.payload, packet.atMs);
    expect(receiver.poll(180 + lostEndMs - 1)).toEqual([]);
    expect(receiver.poll(180 + lostEndMs)).toEqual([{ digit: '5', durationMs: 180 }]);
    expect(packets.slice(9).flatMap((packet) => receiver.receive(packet, packet.payload, 400))).toEqual([]);
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

  it('takes a new source with the same timestamps for new keys', () => {
    const second = one().map((packet) => ({ ...packet, ssrc: 8, atMs: packet.atMs + 1_000 }));
    expect(receiveAll([...one(), ...second])).toHaveLength(2);
  });

  it('ignores what is no key, and what is cut short', () => {
    const receiver = new TelephoneEventReceiver();
    const packet = { timestamp: 1, sequence: 1, ssrc: 1, marker: true };
    expect(receiver.receive(packet, Buffer.from([16, 0x8a, 0, 160]), 0)).toEqual([]);
    expect(receiver.receive(packet, Buffer.from([5, 0x8a, 0]), 0)).toEqual([]);
    expect(receiver.poll(1_000)).toEqual([]);
  });
});
