import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Clock } from '../kernel/clock.ts';
import { errorMessage } from '../kernel/errors.ts';
import { type Logger, silentLogger } from '../kernel/logger.ts';
import { telephoneWav } from './audio.ts';
import { prune, writeAtomically } from './cache-files.ts';
import { createSlots } from './slots.ts';
import { type FoundSound, soundFiles } from './sound-files.ts';
import type { Synthesizer } from './synthesizer.ts';

/** What is to be heard (as in `flow/protocol.ts`). */
export type SpeechPrompt =
  | { file: string }
  | { text: string; language: string }
  | { tone: string; loops?: number }
  | { silenceMs: number };

/** What a switch can play (as in `call/telephony.ts`); the file path is absolute. */
export type PromptSound = { file: string } | { tone: string; loops?: number } | { silenceMs: number };

export type PromptResolution =
  | { ok: true; sound: PromptSound }
  /** `reason` holds no personal data. */
  | { ok: false; outcome: 'not-found'; reason: string };

export interface PromptLibraryOptions {
  /** Folder that file prompts are relative to, and never leave. */
  flowFolder: string;
  /** Where spoken texts and converted files are kept; made when missing. */
  cacheFolder: string;
  clock: Clock;
  /** The first one for a language speaks it; none: texts are `not-found`. */
  synthesizers?: readonly Synthesizer[];
  /** How many texts are spoken at once, and how many may wait for that. */
  concurrency?: number;
  waitingMax?: number;
  /** Files kept in the cache; the oldest go first. */
  cacheFilesMax?: number;
  logger?: Logger;
}

export interface PromptLibrary {
  /**
   * The playable form of a prompt, at once where it is ready; undefined where it can't be had. A text that is not in
   * the cache is spoken first. Never throws or rejects.
   */
  resolve(prompt: SpeechPrompt): PromptSound | undefined | Promise<PromptSound | undefined>;
  /** The same, with the reason why it can't be had. */
  explain(prompt: SpeechPrompt): PromptResolution | Promise<PromptResolution>;
}

const knownMax = 10_000;
/** A text that could not be spoken is not tried again for this long: a broken voice must not cost every call a process. */
const retryAfterMs = 30_000;
/** Spoken texts between two looks at the size of the cache. */
const pruneEvery = 200;

const notFound = (reason: string): PromptResolution => ({ ok: false, outcome: 'not-found', reason });
const soundFile = (file: string): PromptResolution => ({ ok: true, sound: { file } });
const soundOf = (resolution: PromptResolution) => (resolution.ok ? resolution.sound : undefined);

/** Makes the prompt library of one flow folder. It needs no start and no stop. */
export function createPromptLibrary(options: PromptLibraryOptions): PromptLibrary {
  const findFile = fileFinder(options);
  const findText = textFinder(options);

  function explain(prompt: SpeechPrompt): PromptResolution | Promise<PromptResolution> {
    // Kana with marks are spelled in two ways that look the same; voices read the one.
    if ('text' in prompt) return findText(prompt.text.normalize('NFC'), prompt.language);
    return 'file' in prompt ? findFile(prompt.file) : { ok: true, sound: prompt };
  }

  return {
    explain,
    resolve: (prompt) => {
      const resolution = explain(prompt);
      return resolution instanceof Promise ? resolution.then(soundOf) : soundOf(resolution);
    },
  };
}

/** Finds files, and has those converted that not every switch plays. */
function fileFinder(options: PromptLibraryOptions): (file: string) => PromptResolution | Promise<PromptResolution> {
  const { flowFolder, cacheFolder, logger = silentLogger } = options;
  const slots = createSlots(options.concurrency ?? 2, options.waitingMax ?? 100);
  const find = soundFiles({ folder: flowFolder, cacheFolder, slots });
  return (file) => {
    const resolutionOf = (found: FoundSound): PromptResolution => {
      if (found.ok) return soundFile(found.file);
      logger.warn({ file, err: found.fault.en }, 'a prompt file cannot be played');
      return notFound(`${file} ${found.fault.en}`);
    };
    const found = find(file);
    return found instanceof Promise ? found.then(resolutionOf) : resolutionOf(found);
  };
}

type TextFinder = (text: string, language: string) => PromptResolution | Promise<PromptResolution>;

/** Finds texts in the cache, and has those spoken that are not there. */
function textFinder(options: PromptLibraryOptions): TextFinder {
  const { clock, synthesizers = [], logger = silentLogger, cacheFolder } = options;
  const slots = createSlots(options.concurrency ?? 2, options.waitingMax ?? 100);
  /** Texts being spoken now: who asks for the same one waits for it. */
  const underWay = new Map<string, Promise<PromptResolution>>();
  const failed = new Map<string, { untilMs: number; reason: string }>();
  let spokenCount = 0;

  async function speak(text: string, file: string, synthesizer: Synthesizer): Promise<PromptResolution> {
    try {
      const spoken = await slots.run(async () => telephoneWav(await synthesizer.speak(text)));
      if (spoken === undefined) return notFound('too many texts wait to be spoken');
      await writeAtomically(file, spoken);
      if (spokenCount++ % pruneEvery === 0) await prune(cacheFolder, options.cacheFilesMax ?? 5_000);
      return soundFile(file);
    } catch (error) {
      const reason = errorMessage(error);
      logger.warn({ language: synthesizer.language, err: reason }, 'a text could not be spoken');
      if (failed.size >= knownMax) failed.clear();
      failed.set(file, { untilMs: clock.monotonicMs() + retryAfterMs, reason });
      return notFound(reason);
    }
  }

  return (text, language) => {
    const synthesizer = synthesizers.find((candidate) => candidate.language === language);
    if (!synthesizer) return notFound(`no voice for language "${language}"`);
    if (synthesizer.canSpeak?.(text) === false) return notFound(`${synthesizer.voice} cannot read this text`);
    const file = resolve(cacheFolder, cacheName(language, synthesizer.voice, text));
    const waiting = underWay.get(file);
    if (waiting) return waiting;
    if (isFile(file)) return soundFile(file);
    const failure = failed.get(file);
    if (failure && clock.monotonicMs() < failure.untilMs) return notFound(failure.reason);
    const work = speak(text, file, synthesizer).finally(() => underWay.delete(file));
    underWay.set(file, work);
    return work;
  };
}

function cacheName(language: string, voice: string, text: string): string {
  const hash = createHash('sha256')
    .update(JSON.stringify([language, voice, text]))
    .digest('hex');
  return `${hash.slice(0, 40)}.wav`;
}

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
