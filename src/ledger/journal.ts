import { mkdir, unlink } from 'node:fs/promises';
import type { CallFact } from '../kernel/call-fact.ts';
import { type Clock, delay } from '../kernel/clock.ts';
import { DenwabanError, errorMessage } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import { type FolderLock, lockFolder } from './folder-lock.ts';
import { encodeLine } from './journal-line.ts';
import type { JournalPosition } from './journal-position.ts';
import { recoverSegment } from './journal-recovery.ts';
import type { Quarantine } from './quarantine.ts';
import {
  listSegments,
  type OpenSegment,
  openSegmentFile,
  type SegmentFile,
  segmentPath,
  syncFolder,
} from './segment-files.ts';

export interface JournalOptions {
  dir: string;
  logger: Logger;
  quarantine: Quarantine;
  /** A segment that has reached this is closed and the next one begun. */
  segmentBytes: number;
  /** Facts given but not yet on disk may take this much memory; beyond it `append` rejects. */
  maxPendingBytes: number;
  /**
   * An fsync costs CPU whether it carries one fact or a hundred: under load they follow each other at this distance
   * and facts gather. A fact that comes alone is written at once. 0: as fast as the disk goes.
   */
  minCommitIntervalMs: number;
  clock: Clock;
  /** Number of the first fact in an empty folder. */
  firstIndex: number;
  /** Called after facts got on disk. */
  onAppended(): void;
  /** A write found no room: gives some up, where there is any kept. */
  onDiskFull?: () => Promise<void>;
  openSegment?: OpenSegment | undefined;
}

interface Pending {
  line: Buffer;
  resolve(): void;
  reject(error: DenwabanError): void;
}

/** Bytes in one write, so that a long queue does not become one huge buffer. */
const maxWriteBytes = 4 * 1024 * 1024;
const diskFullRetryMs = 200;

/**
 * Facts on this machine's disk: append-only segments of checksummed lines. Group commit: while one fsync runs, what is
 * given meanwhile waits and shares the next one.
 */
export class Journal {
  readonly #options: JournalOptions;
  readonly #lock: FolderLock;
  readonly #open: OpenSegment;
  readonly #segments: number[];
  /** Undefined before the first fact, and after a failed write. */
  #file: SegmentFile | undefined;
  /** All before this is on disk. */
  #end: JournalPosition;
  /** The last segment is full, or a write to it failed: the next fact begins a new one. */
  #lastIsClosed = false;
  #pending: Pending[] = [];
  #pendingBytes = 0;
  #writing: Promise<void> | undefined;
  #closed = false;
  #lastCommitAtMs = Number.NEGATIVE_INFINITY;

  private constructor(options: JournalOptions, lock: FolderLock, segments: number[], end: JournalPosition) {
    this.#options = options;
    this.#lock = lock;
    this.#open = options.openSegment ?? openSegmentFile;
    this.#segments = segments;
    this.#end = end;
  }

