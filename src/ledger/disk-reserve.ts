import { constants, statfsSync } from 'node:fs';
import { open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, type TimerHandle, toRfc3339 } from '../kernel/clock.ts';
import { errorMessage } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';

export interface DiskReserveOptions {
  dir: string;
  clock: Clock;
  logger: Logger;
  limits?: Partial<typeof defaultReserveLimits>;
  /** Bytes that this user may still write; tests put a disk of their own here. */
  freeBytes?: (dir: string) => number;
}

export const defaultReserveLimits = {
  /** Kept for the facts of calls that have been answered: some 25,000 facts. */
  reserveBytes: 8 * 1024 * 1024,
  /** With less than this beside the reserve no new calls are taken. */
  lowBytes: 8 * 1024 * 1024,
  everyMs: 1_000,
};

const pieceBytes = 1024 * 1024;

/**
 * Room on the journal's disk that nobody else can take: a file as large as the rest of what calls in progress can still
 * say. When the disk is full it is given up for that, new calls are refused, and it is made again when there is room.
 */
export class DiskReserve {
  readonly #options: DiskReserveOptions;
  readonly #limits: typeof defaultReserveLimits;
  readonly #path: string;
  readonly #freeBytes: (dir: string) => number;
  #timer: TimerHandle | undefined;
  #isHeld = false;
  #freeNow = Number.POSITIVE_INFINITY;
  #fullSinceMs: number | undefined;
  #isStopped = false;

  constructor(options: DiskReserveOptions) {
    this.#options = options;
    this.#limits = { ...defaultReserveLimits, ...options.limits };
    this.#path = join(options.dir, 'reserve');
    this.#freeBytes = options.freeBytes ?? freeBytesOf;
  }

  /** No more calls are to be answered: what they say might not fit. */
  get isFull(): boolean {
    return this.#fullSinceMs !== undefined;
  }

  /** What is kept for calls in progress is there, and not being used up. */
  get isWhole(): boolean {
    return this.#isHeld;
  }

  get status(): { isFull: boolean; freeBytes: number; since?: string } {
    const since = this.#fullSinceMs === undefined ? {} : { since: toRfc3339(this.#fullSinceMs) };
    return { isFull: this.isFull, freeBytes: this.#freeNow, ...since };
  }

  /** Makes the reserve, and watches the disk from then on. */
  async start(): Promise<void> {
    await this.#look();
    this.#plan();
  }

  stop(): void {
    this.#isStopped = true;
    this.#options.clock.clearTimeout(this.#timer);
  }

  /** Something did not fit: the reserve is given up for it. */
  async release(): Promise<void> {
    this.#full();
    if (!this.#isHeld) return;
    this.#isHeld = false;
    await unlink(this.#path);
    this.#options.logger.error({}, 'the disk is full: what is kept for calls in progress is used up now');
  }

  #plan(): void {
    if (this.#isStopped) return;
    this.#timer = this.#options.clock.setTimeout(() => {
      this.#look().then(() => this.#plan());
    }, this.#limits.everyMs);
  }

  /** Never rejects. */
  async #look(): Promise<void> {
    const { dir, logger } = this.#options;
    const { reserveBytes, lowBytes } = this.#limits;
    try {
      this.#freeNow = this.#freeBytes(dir);
      const needed = lowBytes + (this.#isHeld ? 0 : reserveBytes);
      if (this.#freeNow < needed) {
        this.#full();
        return;
      }
      if (!this.#isHeld) await this.#hold();
      if (this.isFull) logger.info({ freeBytes: this.#freeNow }, 'there is room on the disk again: calls are taken');
      this.#fullSinceMs = undefined;
    } catch (error) {
      logger.warn({ err: errorMessage(error) }, 'no room could be kept on the disk for calls in progress');
      this.#full();
    }
  }

  #full(): void {
    if (this.isFull) return;
    this.#fullSinceMs = this.#options.clock.nowMs();
    this.#options.logger.error({ freeBytes: this.#freeNow }, 'the disk is (nearly) full: new calls are refused');
  }

  /** Really written: a file with holes would keep nothing. */
  async #hold(): Promise<void> {
    const { reserveBytes } = this.#limits;
    const file = await open(this.#path, constants.O_WRONLY | constants.O_CREAT, 0o600);
    try {
      const { size } = await file.stat();
      const piece = Buffer.alloc(pieceBytes, 0x20);
      for (let at = size < reserveBytes ? 0 : reserveBytes; at < reserveBytes; at += pieceBytes) {
        await file.write(piece, 0, Math.min(pieceBytes, reserveBytes - at), at);
      }
      await file.datasync();
      this.#isHeld = true;
    } finally {
      await file.close();
      if (!this.#isHeld) await unlink(this.#path);
    }
  }
}

function freeBytesOf(dir: string): number {
  const { bavail, bsize } = statfsSync(dir);
  return bavail * bsize;
}
