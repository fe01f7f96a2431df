import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DenwabanError } from '../kernel/errors.ts';
import { decodeWav, join as joinAudio, type Pcm } from './audio.ts';

/** Speaks texts of one language. */
export interface Synthesizer {
  language: string;
  /** Name of the voice: part of the cache key. */
  voice: string;
  /** False: it has no words for this text, and is not asked. Left out: true for any. */
  canSpeak?(text: string): boolean;
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

/** A synthesizer that is a program writing WAV files. */
export function commandSynthesizer(options: CommandSynthesizerOptions): Synthesizer {
  const { language, voice, textBytesMax = 900 } = options;
  return {
    language,
    voice,
    speak: async (text) => {
      const folder = await mkdtemp(join(tmpdir(), 'denwaban-speech-'));
      try {
        const parts: Pcm[] = [];
        for (const part of splitText(text, textBytesMax)) parts.push(await speakPart(options, part, folder));
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
  const { command, timeoutMs = 10_000 } = options;
  await rm(wavFile, { force: true });
  await writeFile(textFile, text);
  await new Promise<void>((resolve, reject) => {
    const child = execFile(
      command,
      options.args(wavFile, textFile),
      {
        timeout: timeoutMs,
        killSignal: 'SIGKILL',
        maxBuffer: 1_000_000,
        env: { PATH: path, LANG: 'C.UTF-8' },
      },
      (error) => (error ? reject(failure(command, error)) : resolve()),
    );
    // The command may end before it has read all: its exit tells, not the pipe.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(`${text}\n`);
  });
  const wav = await readFile(wavFile).catch(() => undefined);
  if (wav === undefined) throw new DenwabanError('SPEECH_FAILED', `${command} wrote no file`);
  return decodeWav(wav);
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
/** Where commands are looked for. */
const path = '/usr/local/bin:/usr/bin:/bin';

/**
 * Japanese by what this machine has: Open JTalk, or else eSpeak NG, which reads kana but no kanji. `missing`: what would
 * be needed to read all.
 */
export function japaneseVoice(exists: (file: string) => boolean = existsSync): {
  synthesizer: Synthesizer;
  missing?: { what: string; remedy: string };
} {
  const hasCommand = path.split(':').some((folder) => exists(join(folder, 'open_jtalk')));
  if (hasCommand && exists(debianVoice)) return { synthesizer: openJtalk() };
  const kana = espeakNg({ language: 'ja', voice: 'ja' });
  return {
    synthesizer: { ...kana, canSpeak: (text) => !/\p{Script=Han}/u.test(text) },
    missing: {
      what: hasCommand ? 'a Japanese voice for open_jtalk' : 'open_jtalk',
      remedy:
        'apt-get install open-jtalk open-jtalk-mecab-naist-jdic hts-voice-nitech-jp-atr503-m001 (the voice is in contrib)',
    },
  };
}

/** Japanese by Open JTalk. The voice and dictionary are those of Debian's packages unless said otherwise. */
export function openJtalk(
  options: { voiceFile?: string; dictionary?: string; command?: string; timeoutMs?: number } = {},
): Synthesizer {
  const {
    voiceFile = debianVoice,
    dictionary = '/var/lib/mecab/dic/open-jtalk/naist-jdic',
    command = 'open_jtalk',
    timeoutMs,
  } = options;
  return commandSynthesizer({
    language: 'ja',
    voice: `open-jtalk:${voiceFile}`,
    command,
    args: (wavFile) => ['-x', dictionary, '-m', voiceFile, '-ow', wavFile],
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  });
}

/** English (or what `language` says) by eSpeak NG. */
export function espeakNg(
  options: { language?: string; voice?: string; command?: string; timeoutMs?: number } = {},
): Synthesizer {
  const { language = 'en', voice = 'en-us', command = 'espeak-ng', timeoutMs } = options;
  return commandSynthesizer({
    language,
    voice: `espeak-ng:${voice}`,
    command,
    args: (wavFile) => ['-v', voice, '-s', '150', '-w', wavFile, '--stdin'],
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  });
}