  /**
   * Opens the folder for this process alone, and cuts off a line that a crash left half-written.
   * @throws DenwabanError `JOURNAL_LOCKED`, `JOURNAL_FOLDER_FAILED`.
   */
  static async open(options: JournalOptions): Promise<Journal> {
    const { dir, quarantine, firstIndex } = options;
    try {
      await mkdir(dir, { recursive: true });
    } catch (error) {
      throw new DenwabanError('JOURNAL_FOLDER_FAILED', `the journal ${dir} can't be made: ${errorMessage(error)}`, {
        remedy: 'Check that DATA_DIR is a folder this user may write to',
        cause: error,
      });
    }
    const lock = lockFolder(dir);
    try {
      const segments = await listSegments(dir);
      const last = segments.at(-1);
      const end =
        last === undefined
          ? { segment: firstIndex, offset: 0, index: firstIndex }
          : await recoverSegment(segmentPath(dir, last), last, quarantine);
      return new Journal(options, lock, segments, end);
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  /** Where the next fact will stand; everything before is on disk. */
  get end(): JournalPosition {
    return { ...this.#end };
  }

  /** First numbers of the segments, in order. */
  get segments(): readonly number[] {
    return this.#segments;
  }

  pathOf(segment: number): string {
    return segmentPath(this.#options.dir, segment);
  }

  /**
   * Resolves once the fact is on disk. Facts are kept in the order they were given.
   * On a full disk it waits until there is room.
   * @throws DenwabanError `FACT_INVALID`; `JOURNAL_WRITE_FAILED` (the fact is not on record; later ones may be),
   * `JOURNAL_OVERLOADED` (the disk is too slow, or full for long), `JOURNAL_CLOSED`, `JOURNAL_DISK_FULL` when it is closed
   * before there was room.
   */
  async append(fact: CallFact): Promise<void> {
    const line = encodeLine(fact);
    if (this.#closed) throw new DenwabanError('JOURNAL_CLOSED', 'the journal is closed');
    if (this.#pendingBytes + line.length > this.#options.maxPendingBytes) {
      throw new DenwabanError('JOURNAL_OVERLOADED', `${this.#pendingBytes} bytes wait for the journal's disk`, {
        remedy: 'The disk is too slow or hangs: take fewer calls, or move DATA_DIR to a faster disk',
      });
    }
    this.#pendingBytes += line.length;
    return new Promise((resolve, reject) => {
      this.#pending.push({ line, resolve, reject });
      // A turn later, so that all facts given in this turn are in the first write.
      this.#writing ??= Promise.resolve().then(() => this.#writeAll());
    });
  }

  /** Resolves when nothing waits to be written any more. */
  async settled(): Promise<void> {
    while (this.#writing) await this.#writing;
  }

  /** Removes whole segments; never the one that is written to. */
  async removeSegments(firsts: readonly number[]): Promise<void> {
    for (const first of firsts) {
      const at = this.#segments.indexOf(first);
      if (at < 0 || at === this.#segments.length - 1) continue;
      await unlink(this.pathOf(first));
      this.#segments.splice(at, 1);
    }
  }

  /** Writes what is waiting, takes no more, and gives the folder up. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.settled();
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
    this.#lock.release();
  }

  async #writeAll(): Promise<void> {
    while (this.#pending.length > 0) {
      await this.#pause();
      const batch = this.#takeBatch();
      const bytes = Buffer.concat(batch.map(({ line }) => line));
      try {
        await this.#writeWhenRoom(bytes, batch.length);
        for (const { resolve } of batch) resolve();
        this.#options.onAppended();
      } catch (error) {
        const failure = writeFailure(error, this.#options.dir);
        this.#options.logger.error(
          { code: failure.code, facts: batch.length, err: errorMessage(error) },
          failure.message,
        );
        for (const { reject } of batch) reject(failure);
      }
      this.#pendingBytes -= bytes.length;
    }
    this.#writing = undefined;
  }

  async #pause(): Promise<void> {
    const { clock, minCommitIntervalMs } = this.#options;
    const waitMs = Math.ceil(this.#lastCommitAtMs + minCommitIntervalMs - clock.monotonicMs());
    if (waitMs > 0 && !this.#closed) await delay(clock, waitMs);
    this.#lastCommitAtMs = clock.monotonicMs();
  }

  #takeBatch(): Pending[] {
    let bytes = 0;
    const over = this.#pending.findIndex(({ line }) => {
      bytes += line.length;
      return bytes > maxWriteBytes;
    });
    return this.#pending.splice(0, over < 0 ? this.#pending.length : Math.max(1, over));
  }

  /** What happens in calls that were answered is not given up for want of room: it waits for it, in memory. */
  async #writeWhenRoom(bytes: Uint8Array, facts: number): Promise<void> {
    const { onDiskFull, clock, logger, dir } = this.#options;
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#write(bytes, facts);
        if (attempt > 1) logger.info({ attempts: attempt }, 'the journal is written again');
        return;
      } catch (error) {
        // What fails after that may be for the same reason.
        if ((!isDiskFull(error) && attempt === 1) || this.#closed) throw error;
        const failure = writeFailure(error, dir);
        if (attempt === 1) logger.error({ code: failure.code, facts, err: errorMessage(error) }, failure.message);
        await this.#makeRoom(onDiskFull);
        if (attempt > 1) await delay(clock, diskFullRetryMs);
      }
    }
  }

  async #makeRoom(onDiskFull: JournalOptions['onDiskFull']): Promise<void> {
    try {
      await onDiskFull?.();
    } catch (error) {
      this.#options.logger.warn({ err: errorMessage(error) }, 'no room could be made for the journal');
    }
  }

  async #write(bytes: Uint8Array, facts: number): Promise<void> {
    if (this.#end.offset >= this.#options.segmentBytes) await this.#closeSegment();
    this.#file ??= await this.#openSegment();
    try {
      await this.#file.write(bytes, this.#end.offset);
      await this.#file.sync();
    } catch (error) {
      await this.#abandonSegment();
      throw error;
    }
    this.#end = { ...this.#end, offset: this.#end.offset + bytes.length, index: this.#end.index + facts };
  }

  /** The last segment after a start, else a new one (which has the old name if nothing got into the old one). */
  async #openSegment(): Promise<SegmentFile> {
    const { dir } = this.#options;
    const first = this.#lastIsClosed ? this.#end.index : this.#end.segment;
    const offset = this.#lastIsClosed ? 0 : this.#end.offset;
    const file = await this.#open(segmentPath(dir, first));
    try {
      await file.truncate(offset);
      await syncFolder(dir);
      this.#end = { segment: first, offset, index: this.#end.index };
    } catch (error) {
      await closeQuietly(file, this.#options.logger);
      throw error;
    }
    this.#lastIsClosed = false;
    if (this.#segments.at(-1) !== first) this.#segments.push(first);
    return file;
  }

  async #closeSegment(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    this.#lastIsClosed = true;
    if (file) await closeQuietly(file, this.#options.logger);
  }

  /**
   * After a failed write or fsync nothing more is written to this file: the kernel may have dropped the pages and
   * report a later fsync as good. What failed is cut off; where even that fails it is a torn or a true line later on.
   */
  async #abandonSegment(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    this.#lastIsClosed = true;
    if (!file) return;
    try {
      await file.truncate(this.#end.offset);
      await file.sync();
    } catch (error) {
      this.#options.logger.warn({ err: errorMessage(error) }, 'a failed write could not be cut off the journal');
    }
    await closeQuietly(file, this.#options.logger);
  }
}

async function closeQuietly(file: SegmentFile, logger: Logger): Promise<void> {
  try {
    await file.close();
  } catch (error) {
    logger.warn({ err: errorMessage(error) }, 'a journal file could not be closed');
  }
}

function isDiskFull(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG';
}

function writeFailure(error: unknown, dir: string): DenwabanError {
  if (isDiskFull(error)) {
    return new DenwabanError('JOURNAL_DISK_FULL', `no room for the journal in ${dir}`, {
      remedy: 'Free space on that disk; facts that wait are written at once',
      cause: error,
    });
  }
  return new DenwabanError('JOURNAL_WRITE_FAILED', `the journal in ${dir} can't be written`, {
    remedy: 'Check the disk; a new file is begun with the next fact',
    cause: error,
  });
}
