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
}

/** Facts of refusals are filed under ids that begin so: they belong to no call. */
export const refusalsCallId = 'refusals_';
const flushEveryMs = 5_000;
const minuteMs = 60_000;

/**
 * Puts on record what is refused before anybody sees a call in it: a few facts a minute by status, cause and class of
 * source, however much is refused. Availability is counted with them.
 */
export class RefusalLog {
  readonly #options: RefusalLogOptions;
  readonly #fold = { trusted: new RefusalFold(), stranger: new RefusalFold() };
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
    this.#fold[this.#classOf(refusal.address)].note(refusal);
  }

  /** The switch tells what it has refused since the last time. */
  addOfSwitch(refusals: readonly Refusals[]): void {
    for (const one of refusals) this.#write('switch', this.#classOf(one.sources[0]?.address ?? ''), one);
  }

  /** Writes what is left. */
  async stop(): Promise<void> {
    await this.#rounds.stop();
    this.#flush();
  }

  #flush(): void {
    for (const sourceClass of ['trusted', 'stranger'] as const) {
      for (const refusals of this.#fold[sourceClass].take()) this.#write('controller', sourceClass, refusals);
    }
  }

  #classOf(address: string): 'trusted' | 'stranger' {
    return this.#options.trusts(address) ? 'trusted' : 'stranger';
  }

  #write(by: 'controller' | 'switch', sourceClass: 'trusted' | 'stranger', refusals: Refusals): void {
    const { ledger, clock, logger } = this.#options;
    const atMs = clock.nowMs();
    this.#seq += 1;
    const fact: RefusedFact = {
      ...{ type: 'refused', factId: newId('fact'), callId: this.#callId, legId: this.#callId, accountId: null },
      ...{ seq: this.#seq, atMs, minuteMs: Math.floor(atMs / minuteMs) * minuteMs, by, sourceClass, ...refusals },
    };
    ledger.append(fact).catch((error: unknown) => {
      logger.error({ refused: refusals.count, err: errorMessage(error) }, 'refusals could not be recorded');
    });
  }
}
