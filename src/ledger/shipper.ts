import type { CallFact } from '../kernel/call-fact.ts';
import { type Clock, deadlinePassed, withDeadline } from '../kernel/clock.ts';
import { errorMessage } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import type { Checkpoint } from './checkpoint.ts';
import type { Journal } from './journal.ts';
import { isBefore, type JournalPosition } from './journal-position.ts';
import { isAtEnd, readJournal } from './journal-reader.ts';
import { type FactStore, isFactRejected } from './ledger.ts';
import type { Quarantine, Quarantined } from './quarantine.ts';
import { Waker } from './waker.ts';

export interface ShipperOptions {
  journal: Journal;
  store: FactStore;
  checkpoint: Checkpoint;
  quarantine: Quarantine;
  clock: Clock;
  logger: Logger;
  /** Where to begin. */
  from: JournalPosition;
  /** Facts in one batch. */
  batchFacts: number;
  /** Pause before a batch, so that facts gather instead of going one by one. */
  shipDelayMs: number;
  /** A store that has not answered by then has failed; what it does later is harmless. */
  storeDeadlineMs: number;
  firstRetryMs: number;
  maxRetryMs: number;
  /** Segments kept although all in them is in the store. */
  retainSegments: number;
  /** In [0, 1): spreads the retries of many controllers. */
  random(): number;
}

/**
 * Carries facts from the journal to the store: in order, as often as it takes. The checkpoint moves only after the
 * store has said yes, so each fact arrives at least once, and `factId` makes that exactly once.
 */
export class Shipper {
  readonly #options: ShipperOptions;
  readonly #waker: Waker;
  #position: JournalPosition;
  #oldestAtMs: number | undefined;
  #failures = 0;
  #flushing: { until: JournalPosition; resolve(): void }[] = [];
  #stopping = false;
  #running: Promise<void> | undefined;

  constructor(options: ShipperOptions) {
    this.#options = options;
    this.#position = options.from;
    this.#waker = new Waker(options.clock);
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Facts got into the journal; `atMs`: when the newest of them happened. */
  notify(atMs: number): void {
    this.#oldestAtMs ??= atMs;
    this.#waker.wake('work');
  }

  /** Facts not in the store yet, and how long ago the oldest of them happened (0 when there is none). */
  status(): { backlog: number; oldestUnshippedMs: number } {
    const { journal, clock } = this.#options;
    if (isAtEnd(journal, this.#position)) return { backlog: 0, oldestUnshippedMs: 0 };
    const backlog = Math.max(1, journal.end.index - this.#position.index);
    return { backlog, oldestUnshippedMs: Math.max(0, clock.nowMs() - (this.#oldestAtMs ?? clock.nowMs())) };
  }

  /** Ships without pauses until all that is in the journal now is in the store; false when that takes too long. */
  async flush(deadlineMs: number): Promise<boolean> {
    const until = this.#options.journal.end;
    if (!isBefore(this.#position, until)) return true;
    const flushed = new Promise<void>((resolve) => this.#flushing.push({ until, resolve }));
    this.#waker.wake('urgent');
    return (await withDeadline(this.#options.clock, flushed, deadlineMs)) !== deadlinePassed;
  }

  /** Stops after the batch under way, for which it waits at most `deadlineMs`. What is left ships after the next start. */
  async stop(deadlineMs: number): Promise<void> {
    this.#stopping = true;
    this.#waker.wake('urgent');
    if (this.#running) await withDeadline(this.#options.clock, this.#running, deadlineMs);
  }

  async #run(): Promise<void> {
    const { journal, batchFacts } = this.#options;
    while (!this.#stopping) {
      if (isAtEnd(journal, this.#position)) {
        await this.#waker.sleep({ until: 'work' });
        await this.#gather();
        continue;
      }
      try {
        const shipped = await this.#shipBatch();
        this.#recovered();
        // Facts come in all the time on a busy machine: without a pause they would go a few at a time.
        if (shipped < batchFacts && !isAtEnd(journal, this.#position)) await this.#gather();
      } catch (error) {
        await this.#backOff(error);
      }
    }
  }

  async #gather(): Promise<void> {
    if (this.#flushing.length > 0 || this.#stopping) return;
    await this.#waker.sleep({ until: 'urgent', ms: this.#options.shipDelayMs });
  }

  /** Gives how many facts it was. */
  async #shipBatch(): Promise<number> {
    const { journal, quarantine, checkpoint, batchFacts } = this.#options;
    const batch = await readJournal(journal, this.#position, batchFacts);
    this.#oldestAtMs = batch.facts[0]?.atMs ?? this.#oldestAtMs;
    const refused = await this.#deliver(batch.facts);
    // Only now, so that an outage does not put the same lines in quarantine at every try.
    await quarantine.add([...batch.corrupt, ...refused]);
    await checkpoint.save(batch.next);
    this.#position = batch.next;
    this.#oldestAtMs = isAtEnd(journal, batch.next) ? undefined : batch.facts.at(-1)?.atMs;
    this.#flushing = this.#flushing.filter(({ until, resolve }) => {
      if (isBefore(this.#position, until)) return true;
      resolve();
      return false;
    });
    await this.#removeShipped();
    return batch.facts.length;
  }

  /** Writes all that the store takes. Gives those that it will never take, found by halving. */
  async #deliver(facts: readonly CallFact[]): Promise<Quarantined[]> {
    const { store, clock, storeDeadlineMs } = this.#options;
    const [first] = facts;
    if (!first) return [];
    try {
      const answer = await withDeadline(clock, store.append(facts), storeDeadlineMs);
      if (answer === deadlinePassed) throw new Error(`no answer from the store within ${storeDeadlineMs} ms`);
      return [];
    } catch (error) {
      if (!isFactRejected(error)) throw error;
      if (facts.length === 1) return [{ reason: 'refused', fact: first, why: errorMessage(error) }];
      const half = Math.ceil(facts.length / 2);
      const refused = await this.#deliver(facts.slice(0, half));
      return [...refused, ...(await this.#deliver(facts.slice(half)))];
    }
  }

  async #removeShipped(): Promise<void> {
    const { journal, retainSegments } = this.#options;
    const shipped = journal.segments.filter((first) => first < this.#position.segment);
    const removable = shipped.slice(0, Math.max(0, shipped.length - retainSegments));
    if (removable.length > 0) await journal.removeSegments(removable);
  }

  #recovered(): void {
    if (this.#failures > 0) {
      this.#options.logger.info({ failures: this.#failures }, 'facts are reaching the store again');
    }
    this.#failures = 0;
  }

  /** Doubling pauses, each between half and the whole of its length. */
  async #backOff(error: unknown): Promise<void> {
    const { firstRetryMs, maxRetryMs, random, logger } = this.#options;
    const longestMs = Math.min(maxRetryMs, firstRetryMs * 2 ** Math.min(this.#failures, 30));
    this.#failures += 1;
    const delayMs = Math.round(longestMs * (0.5 + random() / 2));
    const { backlog, oldestUnshippedMs } = this.status();
    logger.warn(
      { err: errorMessage(error), failures: this.#failures, delayMs, backlog, oldestUnshippedMs },
      'facts wait in the journal: the store failed',
    );
    if (!this.#stopping) await this.#waker.sleep({ until: 'urgent', ms: delayMs });
  }
}
