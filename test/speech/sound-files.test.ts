import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createPromptChecks } from '../../src/speech/prompt-checks.ts';
import { createPromptLibrary } from '../../src/speech/prompt-library.ts';
import { readWav, rms, tonePurity } from '../support/audio.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { chunk, listChunk, rf64Wav, toneWav } from '../support/wav-files.ts';

let folder: string;
let flowFolder: string;
let cacheFolder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'denwaban-sounds-'));
  flowFolder = join(folder, 'flows');
  cacheFolder = join(folder, 'cache');
  mkdirSync(flowFolder);
});
afterEach(() => rmSync(folder, { recursive: true }));

const library = () => createPromptLibrary({ flowFolder, cacheFolder, clock: new FakeClock() });
const checks = () => createPromptChecks({ flowFolder, cacheFolder, synthesizers: [] });

async function played(name: string, content: Buffer): Promise<string> {
  writeFileSync(join(flowFolder, name), content);
  const found = await library().explain({ file: name });
  if (!found.ok || !('file' in found.sound)) throw new Error(JSON.stringify(found));
  return found.sound.file;
}

describe('a WAV file that not every switch plays is converted once', () => {
  it.each<[string, Buffer]>([
    ['8 bit PCM', toneWav(500, { bits: 8 })],
    ['24 bit PCM', toneWav(500, { bits: 24 })],
    ['32 bit PCM', toneWav(500, { bits: 32 })],
    ['32 bit float', toneWav(500, { tag: 3, bits: 32 })],
    ['64 bit float', toneWav(500, { tag: 3, bits: 64 })],
    ['six channels', toneWav(500, { channels: 6, rateHz: 48_000 })],
    ['6 kHz', toneWav(500, { rateHz: 6_000 })],
    ['96 kHz', toneWav(500, { rateHz: 96_000, bits: 24 })],
    ['A-law in stereo', toneWav(500, { tag: 6, bits: 8, channels: 2 })],
    ['RF64', rf64Wav(500)],
    ['an endless data chunk', toneWav(500, { dataSize: 0xffffffff })],
    ['an endless data chunk with a LIST behind', toneWav(500, { dataSize: 0xffffffff, behind: [listChunk] })],
    ['a length beyond the end, LIST behind', toneWav(500, { dataSize: 1_000_000, behind: [listChunk, listChunk] })],
    ['no length, LIST before', toneWav(500, { dataSize: 0, before: [listChunk] })],
    ['an odd number of bytes', toneWav(500, { dataSize: 7_999 })],
  ])('%s', async (_what, content) => {
    const file = await played('sound.wav', content);
    expect(file.startsWith(cacheFolder)).toBe(true);
    const { samples, rateHz, channels } = readWav(file);
    expect([rateHz, channels]).toEqual([8_000, 1]);
    // Neither cut nor followed by a click.
    expect(Math.abs(samples.length - 4_000)).toBeLessThan(3);
    expect(tonePurity(samples.subarray(100, -100), 400)).toBeGreaterThan(0.98);
    expect(rms(samples) / 32_768).toBeCloseTo(0.354, 1);
    expect(rms(samples.subarray(-160)) / 32_768).toBeLessThan(0.4);
  });

  it('and once alone, until it changes', async () => {
    const content = toneWav(300, { bits: 24 });
    writeFileSync(join(flowFolder, 'sound.wav'), content);
    const prompts = library();
    const [one, two] = await Promise.all([
      prompts.resolve({ file: 'sound.wav' }),
      prompts.resolve({ file: 'sound.wav' }),
    ]);
    expect(one).toEqual(two);
    // At once: nothing is lost between key and sound.
    expect(prompts.resolve({ file: 'sound.wav' })).toEqual(one);
    expect(readdirSync(cacheFolder).length).toBe(1);
    writeFileSync(join(flowFolder, 'sound.wav'), toneWav(600, { bits: 24 }));
    utimesSync(join(flowFolder, 'sound.wav'), 5, 5);
    const changed = await prompts.resolve({ file: 'sound.wav' });
    expect(changed).not.toEqual(one);
    rmSync(cacheFolder, { recursive: true });
    const again = await prompts.resolve({ file: 'sound.wav' });
    expect(again).toEqual(changed);
    expect(readWav(again && 'file' in again ? again.file : '').samples.length).toBe(4_800);
  });

  it('also where a switch would make something else of its name', async () => {
    for (const name of ['hello.ul', 'a!b.wav', '{x}.wav', 'こんにちは.wav']) {
      expect(await played(name, toneWav(100))).toContain(cacheFolder);
    }
  });
});

