import { createSocket } from 'node:dgram';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { LegEvent } from '../../src/call/telephony.ts';
import { eventually } from '../support/poll.ts';
import { Bench, openPair, type Pair, type WatchedLeg, watch } from './harness.ts';
import type { TestPhone } from './phone.ts';

/** A called phone's keys and audio: who may press them, and how those of the other side reach it. */

let pair: Pair;
let bench: Bench;
beforeAll(async () => {
  pair = await openPair();
  bench = await Bench.open(pair);
});
afterAll(async () => {
  await bench.close();
  await pair.stop();
});

let dialled = 0;
async function called(describe: TestPhone['describe'] = (sdp) => sdp): Promise<WatchedLeg & { phone: TestPhone }> {
  const phone = await bench.phone();
  phone.describe = describe;
  const events: LegEvent[] = [];
  const source = { transport: 'udp', address: '127.0.0.1', port: phone.port } as const;
  const attempt = bench.telephony.dial({
    ...{ legId: `leg_called-${process.pid}-${++dialled}`, kind: 'agent', fromNumber: '0312345678' },
    ...{ phones: [{ uri: `sip:agent@127.0.0.1:${phone.port}`, source }], ringTimeoutMs: 5_000 },
    onRinging: () => undefined,
    onEvent: (event) => events.push(event),
  });
  const outcome = await attempt.outcome;
  if (!outcome.ok) throw new Error(outcome.cause);
  return { ...watch(events, outcome.leg), phone };
}

const withoutKeys: TestPhone['describe'] = (sdp) =>
  sdp.replace(' 101\r\n', '\r\n').replace(/a=(rtpmap|fmtp):101.*\r\n/g, '');

test('keys for a phone that takes no telephone events go as INFO, once each, both ways of the bridge', async () => {
  const caller = await bench.talk();
  const { leg, phone } = await called(withoutKeys);
  expect(await caller.leg.bridge(leg)).toBe(true);
  await caller.phone.press('5#');
  await eventually('both keys', () => phone.infos.size > 1);
  expect([...phone.infos.values()].map((body) => /Signal=\s*(\S)/.exec(body)?.[1])).toEqual(['5', '#']);
  await leg.end('system-hangup');
  await caller.leg.end('system-hangup');
});

test('a stranger who sends to a called phone’s port neither hears the call nor presses keys in it', async () => {
  const { leg, phone, events } = await called();
  const stranger = createSocket('udp4').bind(0, '127.0.0.1');
  await new Promise<void>((resolve) => stranger.once('listening', () => resolve()));
  let stolen = 0;
  stranger.on('message', () => {
    stolen += 1;
  });
  phone.mute = true;
  await eventually('audio at the phone', () => phone.heard.packets > 5);
  for (let index = 0; index < 40; index++) {
    const packet = Buffer.alloc(172, 0xff);
    const isKey = index > 30;
    packet.set([0x80, isKey ? 101 : 0]);
    packet.writeUInt16BE(1_000 + index, 2);
    packet.writeUInt32BE(160 * (isKey ? 31 : index), 4);
    packet.writeUInt32BE(77, 8);
    if (isKey) packet.set([9, index > 37 ? 0x8a : 0x0a, 0, (index - 30) * 20], 12);
    stranger.send(isKey ? packet.subarray(0, 16) : packet, phone.remoteRtpPort, '127.0.0.1');
    const before = phone.heard.packets;
    await eventually('the next packet', () => phone.heard.packets > before || stolen > 0);
  }
  expect([stolen, events]).toEqual([0, []]);
  stranger.close();
  await leg.end('system-hangup');
});
