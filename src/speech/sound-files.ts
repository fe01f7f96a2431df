import { createHash } from 'node:crypto';
import { closeSync, existsSync, fstatSync, openSync, readSync, realpathSync, statSync } from 'node:fs';
import { relative, resolve, sep } from 'node:path';
import { Worker } from 'node:worker_threads';
import { errorMessage } from '../kernel/errors.ts';
import type { Slots } from './slots.ts';
import { type ByteSource, readWavFormat, type SoundFault, type WavFormat } from './wav.ts';

/** A file as it can be played, or why not. */
export type FoundSound = { ok: true; file: string } | { ok: false; fault: SoundFault };

export interface SoundFilesOptions {
  /** Files are named relative to it, and never lie outside. */
  folder: string;
  /** Where converted files are kept. */
  cacheFolder: string;
  /** How many are converted at once. */
  slots: Slots;
}

const knownMax = 10_000;
/** A switch plays no more of one prompt. */
const durationMaxMs = 60 * 60_000;
const fileBytesMax = 64 * 1024 * 1024;

interface Known {
  /** Of the file as it was looked at. */
  version: string;
  found: FoundSound | Promise<FoundSound>;
}

/**
 * Finds sound files inside the folder, links followed. What every switch plays alike is given as it is; any other WAV file
 * is converted once, into the cache; what is no WAV file is refused. What was found is remembered until the file changes.
 */
export function soundFiles(options: SoundFilesOptions): (file: string) => FoundSound | Promise<FoundSound> {
  const known = new Map<string, Known>();

  function look(file: string): FoundSound | Promise<FoundSound> {
    const outside = fault(`leads out of the flow folder`, 'はフローのフォルダの外を指しています');
    if (file.includes('\0') || file.split(/[/\\]/).includes('..')) return outside;
    try {
      const root = realpathSync(options.folder);
      const path = realpathSync(asSpelled(root, file));
      if (!path.startsWith(root + sep)) return outside;
      const { mtimeMs, size, isFile } = lookAt(path);
      // Never opened: a pipe would keep the whole program waiting for a writer.
      if (!isFile) return fault('is not a file', 'はファイルではありません');
      const version = `${path} ${mtimeMs} ${size}`;
      const before = known.get(file);
      if (before?.version === version && isThere(before.found)) return before.found;
      const found = inspect(path, relative(root, path), version, options);
      if (known.size >= knownMax) known.clear();
      const entry: Known = { version, found };
      known.set(file, entry);
      if (found instanceof Promise) found.then((done) => settle(entry, file, done));
      return found;
    } catch (error) {
      // The system's own words name the whole path, which is nobody's business.
      const why = error instanceof Error && 'code' in error ? String(error.code) : errorMessage(error);
      return fault(why === 'ENOENT' ? 'is not there' : `cannot be read (${why})`, 'を読み込めません');
    }
  }

  /** Later ones have it at once; what failed is tried again. */
  function settle(entry: Known, file: string, done: FoundSound): void {
    if (done.ok) entry.found = done;
    else known.delete(file);
  }
  return look;
}

/**
 * Where a file lies. Kana with marks are spelled in two ways that look the same, and a Macintosh makes of the one the
 * other, so that a name that is not there may be there in the other spelling.
 */
function asSpelled(root: string, file: string): string {
  const path = resolve(root, file);
  if (/^[\x20-\x7e]*$/.test(file) || existsSync(path)) return path;
  const other = [file.normalize('NFC'), file.normalize('NFD')].find((name) => existsSync(resolve(root, name)));
  return other === undefined ? path : resolve(root, other);
}

function lookAt(path: string) {
  const status = statSync(path);
  return { mtimeMs: status.mtimeMs, size: status.size, isFile: status.isFile() };
}

const fault = (en: string, ja: string): FoundSound => ({ ok: false, fault: { en, ja } });

/** A converted file may have been dropped from the cache meanwhile. */
function isThere(found: FoundSound | Promise<FoundSound>): boolean {
  if (found instanceof Promise || !found.ok) return true;
  return statSync(found.file, { throwIfNoEntry: false })?.isFile() === true;
}

function inspect(
  path: string,
  name: string,
  version: string,
  options: SoundFilesOptions,
): FoundSound | Promise<FoundSound> {
  const file = openSync(path, 'r');
  let format: WavFormat;
  try {
    const read = readWavFormat(fileSource(file, fstatSync(file).size));
    if (!read.ok) return read;
    format = read.format;
  } finally {
    closeSync(file);
  }
  if (isPlain(format, name)) return withinBounds(format) ?? { ok: true, file: path };
  const tooMuch = withinBounds(format) ?? (format.dataBytes > fileBytesMax ? tooLarge : undefined);
  if (tooMuch) return tooMuch;
  const hash = createHash('sha256').update(version).digest('hex').slice(0, 40);
  const converted = resolve(options.cacheFolder, `${hash}.file.wav`);
  if (statSync(converted, { throwIfNoEntry: false })?.isFile()) return { ok: true, file: converted };
  return options.slots
    .run(() => convertInWorker(path, converted))
    .then(
      (done) => (done === undefined ? busy : { ok: true, file: converted }),
      (error: unknown) => fault(`cannot be converted (${errorMessage(error)})`, 'を変換できません'),
    );
}

const busy = fault('waits for too many others to be converted', 'は変換待ちが多すぎるため使えません');
const tooLarge = fault('is larger than 64 MB', 'は 64 MB を超えています');

function withinBounds({ dataBytes, bits, channels, sampleRate }: WavFormat): FoundSound | undefined {
  const durationMs = (dataBytes / (bits / 8) / channels / sampleRate) * 1_000;
  return durationMs > durationMaxMs ? fault('is longer than an hour', 'は 1 時間を超えています') : undefined;
}

/** What the embedded switch and FreeSWITCH play alike: anything else is left to neither. */
function isPlain(format: WavFormat, name: string): boolean {
  const { coding, bits, channels, sampleRate, isExact } = format;
  const isCommon =
    (coding === 'pcm' && bits === 16 && channels <= 2) || (bits === 8 && coding !== 'pcm' && channels === 1);
  // FreeSWITCH chooses how to read a file by its name's end, and takes some characters of a name for its own.
  const isNamed = /^[\w./ -]+\.wav$/i.test(name) && !name.includes('  ');
  return isCommon && isNamed && isExact && sampleRate >= 8_000 && sampleRate <= 48_000;
}

/** A file that is open. */
function fileSource(file: number, size: number): ByteSource {
  return {
    size,
    read: (offset, length) => {
      const bytes = Buffer.alloc(Math.max(0, Math.min(length, size - offset)));
      return bytes.subarray(0, readSync(file, bytes, 0, bytes.length, offset));
    },
  };
}

/** Beside the main thread, which has calls to serve. */
function convertInWorker(from: string, to: string): Promise<true> {
  return new Promise((done, fail) => {
    const worker = new Worker(new URL('./conversion-worker.ts', import.meta.url), { workerData: { from, to } });
    worker.once('error', fail);
    worker.once('exit', (code) => (code === 0 ? done(true) : fail(new Error(`the conversion ended with ${code}`))));
  });
}
