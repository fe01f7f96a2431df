import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { LegEvent } from '../../src/call/telephony.ts';
import { eventually } from '../support/poll.ts';
import { readWavFile } from '../switch/media/phone.ts';
import { Bench, openPair, type Pair, watch } from './harness.ts';
import { hears, music, type Party, parties } from './parties.ts';
import { toneLevel } from './phone.ts';
import { strength } from './ulaw.ts';

let pair: Pair;
let bench: Bench;
let caller: Party;
let agent: Party;
beforeAll(async () => {
  pair = await openPair();
});
afterAll(() => pair.stop());
beforeEach(async () => {
  bench = await Bench.open(pair);
  [caller, agent] = await parties(bench, 500, 700);
  expect(await caller.leg.bridge(agent.leg)).toBe(true);
  await Promise.all([hears(caller, [700]), hears(agent, [500])]);
});
afterEach(() => bench.close());

const loud = toneLevel / 2;
const samplesPerMs = 8;
/** What the file name is to survive. */
const fileOf = (name: string) => join(bench.folder, 'of the day', `${name}.wav`);
const record = (name: string, options: { stereo?: boolean; maxDurationMs?: number } = {}) => {
  const { stereo = true, maxDurationMs = 20_000 } = options;
  caller.leg.recordCall({ recordingId: name, file: fileOf(name), stereo, maxDurationMs });
};

/**
 * A real FreeSWITCH loses what it recorded in the last 0.6 s or so before the stop where the recording, or a bridge,
 * began in that time: so each part here takes a second.
 * Lets so much time of a talk pass: as long as it takes the phone to hear it.
 */
async function talkFor(ms: number): Promise<void> {
  const until = caller.phone.heard.packets + ms / 20;
  while (caller.phone.heard.packets < until) await new Promise((resolve) => setTimeout(resolve, 10));
}

/** Strength of a pitch in each 100 ms of the samples. */
const course = (samples: Int16Array, hz: number): number[] =>
  Array.from({ length: Math.floor(samples.length / 800) }, (_, index) =>
    strength(samples.subarray(index * 800, (index + 1) * 800), hz),
  );

test('each side in a channel of its own, for as long as was told', async () => {
  record('both');
  await talkFor(1_000);
  caller.leg.orderRecording('both', 'stop');
  const done = await caller.event('record-done');
  expect(done).toMatchObject({ recordingId: 'both', outcome: 'stopped' });
  const [said = new Int16Array(), heard = new Int16Array()] = readWavFile(fileOf('both'));
  expect(strength(said, 500)).toBeGreaterThan(loud);
  expect(strength(heard, 700)).toBeGreaterThan(loud);
  expect(strength(said, 700)).toBeLessThan(loud / 10);
  expect(strength(heard, 500)).toBeLessThan(loud / 10);
  expect(Math.abs(done.durationMs - said.length / samplesPerMs)).toBeLessThanOrEqual(40);
  expect(done.durationMs).toBeGreaterThan(800);
  expect(done.durationMs).toBeLessThan(1_400);
});

test('in one channel both are heard', async () => {
  record('mixed', { stereo: false });
  await talkFor(1_000);
  caller.leg.orderRecording('mixed', 'stop');
  await caller.event('record-done');
  const channels = readWavFile(fileOf('mixed'));
  expect(channels).toHaveLength(1);
  for (const hz of [500, 700]) expect(strength(channels[0] ?? [], hz)).toBeGreaterThan(loud);
});

test('paused time is silence and counts', async () => {
  record('paused');
  await talkFor(700);
  caller.leg.orderRecording('paused', 'pause');
  await talkFor(700);
  caller.leg.orderRecording('paused', 'resume');
  await talkFor(700);
  caller.leg.orderRecording('paused', 'stop');
  const { durationMs } = await caller.event('record-done');
  expect(durationMs).toBeGreaterThan(1_800);
  for (const [index, hz] of [500, 700].entries()) {
    const strengths = course(readWavFile(fileOf('paused'))[index] ?? new Int16Array(), hz);
    const silent = strengths.filter((value) => value < loud / 50).length;
    expect(silent).toBeGreaterThanOrEqual(4);
    expect(silent).toBeLessThanOrEqual(9);
    expect(strengths.slice(0, 4).every((value) => value > loud)).toBe(true);
    expect(strengths.slice(-4).every((value) => value > loud)).toBe(true);
  }
});

