import type { FileHandle } from 'node:fs/promises';
import { open, stat } from 'node:fs/promises';
import type { Codec } from './api.ts';
import { decode, encode, samplesPerMs, silenceByte } from './g711.ts';
import { Resampler } from './resample.ts';
import { parseTones, renderStep, type ToneScore } from './tones.ts';
import { parseWavHeader, type WavFormat, wavSearchBytes } from './wav.ts';

/** A source ready to be sent: G.711 bytes, or so many samples of silence. */
export type Segment =
  | { kind: 'audio'; audio: Buffer; loops: number }
  /** `samples` Infinity = for ever. */
  | { kind: 'silence'; samples: number };

/** What the store holds at most, of all prompts and tones together. */
const maxStoredBytes = 48 * 1024 * 1024;
/** Longest file that is played, and so the most that one prompt takes. */
export const longestPromptMs = 60 * 60_000;
/** A file looked at so recently is not looked at again. */
const freshMs = 250;
/** Read and converted in pieces of under a millisecond, so that the wheel turns in between. */
const pieceBytes = 16 * 1024;
const maxPathLength = 4_096;

interface Entry {
  segment: Segment;
  bytes: number;
  /** `mtime/size` of the file; empty for tones, which never change. */
  version: string;
  checkedAtMs: number;
}

/**
 * Prompts and tones, decoded once, resampled, and encoded in the codec of those who hear them: 800 legs that play one
 * prompt share one copy. The least recently used go first.
 */
export class PromptStore {
  readonly #entries = new Map<string, Entry>();
  readonly #loading = new Map<string, Promise<Segment | undefined>>();
  #bytes = 0;
  readonly #maxBytes: number;

  constructor(maxBytes = maxStoredBytes) {
    this.#maxBytes = maxBytes;
  }

  get storedBytes(): number {
    return this.#bytes;
  }

  /**
   * A source by its FreeSWITCH name, in `codec`. At once where it is in the store and known to be unchanged.
   * Undefined: there is no such file, or it can't be played.
   */
  load(source: string, codec: Codec): Segment | undefined | Promise<Segment | undefined> {
    if (source.length > maxPathLength) return undefined;
    if (source.startsWith('silence_stream://')) return parseSilence(source.slice('silence_stream://'.length));
    const key = `${codec} ${source}`;
    const entry = this.#entries.get(key);
    if (entry && (entry.version === '' || performance.now() - entry.checkedAtMs < freshMs)) {
      this.#entries.delete(key);
      this.#entries.set(key, entry);
      return entry.segment;
    }
    const running = this.#loading.get(key);
    if (running) return running;
    const loading = (
      source.startsWith('tone_stream://')
        ? this.#loadTones(key, source.slice('tone_stream://'.length), codec)
        : this.#loadFile(key, source, codec)
    ).finally(() => this.#loading.delete(key));
    this.#loading.set(key, loading);
    return loading;
  }

  async #loadTones(key: string, text: string, codec: Codec): Promise<Segment | undefined> {
    const score = parseTones(text);
    if (!score) return undefined;
    return this.#keep(key, { kind: 'audio', audio: await renderTones(score, codec), loops: score.loops }, '');
  }

  async #loadFile(key: string, path: string, codec: Codec): Promise<Segment | undefined> {
    try {
      const { mtimeMs, size } = await stat(path);
      const version = `${mtimeMs}/${size}`;
      const entry = this.#entries.get(key);
      if (entry?.version === version) return this.#keep(key, entry.segment, version);
      const audio = await readWav(path, codec);
      return audio && this.#keep(key, { kind: 'audio', audio, loops: 1 }, version);
    } catch {
      // Missing, unreadable, cut short: all are "not found" to the caller, as in FreeSWITCH.
      this.#forget(key);
      return undefined;
    }
  }

  #keep(key: string, segment: Segment, version: string): Segment {
    this.#forget(key);
    const bytes = segment.kind === 'audio' ? segment.audio.length : 0;
    this.#entries.set(key, { segment, bytes, version, checkedAtMs: performance.now() });
    this.#bytes += bytes;
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes <= this.#maxBytes && this.#entries.size <= 10_000) break;
      this.#forget(oldest);
    }
    return segment;
  }

  #forget(key: string): void {
    this.#bytes -= this.#entries.get(key)?.bytes ?? 0;
    this.#entries.delete(key);
  }
}

