import type { CallFact } from '../../src/kernel/call-fact.ts';
import { type FactStore, factRejected } from '../../src/ledger/ledger.ts';

/** The FactStore port in memory; passes the same contract suite as the databases. */
export class MemoryFactStore implements FactStore {
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

  async listCallIds(options: { limit: number; accountId?: string; beforeMs?: number }): Promise<string[]> {
    const { limit, accountId, beforeMs } = options;
    return this.facts
      .filter((fact) => fact.type === 'offered' && (fact.kind === 'caller' || fact.kind === 'canary'))
      .filter((fact) => accountId === undefined || fact.accountId === accountId)
      .filter((fact) => beforeMs === undefined || fact.atMs < beforeMs)
      .sort((a, b) => b.atMs - a.atMs || (a.callId < b.callId ? 1 : -1))
      .slice(0, limit)
      .map((fact) => fact.callId);
  }
}