test('it goes on through hold and another bridge, and tells what the leg heard', async () => {
  record('through');
  await talkFor(1_000);
  expect(await caller.leg.unbridge()).toBe(true);
  caller.leg.play(music('hold', 1_300));
  await hears(caller, [1_300], [700]);
  await talkFor(1_000);
  expect(await caller.leg.bridge(agent.leg)).toBe(true);
  await hears(caller, [700], [1_300]);
  await talkFor(1_000);
  caller.leg.orderRecording('through', 'stop');
  await caller.event('record-done');
  const [said = new Int16Array(), heard = new Int16Array()] = readWavFile(fileOf('through'));
  const [agentAt, musicAt] = [course(heard, 700), course(heard, 1_300)];
  expect(agentAt[1]).toBeGreaterThan(loud);
  expect(musicAt.some((value) => value > loud)).toBe(true);
  expect(agentAt.at(-1)).toBeGreaterThan(loud);
  expect(course(said, 500).filter((value) => value < loud).length).toBeLessThanOrEqual(3);
});

test('ends at its limit', async () => {
  record('limit', { maxDurationMs: 1_200 });
  const done = await caller.event('record-done');
  expect(done.outcome).toBe('limit');
  expect(done.durationMs).toBeGreaterThan(1_000);
  expect(done.durationMs).toBeLessThan(1_500);
  caller.leg.orderRecording('limit', 'stop');
  expect(caller.events.filter((event) => event.type === 'record-done')).toHaveLength(1);
});

test('the leg ends: the recording with it, told before', async () => {
  record('cut');
  await talkFor(1_000);
  await caller.phone.hangUp();
  await caller.event('ended');
  expect(caller.events.map((event) => event.type)).toEqual(['record-done', 'ended']);
  expect(await caller.event('record-done')).toMatchObject({ recordingId: 'cut', outcome: 'leg-ended' });
  expect(existsSync(fileOf('cut'))).toBe(true);
});

test('a file that cannot be written: failed, and the talk goes on', async () => {
  for (const file of ['/proc/denwaban/no.wav', bench.folder]) {
    const before = caller.events.length;
    caller.leg.recordCall({ recordingId: file, file, stereo: true, maxDurationMs: 5_000 });
    expect(await caller.event('record-done', before)).toMatchObject({ recordingId: file, outcome: 'failed' });
  }
  await Promise.all([hears(caller, [700]), hears(agent, [500])]);
});

test('another controller goes on with it: it can be paused, and its end is told there', async () => {
  record('adopted');
  await talkFor(700);
  const next = await Bench.open(pair);
  try {
    const events: LegEvent[] = [];
    const leg = await next.telephony.adopt(caller.leg.snapshot(), (event) => events.push(event));
    if (!leg) throw new Error('not adopted');
    const file = fileOf('adopted');
    leg.adoptRecording({ recordingId: 'adopted', file, stereo: true, maxDurationMs: 20_000 }, 700);
    leg.orderRecording('adopted', 'pause');
    await talkFor(1_000);
    leg.orderRecording('adopted', 'stop');
    const done = await watch(events, leg).event('record-done');
    const [said = new Int16Array()] = readWavFile(file);
    expect(done).toMatchObject({ recordingId: 'adopted', outcome: 'stopped' });
    expect(Math.abs(done.durationMs - said.length / samplesPerMs)).toBeLessThanOrEqual(40);
    expect(
      course(said, 500)
        .slice(-4)
        .every((value) => value < loud / 50),
    ).toBe(true);
    // Over already: told all the same, once.
    leg.adoptRecording({ recordingId: 'missed', file: fileOf('missed'), stereo: true, maxDurationMs: 20_000 }, 5_000);
    leg.orderRecording('missed', 'stop');
    const missed = await eventually('the other', () => events.find(isDone('missed')));
    expect(missed).toMatchObject({ outcome: 'stopped', durationMs: expect.closeTo(5_000, -3) });
  } finally {
    await next.close();
  }
});

const isDone =
  (id: string) =>
  (event: LegEvent): boolean =>
    event.type === 'record-done' && event.recordingId === id;