/** `ms[,factor]`: -1 = for ever, 0 is refused, as FreeSWITCH does. */
function parseSilence(text: string): Segment | undefined {
  const durationMs = Number.parseInt(text, 10);
  if (!Number.isFinite(durationMs) || durationMs === 0) return undefined;
  return { kind: 'silence', samples: durationMs < 0 ? Number.POSITIVE_INFINITY : durationMs * samplesPerMs };
}

const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function renderTones(score: ToneScore, codec: Codec): Promise<Buffer> {
  const total = score.steps.reduce((sum, step) => sum + step.onSamples + step.offSamples, 0);
  const audio = Buffer.alloc(total, silenceByte[codec]);
  const longest = Math.max(...score.steps.map((step) => step.onSamples));
  const samples = new Int16Array(longest);
  let position = 0;
  for (const step of score.steps) {
    renderStep({ ...step, offSamples: 0 }, samples, 0);
    encode(codec, samples, audio, position, step.onSamples);
    position += step.onSamples + step.offSamples;
    await breathe();
  }
  return audio;
}

async function readWav(path: string, codec: Codec): Promise<Buffer | undefined> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const head = Buffer.alloc(Math.min(size, wavSearchBytes));
    const { bytesRead } = await file.read(head, 0, head.length, 0);
    const format = parseWavHeader(head.subarray(0, bytesRead), size);
    if (!format) return undefined;
    const sampleBytes = (format.encoding === 'pcm16' ? 2 : 1) * format.channels;
    const durationMs = (format.dataBytes / sampleBytes / format.sampleRate) * 1_000;
    return durationMs > longestPromptMs ? undefined : await convert(file, format, codec);
  } finally {
    await file.close();
  }
}

async function convert(file: FileHandle, format: WavFormat, codec: Codec): Promise<Buffer> {
  const sampleBytes = (format.encoding === 'pcm16' ? 2 : 1) * format.channels;
  const verbatim = format.encoding === codec && format.channels === 1 && format.sampleRate === samplesPerMs * 1_000;
  const resampler = new Resampler(format.sampleRate);
  const total = Math.floor(format.dataBytes / sampleBytes);
  const audio = Buffer.alloc(Math.ceil((total * samplesPerMs * 1_000) / format.sampleRate) + 1);
  const piece = Buffer.alloc(pieceBytes);
  let written = 0;
  const append = (samples: Int16Array) => {
    const count = Math.min(samples.length, audio.length - written);
    encode(codec, samples, audio, written, count);
    written += count;
  };
  for (let offset = 0; offset < total * sampleBytes; ) {
    const wanted = Math.min(pieceBytes, total * sampleBytes - offset);
    const { bytesRead } = await file.read(piece, 0, wanted, format.dataStart + offset);
    const whole = bytesRead - (bytesRead % sampleBytes);
    if (whole === 0) break;
    offset += whole;
    if (verbatim) written += piece.copy(audio, written, 0, whole);
    else append(resampler.push(toMono(piece, whole / sampleBytes, format)));
  }
  if (!verbatim) append(resampler.flush());
  return written === audio.length ? audio : Buffer.from(audio.subarray(0, written));
}

/** The samples of a piece of a file, both channels of a stereo one averaged. */
function toMono(piece: Buffer, count: number, format: WavFormat): Int16Array {
  const values = new Int16Array(count * format.channels);
  if (format.encoding === 'pcm16') {
    for (let index = 0; index < values.length; index++) values[index] = piece.readInt16LE(index * 2);
  } else decode(format.encoding, piece, values);
  if (format.channels === 1) return values;
  return Int16Array.from({ length: count }, (_, index) =>
    Math.round(((values[index * 2] ?? 0) + (values[index * 2 + 1] ?? 0)) / 2),
  );
}
