import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { SwitchLeg } from '../../src/telephony/leg.ts';
import { eventually } from '../support/poll.ts';
import { Bench, openPair, type Pair, type WatchedLeg } from './harness.ts';
import type { TestPhone } from './phone.ts';

/** Phones that send nothing while nobody speaks. */

let pair: Pair;
let bench: Bench;
beforeAll(async () => {
  pair = await openPair();
});
afterAll(() => pair.stop());
beforeEach(async () => {
  bench = await Bench.open(pair);
});
afterEach(() => bench.close());

const mediaTimeoutMs = 8_000;
const watchedMs = 10_000;

/** An RTP packet of a payload type of its own. */
function rtp(payloadType: number, payload: number[]): Buffer {
  const packet = Buffer.alloc(12 + payload.length);
  packet[0] = 0x80;
  packet[1] = payloadType;
  packet.writeUInt16BE(sequence++, 2);
  packet.writeUInt32BE(77, 8);
  packet.set(payload, 12);
  return packet;
}
let sequence = 1_000;

/** A sender report with the name that it comes with. */
function senderReport(): Buffer {
  const packet = Buffer.alloc(40);
  packet.set([0x80, 200, 0, 6], 0);
  packet.set([0x81, 202, 0, 2, 0, 0, 0, 77, 1, 1, 65], 28);
  packet.writeUInt32BE(77, 4);
  return packet;
}

function stun(type: number): Buffer {
  const packet = Buffer.alloc(20);
  packet.writeUInt16BE(type, 0);
  packet.writeUInt32BE(0x2112a442, 4);
  return packet;
}

const signs: Record<string, (phone: TestPhone) => void> = {
  RTCP: (phone) => phone.sendRaw(senderReport(), 'rtcp'),
  'RTCP beside its audio': (phone) => phone.sendRaw(senderReport()),
  'comfort noise': (phone) => phone.sendRaw(rtp(13, [60])),
  'comfort noise by a number of its own': (phone) => phone.sendRaw(rtp(118, [60, 12, 3])),
  'packets without anything in them': (phone) => phone.sendRaw(rtp(126, [])),
  STUN: (phone) => phone.sendRaw(stun(0x0001)),
  'STUN indications': (phone) => phone.sendRaw(stun(0x0011)),
  'line ends': (phone) => phone.sendRaw(Buffer.from('\r\n\r\n')),
  OPTIONS: (phone) => void phone.request('OPTIONS', '', ''),
  UPDATE: (phone) => void phone.request('UPDATE', '', ''),
  INFO: (phone) => void phone.request('INFO', 'x', 'text/plain'),
};

async function falls(): Promise<WatchedLeg & { phone: TestPhone }> {
  const talking = await bench.talk();
  const { leg, phone } = talking;
  if (!(leg instanceof SwitchLeg)) throw new Error('not a leg of this telephony');
  await leg.server.api(`uuid_setvar ${leg.legId} media_timeout ${mediaTimeoutMs}`);
  // The time-out holds from the next description on.
  expect((await phone.renegotiate('sendrecv')).status).toBe(200);
  phone.mute = true;
  return talking;
}

test('who sends no speech is there as long as anything comes of them; who sends nothing at all is not', async () => {
  const gone = await falls();
  const kept: { name: string; talking: Awaited<ReturnType<typeof falls>>; since: number }[] = [];
  const timers: NodeJS.Timeout[] = [];
  for (const [name, sign] of Object.entries(signs)) {
    const talking = await falls();
    kept.push({ name, talking, since: performance.now() });
    timers.push(setInterval(() => sign(talking.phone), 400));
  }
  const last = kept.at(-1)?.since ?? 0;
  await eventually('the time', () => performance.now() - last > watchedMs, { timeoutMs: 2 * watchedMs });
  for (const timer of timers) clearInterval(timer);
  expect((await gone.event('ended')).cause).toBe('media-timeout');
  expect(
    kept
      .filter(({ talking }) => talking.events.length > 0)
      .map(({ name, talking }) => `${name}: ${JSON.stringify(talking.events[0])}`),
  ).toEqual([]);
}, 60_000);

test.each(['in a pause', 'at the end'])(
  'a recording of who sends nothing %s is as long as it took, and its closing silence is told',
  async (when) => {
    const { leg, phone, event } = await bench.talk();
    phone.pitchHz = 500;
    await eventually('the phone to speak', () => phone.heard.packets > 10);
    const file = join(bench.folder, 'said.wav');
    leg.record({ recordingId: 'r', file, maxDurationMs: 20_000, silenceMs: 2_000, stopKeys: '#' });
    const startedAtMs = performance.now();
    const speaks = (mute: boolean, forMs: number) => {
      phone.mute = mute;
      const sinceMs = performance.now();
      return eventually('that time', () => performance.now() - sinceMs > forMs, { everyMs: 5 });
    };
    await speaks(false, 1_000);
    if (when === 'in a pause') {
      await speaks(true, 1_500);
      await speaks(false, 1_000);
    }
    phone.mute = true;
    const saidMs = performance.now() - startedAtMs;
    const done = await event('record-done');
    expect(done.outcome).toBe('silence');
    expect(Math.abs(done.durationMs - 2_000 - saidMs)).toBeLessThan(600);
  },
);
