import type { ChannelRecord } from '../kernel/channel-record.ts';
import { type Clock, deadlinePassed, delay, withDeadline } from '../kernel/clock.ts';
import { errorMessage } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import type { ChannelRecordStore } from './ledger.ts';
import { Waker } from './waker.ts';

export interface ChannelRecordWriterOptions {
  store: Pick<ChannelRecordStore, 'add'>;
  clock: Clock;
  logger: Logger;
  limits?: Partial<typeof defaultWriterLimits>;
}

export const defaultWriterLimits = {
  /** Records gather this long, then go in one insert. */
  gatherMs: 500,
  batchRecords: 500,
  /** Records kept while the database is away; the oldest go first. */
  maxPending: 20_000,
  storeDeadlineMs: 30_000,
  firstRetryMs: 500,
  maxRetryMs: 30_000,
  /** How long `stop` tries to write what is left. */
  stopFlushMs: 2_000,
};

export interface ChannelRecordWriter {
  /** Takes a record; never waits, never throws. */
  add(record: ChannelRecord): void;
  /** Records given up because there was no room for them. */
  readonly dropped: number;
  /** Writes what is left, or says how much was lost. */
  stop(): Promise<void>;
}

/**
 * Carries the switches' records to the store. They are a witness, not the ledger itself: they wait in memory, within
 * bounds, and what has no room is counted and logged.
 */
export function createChannelRecordWriter(options: ChannelRecordWriterOptions): ChannelRecordWriter {
  return new Writer(options);
}

class Writer implements ChannelRecordWriter {
  readonly #options: ChannelRecordWriterOptions;
  readonly #limits: typeof defaultWriterLimits;
  readonly #waker: Waker;
  readonly #running: Promise<void>;
  #pending: ChannelRecord[] = [];
  #failures = 0;
  #stopping = false;
  #dropped = 0;
  #unreported = 0;

  constructor(options: ChannelRecordWriterOptions) {
    this.#options = options;
    this.#limits = { ...defaultWriterLimits, ...options.limits };
    this.#waker = new Waker(options.clock);
    this.#running = this.#run();
  }

  get dropped(): number {
    return this.#dropped;
  }

  add(record: ChannelRecord): void {
    this.#pending.push(record);
    const excess = this.#pending.length - this.#limits.maxPending;
    if (excess > 0) {
      this.#pending.splice(0, excess);
      this.#dropped += excess;
      this.#unreported += excess;
    }
    this.#waker.wake('work');
  }

  async stop(): Promise<void> {
    const { clock, logger } = this.#options;
    this.#stopping = true;
    this.#waker.wake('urgent');
    const ended = await withDeadline(clock, this.#running, this.#limits.stopFlushMs);
    if (ended !== deadlinePassed && this.#pending.length === 0) return;
    logger.warn({ lost: this.#pending.length }, 'channel records were not written before the stop');
  }

  async #run(): Promise<void> {
    const { gatherMs, batchRecords } = this.#limits;
    for (;;) {
      if (this.#pending.length === 0) {
        if (this.#stopping) return;
        await this.#waker.sleep({ until: 'work' });
        if (!this.#stopping) await this.#waker.sleep({ until: 'urgent', ms: gatherMs });
        continue;
      }
      const batch = this.#pending.slice(0, batchRecords);
      if (await this.#write(batch)) {
        // What was dropped meanwhile was at the front too.
        const written = new Set(batch);
        this.#pending = this.#pending.filter((record) => !written.has(record));
      } else if (this.#stopping) return;
    }
  }

  async #write(batch: readonly ChannelRecord[]): Promise<boolean> {
    const { store, clock, logger } = this.#options;
    const { storeDeadlineMs } = this.#limits;
    try {
      const answer = await withDeadline(clock, store.add(batch), storeDeadlineMs);
      if (answer === deadlinePassed) throw new Error(`no answer from the store within ${storeDeadlineMs} ms`);
    } catch (error) {
      await this.#backOff(error);
      return false;
    }
    if (this.#failures > 0) logger.info({ failures: this.#failures }, 'channel records reach the store again');
    this.#failures = 0;
    this.#reportDropped();
    return true;
  }

  async #backOff(error: unknown): Promise<void> {
    const { firstRetryMs, maxRetryMs } = this.#limits;
    const delayMs = Math.min(maxRetryMs, firstRetryMs * 2 ** Math.min(this.#failures, 20));
    this.#failures += 1;
    const waiting = this.#pending.length;
    this.#options.logger.warn(
      { err: errorMessage(error), failures: this.#failures, delayMs, waiting },
      'channel records wait: the store failed',
    );
    this.#reportDropped();
    if (this.#stopping) await delay(this.#options.clock, firstRetryMs);
    else await this.#waker.sleep({ until: 'urgent', ms: delayMs });
  }

  #reportDropped(): void {
    if (this.#unreported === 0) return;
    const { logger } = this.#options;
    logger.error({ dropped: this.#unreported, inAll: this.#dropped }, 'channel records were dropped: no room for more');
    this.#unreported = 0;
  }
}
