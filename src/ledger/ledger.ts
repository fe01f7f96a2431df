import type { CallFact } from '../kernel/call-fact.ts';
import type { ChannelRecord } from '../kernel/channel-record.ts';
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
  /** Ids of calls, newest `offered` first; `before`: the last one of the page before. */
  listCallIds(options: { limit: number; accountId?: string; before?: OfferedCallRef }): Promise<string[]>;
}

/** What is looked for across calls; the same store has it. */
export interface FactIndex {
  /** The facts of many calls, each call's in order of `seq`. */
  factsOfCalls(callIds: readonly string[]): Promise<CallFact[]>;
  /** Calls `offered` from `fromMs` on and before `toMs`, oldest first; `after`: the last one of the page before. */
  callsOffered(options: {
    fromMs: number;
    toMs: number;
    limit: number;
    after?: OfferedCallRef;
  }): Promise<OfferedCallRef[]>;
  /** Of these legs those on record. */
  knownLegs(legIds: readonly string[]): Promise<Set<string>>;
  /** `offered` facts from `fromMs` on and before `toMs` of legs that have not ended on record, oldest first. */
  openLegs(options: { fromMs: number; toMs: number; limit: number }): Promise<OfferedFact[]>;
}

/** A call's place in the order of their beginning. */
export interface OfferedCallRef {
  callId: string;
  atMs: number;
}

export type OfferedFact = Extract<CallFact, { type: 'offered' }>;

/** What the switches say of channels that have ended; each record once, however often it is added. */
export interface ChannelRecordStore {
  /** All or none; gives how many were new. */
  add(records: readonly ChannelRecord[]): Promise<number>;
  /** The records of these legs, each leg's oldest first. */
  ofLegs(legIds: readonly string[]): Promise<ChannelRecord[]>;
  /** Records of channels created from `fromMs` on and before `toMs`, oldest first; `after`: the last one of the page before. */
  created(options: { fromMs: number; toMs: number; limit: number; after?: ChannelRecord }): Promise<ChannelRecord[]>;
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
