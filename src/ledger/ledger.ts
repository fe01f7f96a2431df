import type { CallFact } from '../kernel/call-fact.ts';

/** Where facts are kept for ever. `factId` is unique: writing a fact again changes nothing. */
export interface FactStore {
  /** Writes all or none; facts already there are passed over. Gives how many were new. */
  append(facts: readonly CallFact[]): Promise<number>;
  /** A call's facts in order of `seq`. */
  factsOfCall(callId: string): Promise<CallFact[]>;
  /** Ids of calls, newest `offered` first. */
  listCallIds(options: { limit: number; accountId?: string; beforeMs?: number }): Promise<string[]>;
}

/** What `call` needs of the ledger: say it, and it is on record even if the process dies the next moment. */
export interface FactSink {
  /** Resolves once the fact is on disk (fsync). Facts of one call are kept in the order they were given. */
  append(fact: CallFact): Promise<void>;
}
