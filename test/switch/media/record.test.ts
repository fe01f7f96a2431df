import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { RecordCommand } from '../../../src/switch/media/api.ts';
import type { WorkerMediaEngine } from '../../../src/switch/media/engine.ts';
import { eventually } from '../../support/poll.ts';
import { fillDisk, mountSmallDisk } from '../../support/small-disk.ts';
import {
  amplitudeOf,
  connect,
  loudness,
  Phone,
  type Reported,
  readWavFile,
  startEngine,
  temporaryFolder,
  tone,
  writeWav,
} from './phone.ts';

let engine: WorkerMediaEngine;
let reported: Reported;
let phone: Phone;
let file: string;
let files = 0;
const folder = temporaryFolder();

beforeAll(async () => {
  ({ engine, reported } = await startEngine());
});
afterAll(() => engine.stop());
beforeEach(async () => {
  for (const list of Object.values(reported)) list.length = 0;
  file = `${folder}/deeper/recording-${files++}.wav`;
  phone = await Phone.open();
  await connect(engine, 'leg', phone);
});
afterEach(async () => {
  await engine.closeLeg('leg');
  phone.close();
});

const record = (rest: Partial<RecordCommand> = {}) =>
  engine.record('leg', {
    recordingId: 'r',
    file,
    maxDurationMs: 60_000,
    silenceMs: 0,
    silenceThreshold: 100,
    terminators: '',
    channels: 'leg',
    ...rest,
  });
const recordDone = () => eventually('record-done', () => reported.recordings[0], { timeoutMs: 8_000 });
const loudSamples = (samples: Int16Array) => samples.filter((sample) => Math.abs(sample) > 200).length;

