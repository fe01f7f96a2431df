import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DenwabanError } from '../kernel/errors.ts';
import { decodeWav, join as joinAudio, type Pcm } from './audio.ts';
import { plainForEspeak, plainForEspeakInJapanese, unspokenByEspeak, unspokenByTrace, wordsOf } from './voice-check.ts';

/** Speaks texts of one language. */
export interface Synthesizer {
  language: string;
  /** Name of the voice: part of the cache key. */
  voice: string;
  /** False: it has no words for this text, and is not asked. Left out: true for any. */
  canSpeak?(text: string): boolean;
  /** Parts of a text that it would leave out, or read so that nobody understands them. Left out: none. */
  unspoken?(text: string): Promise<string[]>;
  /** False: its command, voice or dictionary is not on this machine. Left out: true. */
  isInstalled?(): boolean;
  /** The text as sound. @throws DenwabanError `SPEECH_FAILED` when the command is missing, fails or takes too long. */
  speak(text: string): Promise<Pcm>;
}

export interface CommandSynthesizerOptions {
  language: string;
  voice: string;
  /** Run without a shell; the text comes on its standard input, and in a file, and never in its arguments. */
  command: string;
  args: (wavFile: string, textFile: string) => string[];
  timeoutMs?: number;
  /** Longest text the command takes at once, in bytes of UTF-8; longer ones are split. */
  textBytesMax?: number;
}

const pauseMs = 250;
const defaultTimeoutMs = 10_000;
/** Longest text that a command takes at once, in bytes of UTF-8. */
const textBytesMax = 900;

/** A synthesizer that is a program writing WAV files. */
export function commandSynthesizer(options: CommandSynthesizerOptions): Synthesizer {
  const { language, voice } = options;
  return {
    language,
    voice,
    speak: async (text) => {
      const folder = await mkdtemp(join(tmpdir(), 'denwaban-speech-'));
      try {
        const parts: Pcm[] = [];
        for (const part of splitText(text, options.textBytesMax ?? textBytesMax))
          parts.push(await speakPart(options, part, folder));
        return joinAudio(parts, pauseMs);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
  };
}

async function speakPart(options: CommandSynthesizerOptions, text: string, folder: string): Promise<Pcm> {
  const wavFile = join(folder, 'speech.wav');
  const textFile = join(folder, 'text.txt');
  const { command, timeoutMs = defaultTimeoutMs } = options;
  await rm(wavFile, { force: true });
  await writeFile(textFile, text);
  await run(command, options.args(wavFile, textFile), text, timeoutMs);
  const wav = await readFile(wavFile).catch(() => undefined);
  if (wav === undefined) throw new DenwabanError('SPEECH_FAILED', `${command} wrote no file`);
  return decodeWav(wav);
}

/** Runs a command with the text as its input. Resolves with its output. @throws DenwabanError `SPEECH_FAILED`. */
function run(command: string, args: string[], text: string, timeoutMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      command,
      args,
      {
        timeout: timeoutMs,
        killSignal: 'SIGKILL',
        maxBuffer: 1_000_000,
        env: { PATH: path, LANG: 'C.UTF-8' },
      },
      (error, stdout) => (error ? reject(failure(command, error)) : resolve(stdout)),
    );
    // The command may end before it has read all: its exit tells, not the pipe.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(`${text}\n`);
  });
}

/** The message holds no text: that may be personal. */
function failure(command: string, error: Error & { code?: unknown; killed?: boolean }): DenwabanError {
  const why =
    error.code === 'ENOENT' ? 'is not installed' : error.killed ? 'took too long' : `failed (${String(error.code)})`;
  return new DenwabanError('SPEECH_FAILED', `${command} ${why}`);
}

/** One line each, cut after sentences, else after commas, else anywhere between characters. */
export function splitText(text: string, bytesMax: number): string[] {
  const clean = text.replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim();
  const parts: string[] = [];
  let part = '';
  for (const piece of clean.split(/(?<=[。．！？.!?、,])/u).flatMap((sentence) => cut(sentence, bytesMax))) {
    if (part !== '' && Buffer.byteLength(part + piece) > bytesMax) {
      parts.push(part);
      part = '';
    }
    part += piece;
  }
  return part.trim() === '' ? parts : [...parts, part];
}

function cut(sentence: string, bytesMax: number): string[] {
  if (Buffer.byteLength(sentence) <= bytesMax) return [sentence];
  const charsMax = Math.max(1, Math.floor(bytesMax / 4));
  const chars = [...sentence];
  const count = Math.ceil(chars.length / charsMax);
  return Array.from({ length: count }, (_unused, index) =>
    chars.slice(index * charsMax, (index + 1) * charsMax).join(''),
  );
}

const debianVoice = '/usr/share/hts-voice/nitech-jp-atr503-m001/nitech_jp_atr503_m001.htsvoice';
const debianDictionary = '/var/lib/mecab/dic/open-jtalk/naist-jdic';
/** Where commands are looked for. */
const path = '/usr/local/bin:/usr/bin:/bin';

type Exists = (file: string) => boolean;

