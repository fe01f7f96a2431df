import type { FileHandle } from 'node:fs/promises';
import { mkdir, open, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { parseWavHeader, wavHeaderBytes, wavSearchBytes, writeWavHeader } from './wav.ts';

/** Audio that waits for a slow disk, at most: about a minute of stereo. Beyond that the recording fails. */
const maxPendingBytes = 2 * 1024 * 1024;

/**
 * Writes an 8 kHz PCM16 WAV without ever waiting for the disk. The header is right after every piece, so that a crash
 * leaves a file that plays, short of the last second at most. On a full disk as much as fits is kept, and nothing where
 * nothing does.
 */
export class WavWriter {
  readonly #path: string;
  readonly #channels: 1 | 2;
  readonly #append: boolean;
  readonly #pending: Buffer[] = [];
  #pendingBytes = 0;
  #dataBytes = 0;
  #writing: Promise<void> | undefined;
  #file: FileHandle | undefined;
  #closing = false;
  #isOpened = false;
  /** Why nothing more is written, if so. */
  failure: Error | undefined;

  constructor(path: string, channels: 1 | 2, append: boolean) {
    this.#path = path;
    this.#channels = channels;
    this.#append = append;
    this.#writing = this.#drain();
  }

  /** There is a file of it, though maybe not of all. */
  get isOpened(): boolean {
    return this.#isOpened;
  }

  /** Sound in the file. */
  get writtenBytes(): number {
    return this.#dataBytes;
  }

  /** Queues samples; the buffer must not be changed any more. */
  write(samples: Buffer): void {
    if (this.failure || this.#closing) return;
    if (this.#pendingBytes + samples.length > maxPendingBytes) {
      this.failure = new Error('the disk is too slow to record');
      return;
    }
    this.#pending.push(samples);
    this.#pendingBytes += samples.length;
    this.#writing ??= this.#drain();
  }

  /** Writes what is queued and closes the file. Never throws; see {@link failure}. */
  async close(): Promise<void> {
    this.#closing = true;
    while (this.#writing) await this.#writing;
    try {
      await this.#file?.close();
    } catch (error) {
      this.failure ??= error instanceof Error ? error : new Error(String(error));
    }
    this.#file = undefined;
  }

  async #drain(): Promise<void> {
    try {
      this.#file ??= await this.#open();
      for (let samples = this.#pending.shift(); samples && !this.failure; samples = this.#pending.shift()) {
        await writeAll(this.#file, samples, wavHeaderBytes + this.#dataBytes);
        this.#dataBytes += samples.length;
        this.#pendingBytes -= samples.length;
        await writeAll(this.#file, writeWavHeader(this.#channels, this.#dataBytes), 0);
      }
    } catch (error) {
      this.failure = error instanceof Error ? error : new Error(String(error));
      this.#pending.length = 0;
      if (this.#file) await this.#keepWhatFits(this.#file);
    }
    this.#writing = undefined;
  }

  /** A piece may be in the file in part: so much of it counts, and the header says so. */
  async #keepWhatFits(file: FileHandle): Promise<void> {
    try {
      const { size } = await file.stat();
      const frameBytes = 2 * this.#channels;
      this.#dataBytes = Math.max(0, Math.floor((size - wavHeaderBytes) / frameBytes) * frameBytes);
      await file.truncate(wavHeaderBytes + this.#dataBytes);
      await writeAll(file, writeWavHeader(this.#channels, this.#dataBytes), 0);
    } catch {
      // The header is right for what was written before; the failure is told already.
    }
  }

  async #open(): Promise<FileHandle> {
    await mkdir(dirname(this.#path), { recursive: true });
    if (this.#append) {
      const existing = await open(this.#path, 'r+').catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return undefined;
        throw error;
      });
      if (existing) return await this.#resume(existing);
    }
    const file = await open(this.#path, 'w');
    try {
      await writeAll(file, writeWavHeader(this.#channels, 0), 0);
    } catch (error) {
      await file.close();
      await rm(this.#path, { force: true });
      throw error;
    }
    this.#isOpened = true;
    return file;
  }

  /** Goes on at the end of a file; only one that we could have written ourselves. */
  async #resume(file: FileHandle): Promise<FileHandle> {
    try {
      const { size } = await file.stat();
      const head = Buffer.alloc(Math.min(size, wavSearchBytes));
      await file.read(head, 0, head.length, 0);
      const format = parseWavHeader(head, size);
      const ours = format?.encoding === 'pcm16' && format.sampleRate === 8_000 && format.dataStart === wavHeaderBytes;
      if (!ours || format.channels !== this.#channels) {
        throw new Error('the file to append to is no 8 kHz 16-bit WAV of as many channels');
      }
      this.#dataBytes = format.dataBytes - (format.dataBytes % (2 * this.#channels));
      this.#isOpened = true;
      return file;
    } catch (error) {
      await file.close();
      throw error;
    }
  }
}

async function writeAll(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}
