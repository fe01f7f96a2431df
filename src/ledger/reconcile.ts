import type { CallFact } from '../kernel/call-fact.ts';
import type { ChannelRecord } from '../kernel/channel-record.ts';
import { foldCall, type LegRecord } from './call-record.ts';
import type { ChannelRecordStore, FactIndex } from './ledger.ts';

const pageSize = 500;
const differencesMax = 10_000;

export interface ReconcileOptions {
  facts: Pick<FactIndex, 'callsOffered' | 'factsOfCalls' | 'knownLegs'>;
  channels: ChannelRecordStore;
  /** Calls offered, and channels created, from `fromMs` on and before `toMs`. */
  fromMs: number;
  toMs: number;
  /** Now: what ended less than `settleMs` ago is not judged, since one side of it may still be on its way. */
  nowMs: number;
  settleMs?: number;
  /** Times that differ by no more agree; 1 s (field-failures.md). */
  toleranceMs?: number;
}

/**
 * - `answered-differs`, `ended-differs`: the two times lie apart; or only one side says it was answered, for so long.
 * - `no-switch-record`: a leg was answered, yet no switch tells of its channel.
 * - `no-leg`: a switch had a channel that no fact tells of.
 * - `open-leg`: the record of a leg is open although its channel has ended.
 */
export type DifferenceKind = 'answered-differs' | 'ended-differs' | 'no-switch-record' | 'no-leg' | 'open-leg';

export interface Difference {
  kind: DifferenceKind;
  legId: string;
  /** Null for `no-leg`. */
  callId: string | null;
  /** Names of the switches, separated by commas; null for `no-switch-record`. */
  server: string | null;
  /** What the ledger says: the time that differs, or that of the answer where the other side is missing. ms. */
  ledgerMs: number | null;
  /** What the switch says, likewise. */
  switchMs: number | null;
  differenceMs: number | null;
}

export interface Reconciliation {
  fromMs: number;
  toMs: number;
  toleranceMs: number;
  legs: number;
  channels: number;
  /** Legs whose times were held against those of their channel. */
  compared: number;
  /** The first 10,000. */
  differences: Difference[];
  /** How many there are. */
  found: number;
}

/** Holds the ledger against the switches' own records (field-failures.md). Reads in pages; writes nothing. */
export async function reconcile(options: ReconcileOptions): Promise<Reconciliation> {
  const run = new Run(options);
  await run.legs();
  await run.channels();
  return run.result;
}

/** What a switch, or several that a leg was tried on, say of one leg. */
interface Witnessed {
  server: string;
  answeredMs: number | null;
  endedMs: number;
}

class Run {
  readonly result: Reconciliation;
  readonly #options: ReconcileOptions;
  readonly #toleranceMs: number;
  readonly #settledMs: number;

  constructor(options: ReconcileOptions) {
    const { fromMs, toMs, nowMs, toleranceMs = 1_000, settleMs = 5_000 } = options;
    this.#options = options;
    this.#toleranceMs = toleranceMs;
    this.#settledMs = nowMs - settleMs;
    this.result = { fromMs, toMs, toleranceMs, legs: 0, channels: 0, compared: 0, differences: [], found: 0 };
  }

  /** From the ledger's side. */
  async legs(): Promise<void> {
    const { facts, channels, fromMs, toMs } = this.#options;
    let calls = await facts.callsOffered({ fromMs, toMs, limit: pageSize });
    for (;;) {
      const after = calls.at(-1);
      if (!after) return;
      const legs = legsOf(await facts.factsOfCalls(calls.map(({ callId }) => callId)));
      const records = Map.groupBy(await channels.ofLegs(legs.map(({ leg }) => leg.legId)), ({ legId }) => legId);
      for (const { callId, leg } of legs) this.#compare(callId, leg, witnessed(records.get(leg.legId) ?? []));
      calls = await facts.callsOffered({ fromMs, toMs, limit: pageSize, after });
    }
  }

