import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decodeWav, encodeWav, type Pcm } from '../../src/speech/audio.ts';
import { createPromptLibrary, type PromptLibraryOptions } from '../../src/speech/prompt-library.ts';
import { createSlots } from '../../src/speech/slots.ts';
import {
  commandSynthesizer,
  espeakNg,
  japaneseVoice,
  openJtalk,
  type Synthesizer,
  splitText,
} from '../../src/speech/synthesizer.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { eventually } from '../support/poll.ts';

let folder: string;
let flowFolder: string;
let cacheFolder: string;
let clock: FakeClock;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'denwaban-prompts-'));
  flowFolder = join(folder, 'flows');
  cacheFolder = join(folder, 'cache');
  clock = new FakeClock();
  mkdirSync(join(flowFolder, 'ja'), { recursive: true });
  writeFileSync(join(flowFolder, 'ja', 'hello.wav'), encodeWav(beep));
  writeFileSync(join(folder, 'secret.wav'), encodeWav(beep));
});
afterEach(() => rmSync(folder, { recursive: true }));

const beep: Pcm = { sampleRate: 8_000, samples: Float32Array.from({ length: 4_000 }, (_unused, i) => Math.sin(i / 3)) };
const library = (more: Partial<PromptLibraryOptions> = {}) =>
  createPromptLibrary({ flowFolder, cacheFolder, clock, ...more });

/** A voice that says when it speaks and waits until it may end. */
class HeldVoice implements Synthesizer {
  readonly language = 'ja';
  readonly voice = 'held';
  readonly spoken: string[] = [];
  readonly #held: { end: () => void; fail: (error: Error) => void }[] = [];