describe('a recording', () => {
  it('holds what the leg says, in a file as long as the time it took', async () => {
    const beganMs = performance.now();
    record();
    await phone.say(tone(500, 1_000));
    await eventually('300 ms of nothing', () => performance.now() - beganMs >= 1_300);
    engine.stopRecord('leg', 'r');
    const elapsedMs = performance.now() - beganMs;
    const done = await recordDone();
    expect(done).toMatchObject({ recordingId: 'r', outcome: 'stopped' });
    expect(Math.abs(done.durationMs - elapsedMs)).toBeLessThan(45);
    const [samples = new Int16Array(0), ...others] = readWavFile(file);
    expect(others).toEqual([]);
    expect(samples.length).toBe(done.durationMs * 8);
    const start = samples.findIndex((sample) => Math.abs(sample) > 200);
    expect(amplitudeOf(samples.subarray(start, start + 7_600), 500)).toBeGreaterThan(7_000);
  });

  it('keeps a gap in reception as silence of its length', async () => {
    record();
    // Packets 20 to 34, 300 ms, are lost.
    await phone.say(tone(500, 1_000), { lose: (index) => index >= 20 && index < 35 });
    engine.stopRecord('leg');
    await recordDone();
    const [samples = new Int16Array(0)] = readWavFile(file);
    const start = samples.findIndex((sample) => Math.abs(sample) > 200);
    expect(loudness(samples.subarray(start + 3_200, start + 5_560))).toBeLessThan(10);
    expect(amplitudeOf(samples.subarray(start + 5_640, start + 7_600), 500)).toBeGreaterThan(7_000);
    expect(amplitudeOf(samples.subarray(start, start + 3_120), 500)).toBeGreaterThan(7_000);
  });

  it('in stereo has what is said on the left, what is heard on the right, at the same time', async () => {
    record({ channels: 'stereo' });
    engine.play('leg', { playId: 'p', sources: ['tone_stream://%(600,0,900)'], loop: false, terminators: '' });
    await phone.say(tone(500, 600));
    await eventually('the end of the tone', () => reported.plays[0]);
    engine.stopRecord('leg');
    await recordDone();
    const [left = new Int16Array(0), right = new Int16Array(0)] = readWavFile(file);
    expect(left.length).toBe(right.length);
    const leftStart = left.findIndex((sample) => Math.abs(sample) > 200);
    const rightStart = right.findIndex((sample) => Math.abs(sample) > 200);
    expect(amplitudeOf(left.subarray(leftStart, leftStart + 4_000), 500)).toBeGreaterThan(7_000);
    expect(amplitudeOf(left, 900)).toBeLessThan(50);
    expect(amplitudeOf(right.subarray(rightStart, rightStart + 4_800), 900)).toBeGreaterThan(8_000);
    expect(amplitudeOf(right, 500)).toBeLessThan(50);
    // The buffer delays what is said by 20 to 60 ms, or the machine's lateness more.
    expect(Math.abs(leftStart - rightStart) / 8).toBeLessThan(150);
  });

  it('mixed has both in one', async () => {
    record({ channels: 'mixed' });
    engine.play('leg', { playId: 'p', sources: ['tone_stream://%(800,0,900)'], loop: false, terminators: '' });
    await phone.say(tone(500, 800));
    engine.stopRecord('leg');
    await recordDone();
    const [samples = new Int16Array(0)] = readWavFile(file);
    const middle = samples.subarray(2_400, 5_600);
    expect(amplitudeOf(middle, 500)).toBeGreaterThan(6_000);
    expect(amplitudeOf(middle, 900)).toBeGreaterThan(6_000);
  });

  it('ends at its limit, to the sample', async () => {
    record({ maxDurationMs: 333 });
    expect(await recordDone()).toMatchObject({ outcome: 'limit', durationMs: 333 });
    expect(readWavFile(file)[0]?.length).toBe(333 * 8);
  });

  it('ends after silence, not before', async () => {
    record({ silenceMs: 400 });
    await phone.say(tone(500, 600));
    const done = await recordDone();
    expect(done.outcome).toBe('silence');
    expect(done.durationMs).toBeGreaterThanOrEqual(980);
    expect(loudSamples(readWavFile(file)[0] ?? new Int16Array(0))).toBeGreaterThan(4_000);
  });

  it('ends at a terminator', async () => {
    record({ terminators: '#' });
    phone.pressKey(1);
    phone.pressKey(11);
    expect(await recordDone()).toMatchObject({ outcome: 'terminator', terminator: '#' });
  });

  it('is finished before the leg is closed', async () => {
    record();
    await phone.say(tone(500, 200));
    await engine.closeLeg('leg');
    expect(reported.recordings).toMatchObject([{ outcome: 'closed' }]);
    expect(loudSamples(readWavFile(file)[0] ?? new Int16Array(0))).toBeGreaterThan(1_000);
  });

  it('is a valid file while it grows, as a crash would leave it', async () => {
    record();
    await phone.say(tone(500, 1_200));
    await eventually('a second of audio in the header', () => readFileSync(file).readUInt32LE(40) >= 16_000);
    const [samples = new Int16Array(0)] = readWavFile(file);
    expect(samples.length).toBe(readFileSync(file).readUInt32LE(40) / 2);
    expect(loudSamples(samples)).toBeGreaterThan(4_000);
  });

  it('goes on at the end of a file of ours', async () => {
    const before = tone(900, 250);
    record({ maxDurationMs: 20 });
    await recordDone();
    writeWav(file, [before]);
    reported.recordings.length = 0;
    record({ append: true, maxDurationMs: 100 });
    expect(await recordDone()).toMatchObject({ outcome: 'limit', durationMs: 100 });
    const [samples = new Int16Array(0)] = readWavFile(file);
    expect(samples.length).toBe(2_000 + 800);
    expect([...samples.subarray(0, 2_000)]).toEqual([...before]);
  });

  it('fails where it can not be written, and says so', async () => {
    writeFileSync(`${folder}/in-the-way`, '');
    record({ file: `${folder}/in-the-way/recording.wav` });
    expect(await recordDone()).toMatchObject({ outcome: 'failed' });
    reported.recordings.length = 0;
    const foreign = `${folder}/foreign.wav`;
    writeFileSync(foreign, 'no WAV at all');
    record({ file: foreign, append: true });
    expect(await recordDone()).toMatchObject({ outcome: 'failed' });
    expect(statSync(foreign).size).toBe(13);
  });

  it('can run beside others, each stopped by its own name', async () => {
    record({ recordingId: 'a' });
    record({ recordingId: 'b', file: `${folder}/other.wav` });
    engine.stopRecord('leg', 'a');
    expect(await recordDone()).toMatchObject({ recordingId: 'a', outcome: 'stopped' });
    engine.stopRecord('leg');
    await eventually('the other', () => reported.recordings.length === 2);
    expect(reported.recordings[1]).toMatchObject({ recordingId: 'b', outcome: 'stopped' });
  });

  it('of a leg that has gone is answered all the same', async () => {
    await engine.closeLeg('leg');
    record();
    engine.play('leg', { playId: 'p', sources: ['x'], loop: false, terminators: '' });
    expect(await recordDone()).toEqual({ legId: 'leg', recordingId: 'r', outcome: 'closed', durationMs: 0 });
    expect(reported.plays).toMatchObject([{ playId: 'p', outcome: 'stopped', playedMs: 0 }]);
  });
});

describe('a full disk', () => {
  let disk: ReturnType<typeof mountSmallDisk>;
  beforeEach(() => {
    disk = mountSmallDisk(40);
    file = `${disk.folder}/said.wav`;
  });
  afterEach(() => disk.unmount());

  it.each(['leg', 'stereo'] as const)('%s: what fits is kept, in a file that says how long it is', async (channels) => {
    record({ channels });
    await phone.say(tone(500, 2_600));
    // In the background it is over when it is told to be.
    if (channels === 'stereo') engine.stopRecord('leg', 'r');
    const { outcome, durationMs } = await recordDone();
    expect(outcome).toBe('cut-short');
    expect(durationMs).toBeGreaterThan(800);
    const bytes = readFileSync(file);
    expect([bytes.readUInt32LE(4), bytes.readUInt32LE(40)]).toEqual([bytes.length - 8, bytes.length - 44]);
    const [said = new Int16Array()] = readWavFile(file);
    expect(Math.round(said.length / 8)).toBe(durationMs);
    expect(amplitudeOf(said, 500)).toBeGreaterThan(2_000);
  });

  it('nothing fits: it failed, and no file is left that nobody can play', async () => {
    fillDisk(`${disk.folder}/filler`);
    record();
    await phone.say(tone(500, 1_100));
    expect(await recordDone()).toMatchObject({ outcome: 'failed', durationMs: 0 });
    expect(existsSync(file)).toBe(false);
  });
});
