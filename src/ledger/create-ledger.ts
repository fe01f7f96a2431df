import { join } from 'node:path';
import type { CallFact } from '../kernel/call-fact.ts';
import { type Clock, deadlinePassed, withDeadline } from '../kernel/clock.ts';
import type { Logger } from '../kernel/logger.ts';
import { Checkpoint } from './checkpoint.ts';
import type { DiskReserve } from './disk-reserve.ts';
import { Journal } from './journal.ts';
import { startPosition } from './journal-reader.ts';
import type { FactSink, FactStore } from './ledger.ts';
import { Quarantine } from './quarantine.ts';
import type { OpenSegment } from './segment-files.ts';
import { Shipper } from './shipper.ts';

/** The bounds of a ledger; see {@link defaultLedgerLimits} for what they mean. */
export type LedgerLimits = { [name in keyof typeof defaultLedgerLimits]: number };

export const defaultLedgerLimits = {
  /** A journal file that has reached this is closed and the next one begun. */
  segmentBytes: 16 * 1024 * 1024,
  /** Memory for facts that wait for the disk; beyond it `append` rejects. */
  maxPendingBytes: 16 * 1024 * 1024,
  /** Under load the distance between two fsyncs of the journal; an append takes up to this longer. */
  minCommitIntervalMs: 20,
  batchFacts: 500,
  /** Facts gather this long before a batch goes to the store. */
  shipDelayMs: 200,
  storeDeadlineMs: 60_000,
  firstRetryMs: 200,
  maxRetryMs: 30_000,
  /** Journal files kept although all in them is in the store. */
  retainSegments: 4,
  /** How long `stop` tries to ship what is left. */
  stopFlushMs: 5_000,
} as const;

export interface LedgerOptions {
  /** The journal is its folder `journal`. On a local disk, for one process. */
  dataDir: string;
  store: FactStore;
  clock: Clock;
  logger: Logger;
  limits?: Partial<LedgerLimits>;
  /** In [0, 1), for the jitter of retries. */
  random?: () => number;
  /** Tests put a failing disk here. */
  openSegment?: OpenSegment;
  /** Room kept for the facts of calls in progress; left out: none is. */
  reserve?: Pick<DiskReserve, 'release'>;
}

export interface Ledger extends FactSink {
  /** Ships all that is on disk now; false when that takes longer than `deadlineMs` (10 s): it goes on by itself. */
  flush(deadlineMs?: number): Promise<boolean>;
  /** Ships what it can in a few seconds, then gives the folder up. What is left ships after the next start. */
  stop(): Promise<void>;
  status(): LedgerStatus;
}

export interface LedgerStatus {
  /** Facts on disk that are not in the store yet. */
  backlog: number;
  /** How long ago the oldest of them happened; 0 when there is none. */
  oldestUnshippedMs: number;
}

/**
 * Opens the journal and starts to ship. `append` resolves when the fact is on disk, and rejects as
 * {@link Journal.append} says.
 * @throws DenwabanError `JOURNAL_LOCKED` when another process has the folder, `JOURNAL_FOLDER_FAILED`.
 */
export async function createLedger(options: LedgerOptions): Promise<Ledger> {
  const { clock, store, logger, random = Math.random } = options;
  const limits = { ...defaultLedgerLimits, ...options.limits };
  const dir = join(options.dataDir, 'journal');
  const checkpoint = new Checkpoint(dir, logger);
  const quarantine = new Quarantine(dir, clock, logger);
  const saved = await checkpoint.load();
  let newestAtMs = clock.nowMs();
  let shipper: Shipper | undefined;
  const journal = await Journal.open({
    ...limits,
    dir,
    clock,
    logger,
    quarantine,
    firstIndex: saved?.index ?? 1,
    onAppended: () => shipper?.notify(newestAtMs),
    openSegment: options.openSegment,
    onDiskFull: async () => options.reserve?.release(),
  });
  const from = await startPosition(journal, saved);
  shipper = new Shipper({ ...limits, journal, store, checkpoint, quarantine, clock, logger, from, random });
  shipper.start();
  const shipping = shipper;
  const stop = async () => {
    // On a full disk it may never be.
    await withDeadline(clock, journal.settled(), limits.stopFlushMs);
    const { backlog } = shipping.status();
    if (!(await shipping.flush(limits.stopFlushMs))) {
      logger.warn({ backlog }, 'stopping with facts in the journal: they ship after the next start');
    }
    await shipping.stop(limits.stopFlushMs);
    await journal.close();
  };
  let stopped: Promise<void> | undefined;
  return {
    append: (fact: CallFact) => {
      newestAtMs = fact.atMs;
      return journal.append(fact);
    },
    flush: async (deadlineMs = 10_000) => {
      const settled = await withDeadline(clock, journal.settled(), deadlineMs);
      return settled !== deadlinePassed && shipping.flush(deadlineMs);
    },
    stop: () => {
      stopped ??= stop();
      return stopped;
    },
    status: () => shipping.status(),
  };
}
