import type { CallFact } from '../kernel/call-fact.ts';
import type { ChannelRecord } from '../kernel/channel-record.ts';
import { type Clock, type TimerHandle, toRfc3339 } from '../kernel/clock.ts';
import { errorMessage } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import type { ChannelRecordStore, FactIndex, FactSink, OfferedFact } from '../ledger/ledger.ts';
import type { CallStateStore } from './call-state-store.ts';

const legsAtOnce = 5_000;
/** As after a take-over: what the dead controller may still have written comes before. */
const seqStep = 1_000;

export interface LostLegSweepOptions {
  facts: Pick<FactIndex, 'openLegs' | 'factsOfCalls'>;
  channels: Pick<ChannelRecordStore, 'ofLegs'>;
  states: Pick<CallStateStore, 'liveAmong'>;
  ledger: FactSink;
  /** Brings this controller's own facts into the store; false where that does not work now. */
  flush(): Promise<boolean>;
  clock: Clock;
  logger: Logger;
  limits?: Partial<typeof defaultSweepLimits>;
}

export const defaultSweepLimits = {
  everyMs: 180_000,
  /** Younger legs may be on their way to being saved. */
  minAgeMs: 60_000,
  /** Between the two looks at a leg: it may have ended in an orderly way while we looked. */
  confirmMs: 10_000,
  /** No call lasts longer (the limit of a call, and some): older ones are over even if no switch says so. */
  maxCallMs: 15_000_000,
  /** How far back it looks. */
  windowMs: 7 * 24 * 3_600_000,
};

/**
 * Closes the records of legs that nobody drives: their controller died between the fact `offered` and the saved state,
 * so that no take-over knows of them. A leg that was answered is left alone until a switch says that its channel has
 * ended, or no call can be that long: it may be live although its state was lost.
 */
export class LostLegSweep {
  readonly #options: LostLegSweepOptions;
  readonly #limits: typeof defaultSweepLimits;
  #timer: TimerHandle | undefined;
  #candidates = new Set<string>();
  #stopped = false;

  constructor(options: LostLegSweepOptions) {
    this.#options = options;
    this.#limits = { ...defaultSweepLimits, ...options.limits };
  }

  /** Looks now, and again and again. */
  start(): void {
    this.#sleep(0);
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
    const lost = await this.#lostLegs();
    const confirmed = lost.filter(({ leg }) => before.has(leg.legId));
    if (confirmed.length > 0) await this.#close(confirmed);
    else for (const { leg } of lost) this.#candidates.add(leg.legId);
  }

  async #lostLegs(): Promise<Lost[]> {
    const { facts, channels, states, clock } = this.#options;
    const { minAgeMs, windowMs, maxCallMs } = this.#limits;
    const nowMs = clock.nowMs();
    const open = await facts.openLegs({ fromMs: nowMs - windowMs, toMs: nowMs - minAgeMs, limit: legsAtOnce });
    if (open.length === 0) return [];
    const live = await states.liveAmong([...new Set(open.map(({ callId }) => callId))]);
    const orphans = open.filter(({ callId }) => !live.has(callId));
    const records = Map.groupBy(await channels.ofLegs(orphans.map(({ legId }) => legId)), ({ legId }) => legId);
    const history = Map.groupBy(await facts.factsOfCalls(orphans.map(({ callId }) => callId)), ({ callId }) => callId);
    return orphans.flatMap((leg) => {
      const own = history.get(leg.callId) ?? [];
      const channel = lastEnded(records.get(leg.legId) ?? []);
      const answered = own.some(({ type, legId }) => type === 'answered' && legId === leg.legId);
      const over = channel !== undefined || !answered || nowMs - leg.atMs > maxCallMs;
      return over ? [{ leg, channel, history: own }] : [];
    });
  }

  /** The id of the fact follows from the leg, so that two controllers that find the same leg write one fact. */
  async #close(legs: readonly Lost[]): Promise<void> {
    const { ledger, logger } = this.#options;
    const written = new Map<string, number>();
    for (const { leg, channel, history } of legs) {
      const { callId, accountId, legId } = leg;
      const place = written.get(callId) ?? 0;
      written.set(callId, place + 1);
      const lastSeq = Math.max(...history.map(({ seq }) => seq));
      const lastMs = Math.max(...history.filter((fact) => fact.legId === legId).map(({ atMs }) => atMs));
      // Without a witness the leg lasted until the last thing that is known of it.
      const atMs = Math.max(lastMs, channel?.endedAtMs ?? lastMs);
      const fact: CallFact = {
        type: 'ended',
        cause: 'controller-lost',
        factId: `fact_lost_${legId}`,
        callId,
        accountId,
        legId,
        seq: (Math.floor(lastSeq / seqStep) + 1) * seqStep + place,
        atMs,
      };
      await ledger.append(fact);
      logger.warn({ callId, legId, endedAt: toRfc3339(atMs) }, 'the record of a leg without a call was closed');
    }
  }
}

interface Lost {
  leg: OfferedFact;
  channel: ChannelRecord | undefined;
  history: readonly CallFact[];
}

function lastEnded(records: readonly ChannelRecord[]): ChannelRecord | undefined {
  return [...records].sort((a, b) => b.endedAtMs - a.endedAtMs)[0];
}