  /** From the switches' side: only what the ledger does not know at all is new. */
  async channels(): Promise<void> {
    const { facts, channels, fromMs, toMs } = this.#options;
    let records = await channels.created({ fromMs, toMs, limit: pageSize });
    for (;;) {
      const after = records.at(-1);
      if (!after) return;
      this.result.channels += records.length;
      const known = await facts.knownLegs(records.map(({ legId }) => legId));
      for (const { legId, server, answeredAtMs, endedAtMs } of records) {
        if (known.has(legId) || endedAtMs > this.#settledMs) continue;
        this.#differs({ kind: 'no-leg', legId, callId: null, server, ledgerMs: null, switchMs: answeredAtMs });
      }
      records = await channels.created({ fromMs, toMs, limit: pageSize, after });
    }
  }

  #compare(callId: string, leg: LegRecord, channel: Witnessed | undefined): void {
    this.result.legs += 1;
    const { legId } = leg;
    const answeredMs = timeOf(leg.answeredAt);
    const endedMs = timeOf(leg.endedAt);
    if (!channel) {
      const missing = answeredMs !== null && endedMs !== null && endedMs <= this.#settledMs;
      const ledgerMs = answeredMs;
      if (missing) this.#differs({ kind: 'no-switch-record', legId, callId, server: null, ledgerMs, switchMs: null });
      return;
    }
    this.result.compared += 1;
    const { server } = channel;
    this.#compareAnswers({ legId, callId, server }, { answeredMs, endedMs }, channel);
    if (endedMs !== null) this.#compareTimes('ended-differs', { legId, callId, server }, endedMs, channel.endedMs);
    else if (channel.endedMs <= this.#settledMs) {
      this.#differs({ kind: 'open-leg', legId, callId, server, ledgerMs: null, switchMs: channel.endedMs });
    }
  }

  #compareAnswers(
    of: { legId: string; callId: string; server: string },
    { answeredMs, endedMs }: { answeredMs: number | null; endedMs: number | null },
    channel: Witnessed,
  ): void {
    if (answeredMs !== null && channel.answeredMs !== null) {
      this.#compareTimes('answered-differs', of, answeredMs, channel.answeredMs);
      return;
    }
    // One side only: FreeSWITCH answers a moment before the caller has our 200, and in that moment may hear BYE.
    const answeredForMs =
      answeredMs === null
        ? channel.endedMs - (channel.answeredMs ?? channel.endedMs)
        : (endedMs ?? channel.endedMs) - answeredMs;
    if (answeredForMs <= this.#toleranceMs) return;
    const times = { ledgerMs: answeredMs, switchMs: channel.answeredMs, differenceMs: answeredForMs };
    this.#differs({ kind: 'answered-differs', ...of, ...times });
  }

  #compareTimes(
    kind: DifferenceKind,
    of: { legId: string; callId: string; server: string },
    ledgerMs: number,
    switchMs: number,
  ): void {
    const differenceMs = Math.abs(ledgerMs - switchMs);
    if (differenceMs > this.#toleranceMs) this.#differs({ kind, ...of, ledgerMs, switchMs, differenceMs });
  }

  #differs(difference: Omit<Difference, 'differenceMs'> & { differenceMs?: number }): void {
    this.result.found += 1;
    if (this.result.differences.length >= differencesMax) return;
    this.result.differences.push({ ...difference, differenceMs: difference.differenceMs ?? null });
  }
}

function legsOf(facts: readonly CallFact[]): { callId: string; leg: LegRecord }[] {
  const calls = Map.groupBy(facts, ({ callId }) => callId);
  return [...calls].flatMap(([callId, own]) => foldCall(own).legs.map((leg) => ({ callId, leg })));
}

/** A leg's channels, of which the last answered one carried it; it is over when all are. */
function witnessed(records: readonly ChannelRecord[]): Witnessed | undefined {
  if (records.length === 0) return undefined;
  const inOrder = [...records].sort((a, b) => a.createdAtMs - b.createdAtMs);
  return {
    server: [...new Set(inOrder.map(({ server }) => server))].join(','),
    answeredMs: inOrder.findLast(({ answeredAtMs }) => answeredAtMs !== null)?.answeredAtMs ?? null,
    endedMs: Math.max(...inOrder.map(({ endedAtMs }) => endedAtMs)),
  };
}

function timeOf(text: string | null): number | null {
  return text === null ? null : Date.parse(text);
}
