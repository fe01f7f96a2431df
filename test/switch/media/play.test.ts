import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { WorkerMediaEngine } from '../../../src/switch/media/engine.ts';
import { PromptStore } from '../../../src/switch/media/prompt-store.ts';
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

const play = (
  sources: string[],
  rest: { loop?: boolean; terminators?: string; gapMs?: number; playId?: string } = {},
) => engine.play('leg', { playId: 'p', sources, loop: false, terminators: '', ...rest });
const playDone = () => eventually('play-done', () => reported.plays[0], { timeoutMs: 8_000 });

/** What was heard from the first sound on. */
function sound(): Int16Array {
  const audio = phone.audio();
  return audio.subarray(
    Math.max(
      0,
      audio.findIndex((sample) => Math.abs(sample) > 10),
    ),
  );
}

describe('what is played', () => {
  it('is resampled from 16 kHz, stereo in one, in A-law too', async () => {
    phone.codec = 'PCMA';
    const file = writeWav(
      `${folder}/wide.wav`,
      [tone(600, 500, 8_000, 16_000), tone(1_500, 500, 8_000, 16_000)],
      16_000,
    );
    await connect(engine, 'leg', phone);
    play([file]);
    expect(await playDone()).toMatchObject({ outcome: 'finished', playedMs: 500 });
    const audio = sound().subarray(400, 3_600);
    expect(amplitudeOf(audio, 600)).toBeGreaterThan(3_800);
    expect(amplitudeOf(audio, 600)).toBeLessThan(4_200);
    expect(amplitudeOf(audio, 1_500)).toBeGreaterThan(3_800);
  });

  it.each(['u-law', 'a-law'])('can be a WAV in %s, as another program writes it', async (encoding) => {
    const source = writeWav(`${folder}/source.wav`, [tone(800, 300)]);
    const file = `${folder}/${encoding}.wav`;
    execFileSync('sox', [source, '-e', encoding, '-b', '8', file]);
    await connect(engine, 'leg', phone);
    play([file]);
    expect(await playDone()).toMatchObject({ outcome: 'finished', playedMs: 300 });
    expect(amplitudeOf(sound().subarray(0, 2_240), 800)).toBeGreaterThan(7_700);
  });

  it('is one source after the other, with gaps, without a click or a hole between', async () => {
    const file = writeWav(`${folder}/short.wav`, [tone(500, 130)]);
    await connect(engine, 'leg', phone);
    play([file, file, 'silence_stream://55', file], { gapMs: 45 });
    expect(await playDone()).toMatchObject({ outcome: 'finished', playedMs: 3 * 130 + 55 + 3 * 45 });
    const audio = sound();
    expect(amplitudeOf(audio.subarray(0, 1_030), 500)).toBeGreaterThan(7_500);
    expect(loudness(audio.subarray(1_042, 1_395))).toBeLessThan(5);
    expect(amplitudeOf(audio.subarray(1_400, 2_430), 500)).toBeGreaterThan(7_500);
    expect(loudness(audio.subarray(2_442, 3_590))).toBeLessThan(5);
    expect(amplitudeOf(audio.subarray(3_600, 4_630), 500)).toBeGreaterThan(7_500);
  });

  it('goes round and round until it is stopped', async () => {
    const file = writeWav(`${folder}/round.wav`, [tone(500, 100)]);
    await connect(engine, 'leg', phone);
    play([file, `${folder}/missing.wav`], { loop: true });
    await eventually('a second of it', () => sound().length > 8_000);
    engine.stopPlay('leg');
    const done = await playDone();
    expect(done.outcome).toBe('stopped');
    expect(done.playedMs).toBeGreaterThanOrEqual(960);
    expect(amplitudeOf(sound().subarray(0, 8_000), 500)).toBeGreaterThan(7_500);
  });

  it.each([
    [['nowhere.wav']],
    [['tone_stream://what']],
    [['silence_stream://0']],
    [['nowhere.wav', 'neither.wav']],
    [[]],
  ])('not found: %j', async (sources) => {
    await connect(engine, 'leg', phone);
    play(sources, { loop: true });
    expect(await playDone()).toMatchObject({ outcome: 'not-found', playedMs: 0 });
  });

  it('is what is there, where some of it is missing', async () => {
    await connect(engine, 'leg', phone);
    play(['nowhere.wav', 'tone_stream://%(100,0,500)', 'neither.wav']);
    expect(await playDone()).toMatchObject({ outcome: 'finished', playedMs: 100 });
  });

  it('is not a broken file', async () => {
    writeFileSync(`${folder}/broken.wav`, Buffer.concat([Buffer.from('RIFF\0\0\0\0WAVEfmt '), Buffer.alloc(7)]));
    await connect(engine, 'leg', phone);
    play([`${folder}/broken.wav`]);
    expect(await playDone()).toMatchObject({ outcome: 'not-found' });
  });

  it('gives way to the next, each with an end of its own', async () => {
    await connect(engine, 'leg', phone);
    play(['silence_stream://-1'], { playId: 'first' });
    await eventually('packets', () => phone.heard.length > 5);
    play(['tone_stream://%(100,0,500)'], { playId: 'second' });
    await eventually('both ends', () => reported.plays.length === 2);
    expect(reported.plays).toMatchObject([
      { playId: 'first', outcome: 'stopped' },
      { playId: 'second', outcome: 'finished', playedMs: 100 },
    ]);
  });

  it('follows a key within 45 ms, prompt to prompt', async () => {
    await connect(engine, 'leg', phone);
    engine.once('digit', (legId) => {
      engine.play(legId, { playId: 'next', sources: ['tone_stream://%(300,0,1000)'], loop: false, terminators: '' });
    });
    play(['silence_stream://-1'], { terminators: 'any' });
    await eventually('packets', () => phone.heard.length > 5);
    phone.pressKey(1);
    const pressedMs = performance.now();
    const first = await eventually('the tone', () =>
      phone.heard.find((packet) => packet.payload.some((byte) => byte !== 0xff)),
    );
    expect(first.atMs - pressedMs).toBeLessThan(45);
  });
});

describe('the prompt store', () => {
  it('keeps one copy for all, in each codec, and notices a changed file', async () => {
    const file = writeWav(`${folder}/shared.wav`, [tone(500, 1_000)]);
    const store = new PromptStore();
    const loads = await Promise.all(Array.from({ length: 100 }, () => store.load(file, 'PCMU')));
    expect(new Set(loads).size).toBe(1);
    expect(store.storedBytes).toBe(8_000);
    expect(store.load(file, 'PCMU')).toBe(loads[0]);
    await store.load(file, 'PCMA');
    expect(store.storedBytes).toBe(16_000);
    writeWav(file, [tone(500, 2_000)]);
    await eventually('the new file', async () => {
      const segment = await store.load(file, 'PCMU');
      return segment?.kind === 'audio' && segment.audio.length === 16_000;
    });
    expect(store.storedBytes).toBe(24_000);
  });

  it('lets go of what was not used for longest', async () => {
    const store = new PromptStore(20_000);
    const sources = ['500', '600', '700'].map((pitch) => `tone_stream://%(1000,0,${pitch})`);
    const [first = '', second = '', third = ''] = sources;
    await store.load(first, 'PCMU');
    await store.load(second, 'PCMU');
    await store.load(first, 'PCMU');
    await store.load(third, 'PCMU');
    expect(store.storedBytes).toBe(16_000);
    expect(store.load(first, 'PCMU')).not.toBeInstanceOf(Promise);
    expect(store.load(second, 'PCMU')).toBeInstanceOf(Promise);
  });
});
