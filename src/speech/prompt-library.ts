import { createHash } from 'node:crypto';
import { mkdir, readdir, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join, resolve, sep } from 'node:path';
import { errorMessage } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import { type Logger, silentLogger } from '../kernel/logger.ts';
import { telephoneWav } from './audio.ts';
import { createSlots } from './slots.ts';
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
  /** Where spoken texts are kept; made when missing. */
  cacheFolder: string;
  /** The first one for a language speaks it. */
  synthesizers?: readonly Synthesizer[];
  /** How many texts are spoken at once, and how many may wait for that. */
  concurrency?: number;
  waitingMax?: number;
  /** Files kept in the cache; the oldest go first. */
  cacheFilesMax?: number;
  logger?: Logger;
}

export interface PromptLibrary {
  /** The playable form of a prompt. Never rejects. A text that is not in the cache is spoken first. */
  resolve(prompt: SpeechPrompt): Promise<PromptResolution>;
}

const knownFilesMax = 10_000;
/** Spoken texts between two looks at the size of the cache. */
const pruneEvery = 200;

const notFound = (reason: string): PromptResolution => ({ ok: false, outcome: 'not-found', reason });

/** Makes the prompt library of one flow folder. It needs no start and no stop. */
export function createPromptLibrary(options: PromptLibraryOptions): PromptLibrary {
  const { synthesizers = [], logger = silentLogger } = options;
  const files = fileFinder(options.flowFolder);
  const slots = createSlots(options.concurrency ?? 2, options.waitingMax ?? 100);
  /** Texts being spoken now: who asks for the same one waits for it. */
  const underWay = new Map<string, Promise<PromptResolution>>();
  let spokenCount = 0;

  async function speak(text: string, file: string, synthesizer: Synthesizer): Promise<PromptResolution> {
    if (await isFile(file)) return { ok: true, sound: { file } };
    try {
      const spoken = await slots.run(async () => telephoneWav(await synthesizer.speak(text)));
      if (spoken === undefined) return notFound('too many texts wait to be spoken');
      await writeAtomically(file, spoken);
      if (spokenCount++ % pruneEvery === 0) await prune(options.cacheFolder, options.cacheFilesMax ?? 5_000);
      return { ok: true, sound: { file } };
    } catch (error) {
      logger.warn({ language: synthesizer.language, err: errorMessage(error) }, 'a text could not be spoken');
      return notFound(errorMessage(error));
    }
  }

  async function spoken(text: string, language: string): Promise<PromptResolution> {
    const synthesizer = synthesizers.find((candidate) => candidate.language === language);
    if (!synthesizer) return notFound(`no voice for language "${language}"`);
    const file = resolve(options.cacheFolder, cacheName(language, synthesizer.voice, text));
    const waiting = underWay.get(file);
    if (waiting) return waiting;
    const work = speak(text, file, synthesizer).finally(() => underWay.delete(file));
    underWay.set(file, work);
    return work;
  }

  return {
    resolve: async (prompt) => {
      if ('text' in prompt) return spoken(prompt.text, prompt.language);
      return 'file' in prompt ? files(prompt.file) : { ok: true, sound: prompt };
    },
  };
}

/** Finds WAV files inside the folder, links followed. What was found is remembered: a prompt is looked up once. */
function fileFinder(folder: string): (file: string) => Promise<PromptResolution> {
  const found = new Map<string, string>();
  return async (file) => {
    const known = found.get(file);
    if (known !== undefined) return { ok: true, sound: { file: known } };
    if (file.includes('\0') || file.split(/[/\\]/).includes('..'))
      return notFound(`${file} leads out of the flow folder`);
    try {
      const root = await realpath(folder);
      const path = await realpath(resolve(root, file));
      if (!path.startsWith(root + sep)) return notFound(`${file} leads out of the flow folder`);
      if (!(await stat(path)).isFile()) return notFound(`${file} is not a file`);
      if (found.size >= knownFilesMax) found.clear();
      found.set(file, path);
      return { ok: true, sound: { file: path } };
    } catch (error) {
      return notFound(`${file}: ${errorMessage(error)}`);
    }
  };
}

function cacheName(language: string, voice: string, text: string): string {
  const hash = createHash('sha256')
    .update(JSON.stringify([language, voice, text]))
    .digest('hex');
  return `${hash.slice(0, 40)}.wav`;
}

async function isFile(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found?.isFile() ?? false;
}

/** A reader sees the whole file or none. */
async function writeAtomically(file: string, content: Uint8Array): Promise<void> {
  await mkdir(resolve(file, '..'), { recursive: true });
  const draft = `${file}.${newId()}.part`;
  try {
    await writeFile(draft, content);
    await rename(draft, file);
  } finally {
    await rm(draft, { force: true });
  }
}

/** Texts with variables make ever new files: the oldest are dropped. */
async function prune(folder: string, filesMax: number): Promise<void> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.wav'));
  if (names.length <= filesMax) return;
  const aged = await Promise.all(
    names.map(async (name) => ({ name, atMs: (await stat(join(folder, name)).catch(() => undefined))?.mtimeMs ?? 0 })),
  );
  aged.sort((a, b) => a.atMs - b.atMs);
  const surplus = aged.slice(0, names.length - filesMax);
  await Promise.all(surplus.map(({ name }) => rm(join(folder, name), { force: true })));
}
