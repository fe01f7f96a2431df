import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createPromptChecks } from '../../src/speech/prompt-checks.ts';
import { createPromptLibrary } from '../../src/speech/prompt-library.ts';
import { espeakNg } from '../../src/speech/synthesizer.ts';
import { bytesSource, readWavFormat } from '../../src/speech/wav.ts';
import { readWav, tonePurity } from '../support/audio.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { chunk, toneWav, type WavForm } from '../support/wav-files.ts';

/** Files as operators have them: each is played whole, or refused before anybody calls. */
let folder: string;
const options = () => ({ flowFolder: join(folder, 'flows'), cacheFolder: join(folder, 'cache') });
const whole = toneWav(500);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'denwaban-odd-sounds-'));
  mkdirSync(options().flowFolder);
});
afterAll(() => rmSync(folder, { recursive: true }));

const place = (name: string) => join(options().flowFolder, name);
const faultOf = (file: string) => createPromptChecks({ ...options(), synthesizers: [] }).faultOf({ file });
const find = (file: string) => createPromptLibrary({ ...options(), clock: new FakeClock() }).explain({ file });

function patched(change: (bytes: Buffer) => void): Buffer {
  const bytes = Buffer.from(whole);
  change(bytes);
  return bytes;
}

/** As Windows and studio programs write it: WAVE_FORMAT_EXTENSIBLE. */
function extensible(form: WavForm, validBits = form.bits ?? 16): Buffer {
  const plain = toneWav(500, form);
  const format = Buffer.alloc(40);
  plain.copy(format, 0, 20, 36);
  format.writeUInt16LE(0xfffe, 0);
  format.writeUInt16LE(22, 16);
  format.writeUInt16LE(validBits, 18);
  format.writeUInt16LE(form.tag ?? 1, 24);
  Buffer.from('000000001000800000aa00389b71', 'hex').copy(format, 26);
  return Buffer.concat([plain.subarray(0, 12), chunk('fmt ', format), plain.subarray(36)]);
}

/** RIFF of the other end, as old Macintosh programs wrote it. */
function bigEndian(): Buffer {
  return patched((bytes) => {
    bytes.write('RIFX', 0);
    for (const [at, length] of [
      [4, 4],
      [16, 4],
      [20, 2],
      [22, 2],
      [24, 4],
      [28, 4],
      [32, 2],
      [34, 2],
      [40, 4],
    ] as const) {
      bytes.subarray(at, at + length).reverse();
    }
    bytes.subarray(44).swap16();
  });
}

function made(...format: string[]): Buffer {
  const args = ['-n', '-r', '8000', '-c', '1', ...format, '-', 'synth', '0.5', 'sine', '400', 'vol', '0.5'];
  return execFileSync('sox', args, { stdio: ['ignore', 'pipe', 'pipe'] });
}

