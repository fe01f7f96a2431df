import type { CallFact } from '../kernel/call-fact.ts';
import { DenwabanError } from '../kernel/errors.ts';

/** Where facts are kept for ever. `factId` is unique: writing a fact again changes nothing. */
export interface FactStore {
  /**
   * Writes all or none; facts already there are passed over. Gives how many were new.
   * Rejects with {@link factRejected} when it will never take one of these facts because of its content (another fact
   * has the same call and `seq`, a value that the database can't hold); with anything else when it may work later.
   */
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

const factRejectedCode = 'FACT_REJECTED';

/** The error of a store that refuses a fact for its content: trying again is of no use. */
export function factRejected(why: string, cause?: unknown): DenwabanError {
  return new DenwabanError(factRejectedCode, `the store refuses a fact: ${why}`, { cause });
}

export function isFactRejected(error: unknown): boolean {
  return error instanceof DenwabanError && error.code === factRejectedCode;
}
