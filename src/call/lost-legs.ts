import { type CallFact, endedFactId } from '../kernel/call-fact.ts';
import { type Clock, type TimerHandle, toRfc3339 } from '../kernel/clock.ts';
import { errorMessage } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import type { FactIndex, FactSink, OfferedFact } from '../ledger/ledger.ts';
import type { CallStateStore } from './call-state-store.ts';
import { bestEnd, type LegEnd, type LegWitnesses } from './leg-ends.ts';

const legsAtOnce = 5_000;
/** As after a take-over: what the dead controller may still have written comes before. */
const seqStep = 1_000;

export interface LostLegSweepOptions {
  facts: Pick<FactIndex, 'openLegs'>;
  witnesses: LegWitnesses;
  states: Pick<CallStateStore, 'liveAmong'>;
  /** Whether a call is driven here. */
  isDriven(callId: string): boolean;
  /** Whether a switch still has the leg's channel; undefined: not every switch can be asked. */
  hasChannel(legId: string): Promise<boolean | undefined>;
  ledger: FactSink;
  /** Brings this controller's own facts into the store; false where that does not work now. */
  flush(): Promise<boolean>;
  clock: Clock;
  logger: Logger;
  limits?: Partial<typeof defaultSweepLimits>;
}

export const defaultSweepLimits = {
  everyMs: 15_000,
  /** Every so often all open legs are looked at, else only those of late: these are the ones that may have been lost. */
  allEveryMs: 180_000,
  recentMs: 600_000,
  /** Younger legs may be on their way to being saved. */
  minAgeMs: 10_000,
  /** Between the two looks at a leg: it may have ended in an orderly way, or been saved, while we looked. */
  confirmMs: 10_000,
  /** No call lasts longer (the limit of a call, and some): older ones are over even if no switch says so. */
  maxCallMs: 15_000_000,
  /** How far back it looks. */
  windowMs: 7 * 24 * 3_600_000,
};

/**
 * Closes the records of legs that nobody drives, so that no take-over knows of them: their controller died before it
 * had saved the call, or the store has lost its data. A leg that was answered is left alone while a switch has its
 * channel, or not every switch can be asked, since it may be live although its state was lost; until no call can be
 * that long.
 */
export class LostLegSweep {
  readonly #options: LostLegSweepOptions;
  readonly #limits: typeof defaultSweepLimits;
  #timer: TimerHandle | undefined;
  #candidates = new Set<string>();
  /** When all are to be looked at again, by the monotonic clock. */
  #allAtMs = 0;
  /** The look that is under way, or the one to confirm it, is at all. */
  #looksAtAll = false;
  #stopped = false;

  constructor(options: LostLegSweepOptions) {
    this.#options = options;
    this.#limits = { ...defaultSweepLimits, ...options.limits };
  }

  /** Looks now, and again and again. */
  start(): void {
    this.#sleep(0);
  }

  /** Calls have lost their controller, or their saved state: the next look is at all legs. */
  expectLost(): void {
    this.#allAtMs = 0;
  }

  stop(): void {
    this.#stopped = true;
    this.#options.clock.clearTimeout(this.#timer);
  }

  #sleep(forMs: number): void {
    if (this.#stopped) return;
    const { clock, logger } = this.#options;
    const { everyMs, confirmMs } = this.#limits;
    this.#timer = clock.setTimeout(() => {
      this.#round().then(
        () => this.#sleep(this.#candidates.size > 0 ? confirmMs : everyMs),
        (error: unknown) => {
          logger.warn({ err: errorMessage(error) }, 'records without a call could not be looked for');
          this.#candidates.clear();
          this.#sleep(everyMs);
        },
      );
    }, forMs);
  }

  async #round(): Promise<void> {
    const before = this.#candidates;
    this.#candidates = new Set();
    if (!(await this.#options.flush())) return;
    const nowMs = this.#options.clock.monotonicMs();
    if (before.size === 0) this.#looksAtAll = nowMs >= this.#allAtMs;
    if (this.#looksAtAll) this.#allAtMs = nowMs + this.#limits.allEveryMs;
    const lost = await this.#lostLegs();
    const confirmed = lost.filter(({ leg }) => before.has(leg.legId));
    if (confirmed.length > 0) await this.#close(confirmed);
    else for (const { leg } of lost) this.#candidates.add(leg.legId);
  }

  async #lostLegs(): Promise<Lost[]> {
    const { facts, witnesses, states, clock, isDriven } = this.#options;
    const { minAgeMs, windowMs, recentMs, maxCallMs } = this.#limits;
    const nowMs = clock.nowMs();
    const fromMs = nowMs - (this.#looksAtAll ? windowMs : recentMs);
    const open = await facts.openLegs({ fromMs, toMs: nowMs - minAgeMs, limit: legsAtOnce });
    if (open.length === 0) return [];
    const live = await states.liveAmong([...new Set(open.map(({ callId }) => callId))]);
    const orphans = open.filter(({ callId }) => !live.has(callId) && !isDriven(callId));
    const channels = Map.groupBy(await witnesses.channelsOf(orphans.map(({ legId }) => legId)), ({ legId }) => legId);
    const callIds = [...new Set(orphans.map(({ callId }) => callId))];
    const history = Map.groupBy(await witnesses.factsOfCalls(callIds), ({ callId }) => callId);
    const lost: Lost[] = [];
    for (const leg of orphans) {
      const { legId, callId } = leg;
      const own = history.get(callId) ?? [];
      const ended = channels.get(legId) ?? [];
      const wasAnswered = own.some((fact) => fact.type === 'answered' && fact.legId === legId);
      const isOver = ended.length > 0 || !wasAnswered || nowMs - leg.atMs > maxCallMs;
      if (!isOver && (await this.#options.hasChannel(legId)) !== false) continue;
      lost.push({ leg, history: own, end: bestEnd({ legId, facts: own, channels: ended }) });
    }
    return lost;
  }

  /** The id of the fact follows from the leg, so that two controllers that find the same leg write one fact. */
  async #close(legs: readonly Lost[]): Promise<void> {
    const { ledger, logger } = this.#options;
    const written = new Map<string, number>();
    for (const { leg, end, history } of [...legs].sort((a, b) => a.end.atMs - b.end.atMs)) {
      const { callId, accountId, legId } = leg;
      const place = written.get(callId) ?? 0;
      written.set(callId, place + 1);
      const lastSeq = Math.max(...history.map(({ seq }) => seq));
      const { atMs, witness } = end;
      const fact: CallFact = {
        type: 'ended',
        cause: 'controller-lost',
        witness,
        factId: endedFactId(legId),
        callId,
        accountId,
        legId,
        seq: (Math.floor(lastSeq / seqStep) + 1) * seqStep + place,
        atMs,
      };
      await ledger.append(fact);
      logger.warn(
        { callId, legId, endedAt: toRfc3339(atMs), witness },
        'the record of a leg without a call was closed',
      );
    }
  }
}

interface Lost {
  leg: OfferedFact;
  end: LegEnd;
  history: readonly CallFact[];
}
