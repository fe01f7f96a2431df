import { statfs } from 'node:fs/promises';
import { type Clock, deadlinePassed, withDeadline } from '../kernel/clock.ts';
import { errorMessage } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import { Rounds } from '../kernel/rounds.ts';

export interface RecordingRoomOptions {
  /** Where recordings are written. */
  folder: string;
  /** False: what is kept for the records of calls is being used up, so nothing else may be written beside them. */
  isReserveWhole(): boolean;
  clock: Clock;
  logger: Logger;
  /** Bytes that may still be written there; tests put a disk of their own here. */
  freeBytes?: (folder: string) => Promise<number>;
}

/** With less than this nothing is recorded: half a minute of two who talk. */
const lowBytes = 1024 * 1024;
const everyMs = 1_000;
/** Shared storage that hangs says nothing of its room: recordings are tried then. */
const answerMs = 500;

/**
 * Whether there is room for recordings. Looked at each second, so that a recording is ended, with a complete file, before
 * the disk refuses a piece of it.
 */
export class RecordingRoom {
  readonly #options: RecordingRoomOptions;
  readonly #freeBytes: (folder: string) => Promise<number>;
  readonly #rounds: Rounds;
  readonly #onFull = new Set<() => void>();
  #hasRoom = true;

  constructor(options: RecordingRoomOptions) {
    this.#options = options;
    this.#freeBytes = options.freeBytes ?? freeBytesOf;
    const { clock, logger } = options;
    this.#rounds = new Rounds({
      ...{ clock, everyMs, work: () => this.#look() },
      onFailed: (error) => logger.warn({ err: errorMessage(error) }, 'the room for recordings cannot be told'),
    });
  }

  /** False: nothing more is to be recorded. */
  get hasRoom(): boolean {
    return this.#hasRoom && this.#options.isReserveWhole();
  }

  /** `listener` runs each time that there is no more room; gives what ends that. */
  onFull(listener: () => void): () => void {
    this.#onFull.add(listener);
    return () => this.#onFull.delete(listener);
  }

  start(): Promise<void> {
    return this.#rounds.startNow();
  }

  stop(): Promise<void> {
    return this.#rounds.stop();
  }

  async #look(): Promise<void> {
    const { clock, folder, logger } = this.#options;
    const free = await withDeadline(clock, this.#freeBytes(folder), answerMs);
    const had = this.#hasRoom;
    this.#hasRoom = free === deadlinePassed || free >= lowBytes;
    if (had !== this.#hasRoom) {
      if (this.#hasRoom) logger.info({ freeBytes: free }, 'there is room for recordings again');
      else logger.error({ freeBytes: free }, 'no room for recordings: those in progress are cut short');
    }
    if (!this.hasRoom) for (const listener of [...this.#onFull]) listener();
  }
}

async function freeBytesOf(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}
