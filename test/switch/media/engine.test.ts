import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { WorkerMediaEngine } from '../../../src/switch/media/engine.ts';
import { decode, encode } from '../../../src/switch/media/g711.ts';
import { eventually } from '../../support/poll.ts';
import {
  amplitudeOf,
  connect,
  loudness,
  Phone,
  type Reported,
  startEngine,
  temporaryFolder,
  tone,
  writeWav,
} from './phone.ts';

let engine: WorkerMediaEngine;
let reported: Reported;
let phone: Phone;
const folder = temporaryFolder();

beforeAll(async () => {
  ({ engine, reported } = await startEngine());
});
afterAll(() => engine.stop());
beforeEach(async () => {
  for (const list of Object.values(reported)) list.length = 0;
  phone = await Phone.open();
});
afterEach(async () => {
  await engine.closeLeg('leg');
  phone.close();
});

const play = (sources: string[], rest: { loop?: boolean; terminators?: string; gapMs?: number } = {}) =>
  engine.play('leg', { playId: 'p', sources, loop: false, terminators: '', ...rest });
const playDone = () => eventually('play-done', () => reported.plays[0], { timeoutMs: 8_000 });

describe('a leg', () => {
  it('hears silence while nothing plays, one packet every 20 ms without drift', async () => {
    await connect(engine, 'leg', phone);
    await eventually('50 packets', () => phone.heard.length >= 50);
    expect(
      phone.heard.every((packet) => packet.payload.length === 160 && packet.payload.every((b) => b === 0xff)),
    ).toBe(true);
    const [first, last] = [phone.heard[0], phone.heard[49]];
    const elapsedMs = (last?.atMs ?? 0) - (first?.atMs ?? 0);
    expect(Math.abs(elapsedMs - 49 * 20)).toBeLessThan(15);
    phone.heard.slice(1).forEach((packet, index) => {
      expect((packet.sequence - (phone.heard[index]?.sequence ?? 0)) & 0xffff).toBe(1);
      expect((packet.timestamp - (phone.heard[index]?.timestamp ?? 0)) >>> 0).toBe(160);
    });
    expect(first?.marker).toBe(true);
    expect(phone.heard[1]?.marker).toBe(false);
  });

  it('hears the samples of a prompt unchanged, and is told how long it was', async () => {
    const original = tone(440, 730);
    const companded = Buffer.alloc(original.length);
    encode('PCMU', original, companded);
    const exact = new Int16Array(original.length);
    decode('PCMU', companded, exact);
    const file = writeWav(`${folder}/exact.wav`, [exact]);
    await connect(engine, 'leg', phone);
    play([file]);
    expect(await playDone()).toMatchObject({ legId: 'leg', playId: 'p', outcome: 'finished', playedMs: 730 });
    const audio = phone.audio();
    const start = audio.findIndex((sample) => sample !== 0) - 1;
    expect([...audio.subarray(start, start + exact.length)]).toEqual([...exact]);
  });

  it('hears a tone at its pitch, then silence for its pause', async () => {
    await connect(engine, 'leg', phone);
    play(['tone_stream://%(300,200,440,480);loops=2']);
    expect(await playDone()).toMatchObject({ outcome: 'finished', playedMs: 1_000 });
    const audio = phone.audio();
    const start = audio.findIndex((sample) => sample !== 0);
    const first = audio.subarray(start, start + 2_400);
    expect(amplitudeOf(first, 440)).toBeGreaterThan(3_000);
    expect(amplitudeOf(first, 480)).toBeGreaterThan(3_000);
    expect(loudness(audio.subarray(start + 2_400, start + 3_990))).toBeLessThan(5);
    expect(amplitudeOf(audio.subarray(start + 4_000, start + 6_400), 440)).toBeGreaterThan(3_000);
  });

  it('reports a key once, with its duration, however often its packets come', async () => {
    await connect(engine, 'leg', phone);
    phone.pressKey(5, 120);
    phone.pressKey(11, 80);
    await eventually('two keys', () => reported.digits.length === 2);
    expect(reported.digits).toMatchObject([
      { legId: 'leg', digit: '5', durationMs: 120, source: 'rtp' },
      { legId: 'leg', digit: '#', durationMs: 80, source: 'rtp' },
    ]);
    expect(reported.firstPackets).toEqual(['leg']);
  });

  it('stops a prompt at a terminator, and says what was played', async () => {
    await connect(engine, 'leg', phone);
    play(['tone_stream://%(1000,0,440);loops=-1'], { terminators: '12' });
    await eventually('the tone', () => phone.heard.some((packet) => packet.payload.some((byte) => byte !== 0xff)));
    phone.pressKey(3);
    phone.pressKey(2);
    const done = await playDone();
    expect(done).toMatchObject({ outcome: 'terminator', terminator: '2' });
    const sounding = phone.heard.filter((packet) => packet.payload.some((byte) => byte !== 0xff)).length;
    await eventually('silence again', () => phone.heard.at(-1)?.payload.every((byte) => byte === 0xff));
    expect(Math.abs(done.playedMs - sounding * 20)).toBeLessThanOrEqual(20);
    expect(reported.digits.map(({ digit }) => digit)).toEqual(['3', '2']);
  });

  it('treats a key from INFO as one from RTP', async () => {
    await connect(engine, 'leg', phone);
    play(['silence_stream://-1'], { terminators: 'any' });
    engine.injectDigit('leg', '7', 250);
    expect(await playDone()).toMatchObject({ outcome: 'terminator', terminator: '7' });
    expect(reported.digits).toMatchObject([{ digit: '7', durationMs: 250, source: 'info' }]);
  });

  it('gives its ports back, and ends what plays, when it is closed', async () => {
    await connect(engine, 'leg', phone);
    play(['silence_stream://-1']);
    const stats = await engine.closeLeg('leg');
    expect(reported.plays).toMatchObject([{ playId: 'p', outcome: 'stopped' }]);
    expect(stats.packetsReceived).toBe(0);
    expect(engine.legCount).toBe(0);
    expect(await engine.usage()).toMatchObject([{ legs: 0, sockets: 0 }]);
  });
});
