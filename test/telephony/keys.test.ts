import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { KeyPresses } from '../../src/telephony/key-presses.ts';
import { SwitchLeg } from '../../src/telephony/leg.ts';
import { eventually } from '../support/poll.ts';
import { Bench, openPair, type Pair, type WatchedLeg } from './harness.ts';
import type { TestPhone } from './phone.ts';

let pair: Pair;
let bench: Bench;
let talking: Omit<WatchedLeg, 'leg'> & { leg: SwitchLeg; phone: TestPhone };
beforeAll(async () => {
  pair = await openPair();
  bench = await Bench.open(pair);
  const talk = await bench.talk();
  if (!(talk.leg instanceof SwitchLeg)) throw new Error('another kind of leg');
  talking = { ...talk, leg: talk.leg };
});
afterAll(async () => {
  await bench.close();
  await pair.stop();
});

/** Keys told since then, once `end` (a key that nothing else here presses) has been told. */
async function keysUntil(from: number, end = 'D'): Promise<string> {
  const keys = () => talking.events.slice(from).flatMap((event) => (event.type === 'digit' ? [event.digit] : []));
  await talking.phone.request('INFO', `Signal=${end}`, 'application/dtmf-relay');
  await eventually('the last key', () => keys().includes(end));
  return keys().join('').replace(end, '');
}

test.each([
  ['application/dtmf-relay', 'Signal=5\r\nDuration=160\r\n', '5'],
  ['application/dtmf-relay', 'Signal= 6\r\nDuration= 160\r\n', '6'],
  ['application/dtmf-relay', 'Signal = 7\nDuration = 160\n', '7'],
  ['Application/DTMF-Relay; charset=utf-8', 'SIGNAL=8\rduration=160\r', '8'],
  ['application/dtmf-relay', 'Signal=10\r\n', '*'],
  ['application/dtmf-relay', 'Signal=11\r\n', '#'],
  ['application/dtmf-relay', 'Signal=*\r\n', '*'],
  ['application/dtmf-relay', 'Signal=#', '#'],
  ['application/dtmf-relay', 'Signal=a\r\n', 'A'],
  ['application/dtmf', '9', '9'],
  ['application/dtmf', '*\r\n', '*'],
  ['application/dtmf', '#', '#'],
  ['application/dtmf', '10', '*'],
  ['application/dtmf', 'pound', '#'],
  ['application/dtmf-relay', 'Signal=16\r\n', ''],
  ['application/dtmf-relay', 'nothing of the kind', ''],
  ['text/plain', '5', ''],
])('INFO of type %s saying %j is the key %j', async (type, body, key) => {
  const from = talking.events.length;
  expect((await talking.phone.request('INFO', body, type)).status).toBe(200);
  expect(await keysUntil(from)).toBe(key);
});

test('a key is told when it is let go; while it is held down its signs grow, and they do at no other time', async () => {
  const { leg, phone, events } = talking;
  const from = events.length;
  const signs = async () => (await leg.keySigns()) ?? -1;
  const before = await signs();
  const heard = (await leg.packetsReceived()) ?? 0;
  await eventually('audio', async () => ((await leg.packetsReceived()) ?? 0) > heard + 5);
  expect(await signs()).toBe(before);
  const pressed = phone.press('5', 1_000);
  const held = await eventually('the first signs', async () => [await signs()].find((count) => count > before));
  await eventually('more signs', async () => (await signs()) > held + 5);
  expect(events.slice(from)).toEqual([]);
  await pressed;
  const [key] = await eventually('the key', () => (events.length > from ? events.slice(from) : undefined));
  expect(key).toMatchObject({ type: 'digit', digit: '5' });
  expect(key?.type === 'digit' && key.durationMs).toBeGreaterThanOrEqual(1_000);
});

test('keys that come both ways count once each', async () => {
  const from = talking.events.length;
  for (const key of '1122') {
    const pressed = talking.phone.press(key);
    await talking.phone.request('INFO', `Signal=${key}\r\nDuration=100\r\n`, 'application/dtmf-relay');
    await pressed;
  }
  expect(await keysUntil(from)).toBe('1122');
});

test('a key whose end packets have timestamps of their own counts once', async () => {
  const from = talking.events.length;
  const event = (index: number, timestamp: number, ended: boolean, units: number) => {
    const packet = Buffer.alloc(16);
    packet.set([0x80, 101], 0);
    packet.writeUInt16BE(30_000 + index, 2);
    packet.writeUInt32BE(900_000 + timestamp, 4);
    packet.writeUInt32BE(talking.phone.port, 8);
    packet.set([3, (ended ? 0x80 : 0) | 10], 12);
    packet.writeUInt16BE(units, 14);
    return packet;
  };
  talking.phone.mute = true;
  const startedAtMs = performance.now();
  for (let index = 0; index < 12; index++) {
    await eventually('the next packet', () => performance.now() - startedAtMs > index * 20, { everyMs: 2 });
    const ended = index >= 9;
    talking.phone.sendRaw(event(index, ended ? (index - 9) * 160 : 0, ended, Math.min(index + 1, 10) * 160));
  }
  talking.phone.mute = false;
  await eventually('the key', () => talking.events.slice(from).some(({ type }) => type === 'digit'));
  expect(await keysUntil(from)).toBe('3');
});

describe('which presses count', () => {
  /** As `digit source at held`. */
  const counted = (...presses: [string, 'rtp' | 'info', number, number][]) => {
    const keys = new KeyPresses();
    return presses.filter(([digit, source, atMs, heldMs]) => keys.isNew(digit, source, heldMs, atMs)).length;
  };

  test('one that is held long, with INFO when it is pressed', () => {
    expect(counted(['1', 'info', 0, 250], ['1', 'rtp', 5_000, 5_000])).toBe(1);
  });

  test('the same key again by one way, however soon', () => {
    expect(counted(['1', 'info', 0, 250], ['1', 'info', 10, 250])).toBe(2);
    expect(counted(['1', 'rtp', 0, 50], ['1', 'rtp', 80, 50])).toBe(2);
  });

  test('two by one way and one by the other', () => {
    expect(counted(['1', 'rtp', 0, 100], ['1', 'info', 50, 250], ['1', 'info', 300, 250])).toBe(2);
  });
});
