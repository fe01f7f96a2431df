import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Codec } from '../../../src/switch/media/api.ts';
import type { WorkerMediaEngine } from '../../../src/switch/media/engine.ts';
import { eventually } from '../../support/poll.ts';
import { amplitudeOf, connect, eventType, loudness, Phone, type Reported, startEngine, tone } from './phone.ts';

let engine: WorkerMediaEngine;
let reported: Reported;
let caller: Phone;
let agent: Phone;

beforeEach(async () => {
  caller = await Phone.open();
  agent = await Phone.open();
});
afterEach(async () => {
  await engine.stop();
  caller.close();
  agent.close();
});

async function open(codecs: [Codec, Codec] = ['PCMU', 'PCMU'], workers = 1): Promise<void> {
  ({ engine, reported } = await startEngine({ workers }));
  [caller.codec, agent.codec] = codecs;
  await connect(engine, 'caller', caller);
  await connect(engine, 'agent', agent);
}

/** The loudest 200 ms of a frequency in what the phone heard since. */
function loudest(phone: Phone, frequency: number, since = 0): number {
  const audio = phone.audio(since);
  let best = 0;
  for (let start = 0; start + 1_600 <= audio.length; start += 800) {
    best = Math.max(best, amplitudeOf(audio.subarray(start, start + 1_600), frequency));
  }
  return best;
}

describe('a bridge', () => {
  it.each<[Codec, Codec, number]>([
    ['PCMU', 'PCMU', 1],
    ['PCMU', 'PCMA', 1],
    ['PCMA', 'PCMU', 2],
  ])('carries audio both ways, %s to %s, on %i workers', async (codecA, codecB, workers) => {
    await open([codecA, codecB], workers);
    engine.bridge('caller', 'agent');
    await Promise.all([caller.say(tone(500, 800)), agent.say(tone(1_100, 800))]);
    await eventually('the caller heard', () => loudest(caller, 1_100) > 7_000);
    await eventually('the agent heard', () => loudest(agent, 500) > 7_000);
    expect(loudest(caller, 500)).toBeLessThan(200);
    expect(loudest(agent, 1_100)).toBeLessThan(200);
  });

  it('hands audio on unchanged where the codecs are the same, through jitter, reordering and repeats', async () => {
    await open();
    engine.bridge('caller', 'agent');
    const payload = (index: number) => Buffer.alloc(160, 1 + (index % 120));
    // Warm-up, so that the delay is what this jitter needs.
    const beginMs = performance.now();
    for (let index = 0; index < 60; index++) {
      const waitMs = beginMs + index * 20 - performance.now();
      if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
      if (index % 10 === 5) continue;
      const { sequence, timestamp } = caller;
      const send = (offset: number) =>
        caller.send(payload(index + offset), { sequence: sequence + offset, timestamp: timestamp + offset * 160 });
      if (index % 10 === 4) {
        send(1);
        send(0);
        caller.sequence = sequence + 2;
        caller.timestamp = timestamp + 320;
      } else {
        send(0);
        if (index % 7 === 0) send(0);
        caller.sequence = (sequence + 1) & 0xffff;
        caller.timestamp = (timestamp + 160) >>> 0;
      }
    }
    await eventually('the last packet', () => agent.heard.some((packet) => packet.payload.includes(60)));
    const heard = agent.heard.flatMap((packet) => [...packet.payload]).filter((byte) => byte >= 1 && byte <= 120);
    const runs = new Map<number, number>();
    for (const byte of heard) runs.set(byte, (runs.get(byte) ?? 0) + 1);
    const whole = [...runs.values()].filter((count) => count === 160).length;
    expect(whole).toBeGreaterThanOrEqual(57);
  });

  it('is silent again after unbridge, and after one side has gone', async () => {
    await open();
    engine.bridge('caller', 'agent');
    const talking = agent.say(tone(1_100, 2_000));
    await eventually('the caller heard', () => loudest(caller, 1_100) > 7_000);
    engine.unbridge('agent');
    await eventually('silence', () =>
      caller.heard.slice(-5).every((packet) => packet.payload.every((b) => b === 0xff)),
    );
    engine.bridge('agent', 'caller');
    const since = caller.heard.length;
    await eventually('the caller heard again', () => loudest(caller, 1_100, since) > 7_000);
    await engine.closeLeg('agent');
    await eventually('silence', () =>
      caller.heard.slice(-5).every((packet) => packet.payload.every((b) => b === 0xff)),
    );
    await talking;
  });

  it('stops what plays, and lets something play into one side only', async () => {
    await open();
    engine.play('caller', { playId: 'moh', sources: ['silence_stream://-1'], loop: true, terminators: '' });
    engine.bridge('caller', 'agent');
    await eventually('play-done', () => reported.plays[0]);
    expect(reported.plays).toMatchObject([{ playId: 'moh', outcome: 'stopped' }]);
    engine.play('agent', { playId: 'beep', sources: ['tone_stream://%(400,0,900)'], loop: false, terminators: '' });
    await eventually('the beep', () => reported.plays[1]);
    await eventually('the agent heard', () => loudest(agent, 900) > 8_000);
    expect(loudest(caller, 900)).toBeLessThan(200);
    await caller.say(tone(500, 600));
    await eventually('the agent heard the caller', () => loudest(agent, 500) > 7_000);
  });

  it('conceals a lost packet, and is silent in a long gap', async () => {
    await open();
    engine.bridge('caller', 'agent');
    await caller.say(tone(500, 1_200), { lose: (index) => index === 15 || (index >= 30 && index < 50) });
    await eventually('the end', () => agent.heard.slice(-3).every((packet) => packet.payload.every((b) => b === 0xff)));
    const audio = agent.audio();
    const start = audio.findIndex((sample) => Math.abs(sample) > 200);
    for (let at = start; at < start + 4_640; at += 80)
      expect(loudness(audio.subarray(at, at + 80))).toBeGreaterThan(500);
    expect(loudness(audio.subarray(start + 5_600, start + 7_900))).toBeLessThan(10);
  });

  it('passes keys on', async () => {
    await open();
    engine.bridge('caller', 'agent');
    caller.pressKey(7, 120);
    const ends = await eventually('the key', () => {
      const events = agent.heard.filter(
        (packet) => packet.payloadType === eventType && (packet.payload[1] ?? 0) & 0x80,
      );
      return events.length >= 3 ? events : undefined;
    });
    expect(ends.map(({ payload }) => [payload[0], payload.readUInt16BE(2)])).toEqual([
      [7, 960],
      [7, 960],
      [7, 960],
    ]);
    expect(reported.digits).toMatchObject([{ legId: 'caller', digit: '7' }]);
  });

  it('hears nothing from a leg on hold', async () => {
    await open();
    engine.bridge('caller', 'agent');
    engine.setMedia('caller', caller.media({ direction: 'sendonly' }));
    await caller.say(tone(500, 500));
    await eventually('packets', () => agent.heard.length > 30);
    expect(loudest(agent, 500)).toBeLessThan(200);
    engine.setMedia('caller', caller.media());
    await caller.say(tone(500, 500));
    await eventually('the agent heard', () => loudest(agent, 500) > 7_000);
  });
});