function hasCommand(command: string, exists: Exists): boolean {
  return path.split(':').some((folder) => exists(join(folder, command)));
}

/**
 * Japanese by what this machine has: Open JTalk, or else eSpeak NG, which reads kana but no kanji. `missing`: what would
 * be needed to read all.
 */
export function japaneseVoice(exists: Exists = existsSync): {
  synthesizer: Synthesizer;
  missing?: { what: string; remedy: string };
} {
  const isThere = hasCommand('open_jtalk', exists);
  if (isThere && exists(debianVoice) && exists(debianDictionary)) return { synthesizer: openJtalk() };
  const kana = espeakNg({ language: 'ja', voice: 'ja' });
  return {
    synthesizer: { ...kana, canSpeak: (text) => !/\p{Script=Han}/u.test(plainForEspeak(text, 'ja')) },
    missing: { what: isThere ? 'a Japanese voice for open_jtalk' : 'open_jtalk', remedy: japanesePackages },
  };
}

export const japanesePackages =
  'apt-get install open-jtalk open-jtalk-mecab-naist-jdic hts-voice-nitech-jp-atr503-m001 (the voice is in contrib)';

/** Japanese by Open JTalk. The voice and dictionary are those of Debian's packages unless said otherwise. */
export function openJtalk(
  options: { voiceFile?: string; dictionary?: string; command?: string; timeoutMs?: number } = {},
): Synthesizer {
  const {
    voiceFile = debianVoice,
    dictionary = debianDictionary,
    command = 'open_jtalk',
    timeoutMs = defaultTimeoutMs,
  } = options;
  const base = ['-x', dictionary, '-m', voiceFile];
  return {
    ...commandSynthesizer({
      language: 'ja',
      voice: `open-jtalk:${voiceFile}`,
      command,
      args: (wavFile) => [...base, '-ow', wavFile],
      timeoutMs,
    }),
    isInstalled: () => hasCommand(command, existsSync) && existsSync(voiceFile) && existsSync(dictionary),
    unspoken: async (text) => {
      if (/^[\p{Script=Hiragana}\p{Script=Katakana}ー、。！？\s]*$/u.test(text)) return [];
      const folder = await mkdtemp(join(tmpdir(), 'denwaban-speech-'));
      try {
        const parts: string[] = [];
        for (const part of splitText(text, textBytesMax)) parts.push(...(await traced(part, folder)));
        return [...new Set(parts)];
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
  };

  /** Of a text without a single word that it knows there is no trace: it fails. */
  async function traced(text: string, folder: string): Promise<string[]> {
    const traceFile = join(folder, 'trace.txt');
    await rm(traceFile, { force: true });
    // Spoken fast: what it says counts, not how it sounds.
    const args = [...base, '-r', '20', '-ow', '/dev/null', '-ot', traceFile];
    const failed = await run(command, args, text, timeoutMs).then(
      () => undefined,
      (error: unknown) => error,
    );
    const trace = await readFile(traceFile, 'utf8').catch(() => '');
    if (trace.includes('[Text analysis result]')) return unspokenByTrace(text, trace);
    if (failed !== undefined && isInstalledAt()) return [text];
    throw failed ?? new DenwabanError('SPEECH_FAILED', `${command} wrote no trace`);
  }

  function isInstalledAt(): boolean {
    return existsSync(voiceFile) && existsSync(dictionary);
  }
}

/** English (or what `language` says) by eSpeak NG. */
export function espeakNg(
  options: { language?: string; voice?: string; command?: string; timeoutMs?: number } = {},
): Synthesizer {
  const { language = 'en', voice = 'en-us', command = 'espeak-ng', timeoutMs = defaultTimeoutMs } = options;
  const spoken = commandSynthesizer({
    language,
    // Recordings are kept by it: those of Japanese said otherwise before numbers were written in kana.
    voice: language === 'ja' ? `espeak-ng:${voice}:kana` : `espeak-ng:${voice}`,
    command,
    args: (wavFile) => ['-v', voice, '-s', '150', '-w', wavFile, '--stdin'],
    timeoutMs,
  });
  return {
    ...spoken,
    speak: (text) => spoken.speak(language === 'ja' ? plainForEspeakInJapanese(text) : plainForEspeak(text, language)),
    isInstalled: () => hasCommand(command, existsSync),
    unspoken: async (text) => {
      const plain = plainForEspeak(text, language);
      const silent = unspokenByEspeak(language, plain);
      if (language !== 'ja') return silent;
      // Kana that no word begins with, or that stand alone, are named as letters.
      const kana = wordsOf(plain).filter((word) => /^[\p{Script=Hiragana}\p{Script=Katakana}ー]+$/u.test(word));
      const phonemes = await run(command, ['-q', '-x', '-v', voice, '--stdin'], kana.join('\n'), timeoutMs);
      if (!/\(en\)/.test(phonemes)) return silent;
      const named: string[] = [];
      for (const word of kana) {
        if (/\(en\)/.test(await run(command, ['-q', '-x', '-v', voice, '--stdin'], word, timeoutMs))) named.push(word);
      }
      return [...silent, ...named];
    },
  };
}
