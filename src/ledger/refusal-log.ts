import type { CallFact } from '../kernel/call-fact.ts';
import type { Clock } from '../kernel/clock.ts';
import { errorMessage } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import type { Logger } from '../kernel/logger.ts';
import { type Refusal, RefusalFold, type Refusals } from '../kernel/refusal-fold.ts';
import { Rounds } from '../kernel/rounds.ts';
import type { FactSink } from './ledger.ts';

export type RefusedFact = Extract<CallFact, { type: 'refused' }>;

/** Where refusals on record are looked up. */
export interface RefusalIndex {
  /** From `fromMs` on and before `toMs`, oldest first. */
  refusals(options: { fromMs: number; toMs: number; limit: number }): Promise<RefusedFact[]>;
}

/** Refusals of one kind in one minute. */
export type RefusedInMinute = Pick<
  RefusedFact,
  'minuteMs' | 'by' | 'sourceClass' | 'method' | 'sipStatus' | 'cause' | 'count' | 'sources'
>;

/** By minute and kind, oldest first, with those who sent most of them. */
export function foldRefusals(facts: readonly RefusedFact[]): RefusedInMinute[] {
  const minutes = new Map<string, RefusedInMinute & { of: Map<string, number> }>();
  for (const { minuteMs, by, sourceClass, method, sipStatus, cause, count, sources } of facts) {
    const kind = { minuteMs, by, sourceClass, method, sipStatus, cause };
    const key = Object.values(kind).join(' ');
    const minute = minutes.get(key) ?? { ...kind, count: 0, sources: [], of: new Map() };
    minutes.set(key, minute);
    minute.count += count;
    for (const source of sources) minute.of.set(source.address, (minute.of.get(source.address) ?? 0) + source.count);
  }
  return [...minutes.values()]
    .map(({ of, ...minute }) => ({
      ...minute,
      sources: [...of].map(([address, count]) => ({ address, count })).sort((a, b) => b.count - a.count),
    }))
    .sort((a, b) => a.minuteMs - b.minuteMs);
}

export interface RefusalLogOptions {
  ledger: FactSink;
  clock: Clock;
  logger: Logger;
  /** Carriers and PBXs of ours (TRUSTED_PEERS). */
  trusts(address: string): boolean;
  /** What is written now takes room that is kept for calls in progress: little is, and late. Left out: never. */
  isDiskFull?: () => boolean;
}

/** Facts of refusals are filed under ids that begin so: they belong to no call. */
export const refusalsCallId = 'refusals_';
const flushEveryMs = 5_000;
const minuteMs = 60_000;
/** Minutes that can wait to be written; what comes in later ones is added to the last of them. */
const minutesMax = 60;
/** Of each class, in a minute in which the disk is full; a day of the worst is as large as the room that is kept. */
const kindsOnFullDisk = 8;

type SourceClass = RefusedFact['sourceClass'];
type CountedBy = RefusedFact['by'];

/** What is counted in one minute, by who refused whom. */
interface Minute {
  atMs: number;
  folds: Map<string, { by: CountedBy; sourceClass: SourceClass; fold: RefusalFold }>;
}

/**
 * Puts on record what is refused before anybody sees a call in it: a few facts a minute by status, cause and class of
 * source, however much is refused. Availability is counted with them. On a full disk a minute is written when it is
 * over, and what cannot be written is kept and tried again.
 */
export class RefusalLog {
  readonly #options: RefusalLogOptions;
  readonly #minutes = new Map<number, Minute>();
  readonly #callId = `${refusalsCallId}${newId('log')}`;
  readonly #rounds: Rounds;
  #seq = 0;

  constructor(options: RefusalLogOptions) {
    this.#options = options;
    const { clock, logger } = options;
    this.#rounds = new Rounds({
      ...{ clock, everyMs: flushEveryMs, work: async () => this.#flush() },
      onFailed: (error) => logger.error({ err: errorMessage(error) }, 'refusals could not be counted'),
    });
    this.#rounds.start();
  }

  /** The controller has refused a request. Never waits. */
  note(refusal: Refusal): void {
    this.#foldOf(this.#minuteNow(), 'controller', this.#classOf(refusal.address)).note(refusal);
  }

  /** The switch tells what it has refused since the last time. */
  addOfSwitch(refusals: readonly Refusals[]): void {
    const minute = this.#minuteNow();
    for (const one of refusals) {
      this.#foldOf(minute, 'switch', this.#classOf(one.sources[0]?.address ?? '')).add(one);
    }
  }

  /** Writes what is left. */
  async stop(): Promise<void> {
    await this.#rounds.stop();
    this.#flush({ all: true });
  }

  #flush({ all = !this.#options.isDiskFull?.() }: { all?: boolean } = {}): void {
    const now = this.#minuteNow();
    for (const minute of [...this.#minutes.values()]) {
      if (!all && minute.atMs >= now) continue;
      this.#minutes.delete(minute.atMs);
      for (const { by, sourceClass, fold } of minute.folds.values()) {
        for (const refusals of fold.take()) this.#write(minute.atMs, by, sourceClass, refusals);
      }
    }
  }

  #minuteNow(): number {
    return Math.floor(this.#options.clock.nowMs() / minuteMs) * minuteMs;
  }

  #foldOf(atMs: number, by: CountedBy, sourceClass: SourceClass): RefusalFold {
    const isRoom = this.#minutes.has(atMs) || this.#minutes.size < minutesMax;
    const minute = this.#minutes.get(isRoom ? atMs : Math.max(...this.#minutes.keys())) ?? { atMs, folds: new Map() };
    this.#minutes.set(minute.atMs, minute);
    const key = `${by} ${sourceClass}`;
    const known = minute.folds.get(key);
    if (known) return known.fold;
    const fold = new RefusalFold(this.#options.isDiskFull?.() ? { kindsMax: kindsOnFullDisk } : {});
    minute.folds.set(key, { by, sourceClass, fold });
    return fold;
  }

  #classOf(address: string): SourceClass {
    return this.#options.trusts(address) ? 'trusted' : 'stranger';
  }

  #write(minuteAtMs: number, by: CountedBy, sourceClass: SourceClass, refusals: Refusals): void {
    const { ledger, clock, logger } = this.#options;
    this.#seq += 1;
    // In the minute in which it was refused, also where it is written later.
    const atMs = Math.min(clock.nowMs(), minuteAtMs + minuteMs - 1);
    const fact: RefusedFact = {
      ...{ type: 'refused', factId: newId('fact'), callId: this.#callId, legId: this.#callId, accountId: null },
      ...{ seq: this.#seq, atMs, minuteMs: minuteAtMs, by, sourceClass, ...refusals },
    };
    ledger.append(fact).catch((error: unknown) => {
      logger.error({ refused: refusals.count, err: errorMessage(error) }, 'refusals could not be recorded yet');
      this.#foldOf(minuteAtMs, by, sourceClass).add(refusals);
    });
  }
}