describe('played whole', () => {
  it.each<[string, Buffer]>([
    ['extensible, 16 bit', extensible({})],
    ['extensible, 24 bit', extensible({ bits: 24 })],
    ['extensible, 24 of 32 bit', extensible({ bits: 32 }, 24)],
    ['extensible, stereo at 48 kHz', extensible({ channels: 2, rateHz: 48_000 })],
    ['extensible, float', extensible({ tag: 3, bits: 32 })],
    ['extensible, µ-law', extensible({ tag: 7, bits: 8 })],
    ['A-law', toneWav(500, { tag: 6, bits: 8 })],
    ['stereo at 48 kHz', toneWav(500, { channels: 2, rateHz: 48_000 })],
    ['5 MB of words before the sound', toneWav(500, { before: [chunk('LIST', Buffer.alloc(5_000_000, 65))] })],
    ['5 MB of words behind the sound', toneWav(500, { behind: [chunk('LIST', Buffer.alloc(5_000_000, 65))] })],
    ['the format twice', Buffer.concat([whole.subarray(0, 36), whole.subarray(12)])],
    ['a file length of nothing', patched((bytes) => bytes.writeUInt32LE(0, 4))],
    ['a file length without end', patched((bytes) => bytes.writeUInt32LE(0xffffffff, 4))],
    ['a frame of no bytes', patched((bytes) => bytes.writeUInt16LE(0, 32))],
    ['a frame of nine bytes', patched((bytes) => bytes.writeUInt16LE(9, 32))],
    ['no bytes a second', patched((bytes) => bytes.writeUInt32LE(0, 28))],
    ['something behind the sound', Buffer.concat([whole, Buffer.alloc(3_000, 0x55)])],
    ['20 bit in 24, by sox', made('-t', 'wav', '-b', '24')],
  ])('%s', async (_what, content) => {
    writeFileSync(place('sound.wav'), content);
    expect(await faultOf('sound.wav')).toBeUndefined();
    const found = await find('sound.wav');
    if (!found.ok || !('file' in found.sound)) throw new Error(JSON.stringify(found));
    const read = readWavFormat(bytesSource(readFileSync(found.sound.file)));
    if (!read.ok) throw new Error(read.fault.en);
    const { coding, dataBytes, bits, channels, sampleRate } = read.format;
    expect(Math.round((dataBytes / (bits / 8) / channels / sampleRate) * 1_000)).toBe(500);
    if (coding !== 'pcm' || channels > 1) return;
    const { samples } = readWav(found.sound.file);
    expect(tonePurity(samples.subarray(100, -100), 400)).toBeGreaterThan(0.98);
  });

  it.each([
    ...[
      'with space.wav',
      '  lead.wav',
      'two  spaces.wav',
      '漢字 の 名前.wav',
      'か\u3099ぎ.wav',
      "quote'.wav",
      'a"b.wav',
    ],
    ...[
      'UPPER.WAV',
      'x:y.wav',
      'a,b.wav',
      '$(x).wav',
      '[1].wav',
      'a#b.wav',
      'a\nb.wav',
      '-dash.wav',
      'no-end',
      'per%41.wav',
    ],
  ])('by the name %j', async (name) => {
    writeFileSync(place(name), whole);
    expect(await faultOf(name)).toBeUndefined();
    const found = await find(name);
    if (!found.ok || !('file' in found.sound)) throw new Error(JSON.stringify(found));
    // No switch makes something else of it.
    expect(found.sound.file).toMatch(/^[\w./ -]+\.wav$/i);
    expect(readWav(found.sound.file).samples.length).toBe(4_000);
  });

  it('by its name composed, where the folder has it decomposed, and the other way round', async () => {
    writeFileSync(place('が.wav'.normalize('NFD')), whole);
    writeFileSync(place('ぴ.wav'.normalize('NFC')), whole);
    for (const name of ['が.wav'.normalize('NFC'), 'ぴ.wav'.normalize('NFD')])
      expect(await faultOf(name)).toBeUndefined();
  });
});