  speak(text: string): Promise<Pcm> {
    this.spoken.push(text);
    return new Promise((resolve, reject) => this.#held.push({ end: () => resolve(beep), fail: reject }));
  }

  end(): void {
    this.#held.shift()?.end();
  }

  fail(): void {
    this.#held.shift()?.fail(new Error('no voice today'));
  }
}

describe('a file', () => {
  it('is given at once, with its absolute path', () => {
    expect(library().resolve({ file: 'ja/hello.wav' })).toEqual({ file: join(flowFolder, 'ja', 'hello.wav') });
  });

  it('may be named absolutely where it lies in the flow folder', () => {
    const file = join(flowFolder, 'ja', 'hello.wav');
    expect(library().resolve({ file })).toEqual({ file });
  });

  it.each([
    'ja/none.wav',
    'ja',
    '../secret.wav',
    'ja/../../secret.wav',
    '..\\secret.wav',
    '/etc/hostname',
    'ja/hello.wav\0',
    '',
  ])('%j can not be had', (file) => {
    expect(library().resolve({ file })).toBeUndefined();
    expect(library().explain({ file })).toMatchObject({ ok: false, outcome: 'not-found' });
  });

  it('behind a link that leads out of the flow folder can not be had', () => {
    symlinkSync(join(folder, 'secret.wav'), join(flowFolder, 'link.wav'));
    symlinkSync(folder, join(flowFolder, 'up'));
    expect(library().resolve({ file: 'link.wav' })).toBeUndefined();
    expect(library().resolve({ file: 'up/secret.wav' })).toBeUndefined();
  });

  it('of a folder that begins with the same name can not be had', () => {
    mkdirSync(`${flowFolder}-other`);
    writeFileSync(join(`${flowFolder}-other`, 'x.wav'), encodeWav(beep));
    expect(library().resolve({ file: `${flowFolder}-other/x.wav` })).toBeUndefined();
  });

  it('that comes later is found then', () => {
    const prompts = library();
    expect(prompts.resolve({ file: 'late.wav' })).toBeUndefined();
    writeFileSync(join(flowFolder, 'late.wav'), encodeWav(beep));
    expect(prompts.resolve({ file: 'late.wav' })).toEqual({ file: join(flowFolder, 'late.wav') });
  });
});

it('tones and silence are given as they are', () => {
  expect(library().resolve({ tone: '%(100,0,440)', loops: 2 })).toEqual({ tone: '%(100,0,440)', loops: 2 });
  expect(library().resolve({ silenceMs: 100 })).toEqual({ silenceMs: 100 });
});

describe('a text', () => {
  const prompt = { text: 'はい', language: 'ja' };

  it('without a voice can not be had, and the reason names the language but not the text', () => {
    const found = library().explain({ text: 'personal', language: 'fr' });
    expect(found).toEqual({ ok: false, outcome: 'not-found', reason: 'no voice for language "fr"' });
  });

  it('is spoken once, kept, and then given at once, also by the next library', async () => {
    const voice = new HeldVoice();
    const prompts = library({ synthesizers: [voice] });
    const both = Promise.all([prompts.resolve(prompt), prompts.resolve(prompt)]);
    await eventually('the voice to speak', () => voice.spoken.length === 1);
    voice.end();
    const [first, second] = await both;
    expect(first).toEqual(second);
    expect(voice.spoken).toEqual(['はい']);
    expect(prompts.resolve(prompt)).toEqual(first);
    expect(library({ synthesizers: [voice] }).resolve(prompt)).toEqual(first);
    const names = readdirSync(cacheFolder);
    expect(names).toHaveLength(1);
    expect(decodeWav(readFileSync(join(cacheFolder, names[0] ?? ''))).sampleRate).toBe(8_000);
  });

  it('has another file for another text and another voice', async () => {
    const voice = new HeldVoice();
    const other = Object.assign(new HeldVoice(), { voice: 'other' });
    const found = [
      library({ synthesizers: [voice] }).resolve(prompt),
      library({ synthesizers: [voice] }).resolve({ ...prompt, text: 'いいえ' }),
      library({ synthesizers: [other] }).resolve(prompt),
    ];
    await eventually('the voices to speak', () => voice.spoken.length + other.spoken.length === 3);
    voice.end();
    voice.end();
    other.end();
    const files = (await Promise.all(found)).map((sound) => (sound && 'file' in sound ? sound.file : ''));
    expect(new Set(files).size).toBe(3);
  });

  it('that could not be spoken is not found, leaves no file, and is tried again only after a while', async () => {
    const voice = new HeldVoice();
    const prompts = library({ synthesizers: [voice] });
    const found = prompts.resolve(prompt);
    await eventually('the voice to speak', () => voice.spoken.length === 1);
    voice.fail();
    expect(await found).toBeUndefined();
    expect(prompts.explain(prompt)).toMatchObject({ ok: false, reason: 'no voice today' });
    await clock.advance(31_000);
    const again = prompts.resolve(prompt);
    await eventually('the voice to speak again', () => voice.spoken.length === 2);
    voice.end();
    expect(await again).toMatchObject({ file: expect.stringContaining('.wav') });
  });

  it('waits for its turn, and is not found when the line is full', async () => {
    const voice = new HeldVoice();
    const prompts = library({ synthesizers: [voice], concurrency: 1, waitingMax: 1 });
    const found = ['一', '二', '三'].map((text) => prompts.resolve({ text, language: 'ja' }));
    expect(await found[2]).toBeUndefined();
    expect(voice.spoken).toEqual(['一']);
    voice.end();
    await found[0];
    await eventually('the next to be spoken', () => voice.spoken.length === 2);
    voice.end();
    expect(await found[1]).toBeDefined();
  });

  it('pushes the oldest out of a full cache', async () => {
    const voice = new HeldVoice();
    mkdirSync(cacheFolder);
    for (const name of ['a', 'b', 'c']) writeFileSync(join(cacheFolder, `${name}.wav`), '');
    const found = library({ synthesizers: [voice], cacheFilesMax: 2 }).resolve(prompt);
    await eventually('the voice to speak', () => voice.spoken.length === 1);
    voice.end();
    const sound = await found;
    expect(readdirSync(cacheFolder)).toHaveLength(2);
    expect(sound && 'file' in sound ? readdirSync(cacheFolder).some((name) => sound.file.endsWith(name)) : false).toBe(
      true,
    );
  });
});

describe('the slots', () => {
  it('are free again after a failure', async () => {
    const slots = createSlots(1, 1);
    await expect(slots.run(() => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    expect(await slots.run(() => Promise.resolve('next'))).toBe('next');
  });
});

describe('a synthesizer command', () => {
  /** A program that stands in for a voice: a shell script. */
  function program(lines: string): string {
    const file = join(folder, 'voice.sh');
    writeFileSync(file, `#!/bin/sh\n${lines}\n`);
    chmodSync(file, 0o755);
    return file;
  }
  const voiceOf = (command: string, timeoutMs?: number) =>
    commandSynthesizer({
      language: 'ja',
      voice: 'test',
      command,
      args: (wavFile) => [wavFile, join(folder, 'secret.wav'), join(folder, 'heard.txt')],
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    });

  it('gets the text on its input only, and nothing in it is run or taken as an option', async () => {
    const nasty = '--help; $(touch pwned) `touch pwned` "quote\n-x second line';
    const voice = voiceOf(program('cat > "$3"; echo "$@" >> "$3.args"; cp "$2" "$1"'));
    const sound = await voice.speak(nasty);
    expect(sound.samples.length).toBe(4_000);
    expect(readFileSync(join(folder, 'heard.txt'), 'utf8').trim()).toBe(nasty.replace('\n', ' '));
    expect(readFileSync(join(folder, 'heard.txt.args'), 'utf8')).not.toContain('touch');
    expect(readdirSync(folder)).not.toContain('pwned');
  });

  it.each([
    ['is missing', '/nowhere/voice', 'is not installed'],
    ['fails', 'exit 3', 'failed (3)'],
    ['writes nothing', 'cat > /dev/null', 'wrote no file'],
    ['writes no sound', 'echo hello > "$1"', 'not a readable WAV'],
  ])('that %s is told', async (_what, lines, message) => {
    const command = lines.startsWith('/') ? lines : program(lines);
    await expect(voiceOf(command).speak('x')).rejects.toThrow(message);
  });

  it('that hangs is ended', async () => {
    await expect(voiceOf(program('exec sleep 60'), 200).speak('x')).rejects.toThrow('took too long');
  });

  it('leaves no files behind', async () => {
    const before = readdirSync(tmpdir()).filter((name) => name.startsWith('denwaban-speech-'));
    await voiceOf(program('cp "$2" "$1"')).speak('x');
    await voiceOf(program('exit 1'))
      .speak('x')
      .catch(() => undefined);
    const after = readdirSync(tmpdir()).filter((name) => name.startsWith('denwaban-speech-'));
    expect(after.filter((name) => !before.includes(name))).toEqual([]);
  });

  it('gets a long text in parts, of which nothing is lost', () => {
    const text = 'これは長い文です。とても、とても長い文です。'.repeat(50);
    const parts = splitText(text, 300);
    expect(parts.length).toBeGreaterThan(1);
    expect(parts.join('')).toBe(text);
    for (const part of parts) expect(Buffer.byteLength(part)).toBeLessThanOrEqual(300);
    const unbroken = splitText('あ'.repeat(1_000), 300);
    expect(unbroken.join('')).toBe('あ'.repeat(1_000));
    for (const part of unbroken) expect(Buffer.byteLength(part)).toBeLessThanOrEqual(300);
    expect(splitText('  \n ', 300)).toEqual([]);
  });
});

describe('the voices of Debian', () => {
  const voiceFile = '/usr/share/hts-voice/nitech-jp-atr503-m001/nitech_jp_atr503_m001.htsvoice';
  it.each([
    ['ja', 'お電話ありがとうございます。', openJtalk(), ['/usr/bin/open_jtalk', voiceFile]],
    ['en', 'Thank you for calling.', espeakNg(), ['/usr/bin/espeak-ng']],
  ] as const)('speak %s, or tell what is missing', async (language, text, voice, needed) => {
    const found = await library({ synthesizers: [voice] }).explain({ text, language });
    if (!needed.every((path) => existsSync(path))) {
      expect(found).toMatchObject({
        ok: false,
        reason: expect.stringMatching(/is not installed|failed|wrote no file/),
      });
      return;
    }
    expect(found).toMatchObject({ ok: true });
    const { sampleRate, samples } = decodeWav(readFileSync(found.ok && 'file' in found.sound ? found.sound.file : ''));
    expect(sampleRate).toBe(8_000);
    expect(samples.length / sampleRate).toBeGreaterThan(0.7);
    expect(samples.length / sampleRate).toBeLessThan(5);
  });
});

describe('Japanese', () => {
  it('is spoken by Open JTalk where it and its voice are installed', () => {
    expect(japaneseVoice(() => true)).toEqual({ synthesizer: expect.objectContaining({ language: 'ja' }) });
    expect(japaneseVoice(() => true).synthesizer.voice).toMatch(/^open-jtalk:/);
  });

  it('in kana by eSpeak NG where they are not; kanji are not tried, and it is said what is missing', async () => {
    const { synthesizer, missing } = japaneseVoice(() => false);
    expect(missing).toMatchObject({
      what: 'open_jtalk',
      remedy: expect.stringContaining('apt-get install open-jtalk'),
    });
    expect(japaneseVoice((file) => file.endsWith('open_jtalk')).missing?.what).toContain('voice');
    const { explain } = library({ synthesizers: [synthesizer] });
    const spoken = await explain({ text: 'さくらしか、へのおでんわです。', language: 'ja' });
    if (!spoken.ok || !('file' in spoken.sound)) throw new Error(JSON.stringify(spoken));
    const { samples, sampleRate } = decodeWav(readFileSync(spoken.sound.file));
    expect((samples.length / sampleRate) * 1_000).toBeGreaterThan(1_000);
    expect(await explain({ text: '桜歯科へのお電話です。', language: 'ja' })).toEqual({
      ...{ ok: false, outcome: 'not-found', reason: expect.stringContaining('cannot read') },
    });
  });
});
