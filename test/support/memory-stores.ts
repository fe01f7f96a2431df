import type { CallFact } from '../../src/kernel/call-fact.ts';
import type { ChannelRecord } from '../../src/kernel/channel-record.ts';
import {
  type ChannelRecordStore,
  type FactIndex,
  type FactStore,
  factRejected,
  type OfferedCallRef,
  type OfferedFact,
} from '../../src/ledger/ledger.ts';

/** The FactStore port in memory; passes the same contract suite as the databases. */
export class MemoryFactStore implements FactStore, FactIndex {
  readonly #facts = new Map<string, CallFact>();
  readonly #places = new Set<string>();

  /** In the order of arrival. */
  get facts(): CallFact[] {
    return [...this.#facts.values()];
  }

  async append(facts: readonly CallFact[]): Promise<number> {
    const fresh = new Map<string, CallFact>();
    const places = new Set<string>();
    for (const fact of facts) {
      if (this.#facts.has(fact.factId) || fresh.has(fact.factId)) continue;
      const place = `${fact.callId} ${fact.seq}`;
      if (this.#places.has(place) || places.has(place)) throw factRejected('its call and seq are taken');
      places.add(place);
      fresh.set(fact.factId, structuredClone(fact));
    }
    for (const place of places) this.#places.add(place);
    for (const [factId, fact] of fresh) this.#facts.set(factId, fact);
    return fresh.size;
  }

  async factsOfCall(callId: string): Promise<CallFact[]> {
    return this.facts.filter((fact) => fact.callId === callId).sort((a, b) => a.seq - b.seq);
  }

  async factsOfCalls(callIds: readonly string[]): Promise<CallFact[]> {
    return (await Promise.all([...new Set(callIds)].sort().map((callId) => this.factsOfCall(callId)))).flat();
  }

  async callsOffered(options: {
    fromMs: number;
    toMs: number;
    limit: number;
    after?: OfferedCallRef;
  }): Promise<OfferedCallRef[]> {
    const { fromMs, toMs, limit, after } = options;
    return this.facts
      .filter((fact) => fact.type === 'offered' && (fact.kind === 'caller' || fact.kind === 'canary'))
      .map(({ callId, atMs }) => ({ callId, atMs }))
      .filter(({ atMs }) => atMs >= fromMs && atMs < toMs)
      .filter((ref) => !after || ref.atMs > after.atMs || (ref.atMs === after.atMs && ref.callId > after.callId))
      .sort((a, b) => a.atMs - b.atMs || (a.callId < b.callId ? -1 : 1))
      .slice(0, limit);
  }

  async knownLegs(legIds: readonly string[]): Promise<Set<string>> {
    const known = new Set(this.facts.map(({ legId }) => legId));
    return new Set(legIds.filter((legId) => known.has(legId)));
  }

  async openLegs(options: { fromMs: number; toMs: number; limit: number }): Promise<OfferedFact[]> {
    const ended = new Set(this.facts.filter(({ type }) => type === 'ended').map(({ legId }) => legId));
    return this.facts
      .filter((fact): fact is OfferedFact => fact.type === 'offered')
      .filter(({ legId, atMs }) => atMs >= options.fromMs && atMs < options.toMs && !ended.has(legId))
      .sort((a, b) => a.atMs - b.atMs)
      .slice(0, options.limit);
  }

  async listCallIds(options: { limit: number; accountId?: string; before?: OfferedCallRef }): Promise<string[]> {
    const { limit, accountId, before } = options;
    return this.facts
      .filter((fact) => fact.type === 'offered' && (fact.kind === 'caller' || fact.kind === 'canary'))
      .filter((fact) => accountId === undefined || fact.accountId === accountId)
      .filter(({ atMs, callId }) => !before || atMs < before.atMs || (atMs === before.atMs && callId < before.callId))
      .sort((a, b) => b.atMs - a.atMs || (a.callId < b.callId ? 1 : -1))
      .slice(0, limit)
      .map((fact) => fact.callId);
  }
}

/** The ChannelRecordStore port in memory; passes the same contract suite as the databases. */
export class MemoryChannelRecordStore implements ChannelRecordStore {
  readonly #records = new Map<string, ChannelRecord>();
  /** Makes `add` reject. */
  away = false;

  get records(): ChannelRecord[] {
    return [...this.#records.values()].sort((a, b) => (orderOf(a) < orderOf(b) ? -1 : 1));
  }

  async add(records: readonly ChannelRecord[]): Promise<number> {
    if (this.away) throw new Error('the store is away');
    const before = this.#records.size;
    for (const record of records) if (!this.#records.has(orderOf(record))) this.#records.set(orderOf(record), record);
    return this.#records.size - before;
  }

  async ofLegs(legIds: readonly string[]): Promise<ChannelRecord[]> {
    return this.records.filter(({ legId }) => legIds.includes(legId));
  }

  async created(options: {
    fromMs: number;
    toMs: number;
    limit: number;
    after?: ChannelRecord;
  }): Promise<ChannelRecord[]> {
    const { fromMs, toMs, limit, after } = options;
    return this.records
      .filter(({ createdAtMs }) => createdAtMs >= fromMs && createdAtMs < toMs)
      .filter((record) => !after || orderOf(record) > orderOf(after))
      .slice(0, limit);
  }
}

function orderOf({ createdAtMs, legId, server }: ChannelRecord): string {
  return JSON.stringify([String(createdAtMs).padStart(16, '0'), legId, server]);
}