describe('refused', () => {
  it.each<[string, Buffer, RegExp]>([
    ['AIFF', made('-t', 'aiff'), /AIFF/],
    ['FLAC', made('-t', 'flac'), /FLAC/],
    ['Ogg', made('-t', 'ogg'), /Ogg/],
    ['AU', made('-t', 'au'), /AU/],
    ['CAF', made('-t', 'caf'), /CAF/],
    ['Wave64', made('-t', 'w64'), /Wave64/],
    ['GSM in a WAV', made('-t', 'wav', '-e', 'gsm-full-rate'), /GSM/],
    ['IMA ADPCM in a WAV', made('-t', 'wav', '-e', 'ima-adpcm'), /IMA ADPCM/],
    ['Microsoft ADPCM in a WAV', made('-t', 'wav', '-e', 'ms-adpcm'), /Microsoft ADPCM/],
    ['raw samples', made('-t', 'raw', '-b', '16', '-e', 'signed'), /no WAV file/],
    ['RIFX', bigEndian(), /RIFX/],
    ['no sound', toneWav(0), /holds no sound/],
    [
      'the sound before its format',
      Buffer.concat([whole.subarray(0, 12), whole.subarray(36), whole.subarray(12, 36)]),
      /names no format/,
    ],
    ['12 bit', patched((bytes) => bytes.writeUInt16LE(12, 34)), /12 bit/],
    ['0 bit', patched((bytes) => bytes.writeUInt16LE(0, 34)), /0 bit/],
    ['half a header', whole.subarray(0, 11), /no WAV file/],
    ['a web page', Buffer.from('<!DOCTYPE html><title>404</title>'), /text/],
    ['a pointer of Git LFS', Buffer.from('version https://git-lfs.github.com/spec/v1\noid sha256:ab\n'), /text/],
    ['a ZIP file', Buffer.from('PK\x03\x04\x14\0\0\0'), /ZIP/],
    [
      'a tag of MP3 before a WAV',
      Buffer.concat([Buffer.from('ID3\x03\0\0\0\0\0\x0a'), Buffer.alloc(10), whole]),
      /MP3/,
    ],
    [
      'a chunk longer than the file',
      toneWav(0, { before: [Buffer.from('LIST\xff\xff\xff\x7f', 'latin1')] }),
      /cut off/,
    ],
  ])('%s', async (_what, content, word) => {
    writeFileSync(place('sound.wav'), content);
    const fault = await faultOf('sound.wav');
    expect(fault).toMatchObject({ message: expect.stringMatching(word), remedy: expect.stringContaining('16 bit') });
    expect((await find('sound.wav')).ok).toBe(false);
  });

  it('what is no file, and what lies outside, at once and without its path', async () => {
    mkdirSync(place('folder.wav'));
    execFileSync('mkfifo', [place('pipe.wav')]);
    symlinkSync('/etc/passwd', place('out.wav'));
    symlinkSync('/dev/zero', place('device.wav'));
    symlinkSync('loop.wav', place('loop.wav'));
    symlinkSync('gone.wav', place('dangling.wav'));
    writeFileSync(place('real.wav'), whole);
    symlinkSync('real.wav', place('in.wav'));
    const said = async (name: string) => (await faultOf(name))?.message ?? 'played';
    expect(await said('folder.wav')).toContain('is not a file');
    expect(await said('pipe.wav')).toContain('is not a file');
    for (const name of ['out.wav', 'device.wav', '../x.wav', '/etc/passwd']) {
      expect(await said(name)).toContain('out of the flow folder');
    }
    for (const name of ['loop.wav', 'dangling.wav', 'none.wav', `${'a'.repeat(300)}.wav`, 'real.wav/x.wav']) {
      expect(await said(name)).not.toContain(folder);
      expect(await said(name)).not.toBe('played');
    }
    expect(await said('in.wav')).toBe('played');
  });
});

describe('texts, by eSpeak NG', () => {
  const voice = espeakNg({ language: 'ja', voice: 'ja' });
  const texts = () => createPromptChecks({ ...options(), synthesizers: [voice] });

  it.each(['。。。', '、', '？！', '…', '   ', '\n', '〜', '・', '「」', '\u200b', '--'])(
    'of which nothing is said are refused: %j',
    async (text) => {
      expect(await texts().faultOf({ text, language: 'ja' })).toMatchObject({
        message: expect.stringContaining('nothing in the text'),
        ja: { message: expect.stringContaining('言葉がありません') },
      });
    },
  );

  it.each([
    ['がぎぐ', 'がぎぐ'.normalize('NFD')],
    ['キロ', '㌔'],
    ['5から10', '5〜10'],
    ['5から10', '5～10'],
    ['はい いいえ', 'はい／いいえ'],
    ['です', '〜です'],
    ['ガム', 'ｶﾞﾑ'],
    ['12', '１２'],
  ])('%s is what is said of %j', async (plain, text) => {
    expect(await texts().faultOf({ text, language: 'ja' })).toBeUndefined();
    const said = async (words: string) => {
      const found = await createPromptLibrary({ ...options(), synthesizers: [voice], clock: new FakeClock() }).explain({
        ...{ text: words, language: 'ja' },
      });
      if (!found.ok || !('file' in found.sound)) throw new Error(JSON.stringify(found));
      return readWav(found.sound.file).samples.length;
    };
    const [one, other] = [await said(plain), await said(text)];
    expect(Math.abs(one - other)).toBeLessThan(1_000);
  });
});