it.each<[string, Buffer]>([
  ['16 bit', toneWav(500)],
  ['16 bit in stereo, 44.1 kHz', toneWav(500, { rateHz: 44_100, channels: 2 })],
  ['µ-law', toneWav(500, { tag: 7, bits: 8 })],
  ['LIST before and behind the sound', toneWav(500, { before: [listChunk], behind: [listChunk] })],
])('%s is played as it is', async (_what, content) => {
  expect(await played('sound.wav', content)).toBe(join(flowFolder, 'sound.wav'));
});

describe('a file that holds no sound is refused before anybody calls, and never played', () => {
  const whole = toneWav(500);
  it.each<[string, Buffer, RegExp, RegExp]>([
    ['empty', Buffer.alloc(0), /is empty/, /空/],
    ['text', Buffer.from('お電話ありがとうございます\n'), /no WAV file but text/, /テキスト/],
    ['MP3', Buffer.from('ID3\x04\0\0\0\0\0\0'), /but MP3/, /MP3/],
    ['MP3 without a tag', Buffer.concat([Buffer.of(0xff, 0xfb, 0x90, 0x64), Buffer.alloc(400)]), /but MP3/, /MP3/],
    ['MP3 in a WAV', toneWav(100, { tag: 0x55 }), /holds MP3/, /MP3/],
    ['ADPCM', toneWav(100, { tag: 0x11, bits: 8 }), /IMA ADPCM/, /ADPCM/],
    ['M4A', Buffer.from('\0\0\0\x20ftypM4A \0\0\0\0'), /MPEG-4/, /M4A/],
    ['a header alone', whole.subarray(0, 30), /cut off/, /途中/],
    ['no sound behind the header', whole.subarray(0, 44), /holds no sound/, /音声がありません/],
    ['no data chunk', Buffer.concat([whole.subarray(0, 36), chunk('LIST', Buffer.alloc(20))]), /cut off/, /途中/],
    ['no channels', toneWav(100, { channels: 0 }), /0 channels/, /チャンネル/],
    ['a rate of nothing', toneWav(100, { rateHz: 10 }), /10 Hz/, /10 Hz/],
  ])('%s', async (_what, content, en, ja) => {
    writeFileSync(join(flowFolder, 'sound.wav'), content);
    expect(await checks().faultOf({ file: 'sound.wav' })).toMatchObject({
      code: 'unplayable-file',
      message: expect.stringMatching(en),
      remedy: expect.stringContaining('16 bit'),
      ja: { message: expect.stringMatching(ja), remedy: expect.stringContaining('WAV') },
    });
    expect(await library().resolve({ file: 'sound.wav' })).toBeUndefined();
  });

  it('longer than any switch plays', async () => {
    const dataSize = 3_601 * 8_000;
    const content = Buffer.concat([toneWav(0, { bits: 8, tag: 7, dataSize }), Buffer.alloc(dataSize)]);
    writeFileSync(join(flowFolder, 'sound.wav'), content);
    expect(await checks().faultOf({ file: 'sound.wav' })).toMatchObject({ message: expect.stringContaining('hour') });
  });

  it('is played once it is right', async () => {
    writeFileSync(join(flowFolder, 'sound.wav'), 'text');
    const prompts = library();
    expect(await prompts.resolve({ file: 'sound.wav' })).toBeUndefined();
    writeFileSync(join(flowFolder, 'sound.wav'), whole);
    expect(await prompts.resolve({ file: 'sound.wav' })).toEqual({ file: join(flowFolder, 'sound.wav') });
    expect(readFileSync(join(flowFolder, 'sound.wav')).equals(whole)).toBe(true);
  });
});
