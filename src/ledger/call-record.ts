import { assert } from '../kernel/assert.ts';
import type { CallFact, CallFactType, EndCause, LegKind } from '../kernel/call-fact.ts';
import { toRfc3339 } from '../kernel/clock.ts';

/**
 * One call as the call log shows it: a fold over its facts. Times are RFC 3339 with milliseconds; null: has not
 * happened. Numbers are '' where the fact that says them is missing.
 */
export interface CallRecord {
  callId: string;
  accountId: string | null;
  from: string;
  to: string;
  flow: string | null;
  flowVersion: number | null;
  /** The call in which the caller asked to be called back. */
  callBackOf: string | null;
  /** Of the first fact where the caller's `offered` is missing. */
  offeredAt: string;
  answeredAt: string | null;
  /** The caller's leg ended: the call is over. */
  endedAt: string | null;
  /** What the call came to; see {@link callOutcome}. */
  outcome: string;
  /** Node ids in the order they were entered. */
  path: string[];
  /** Personal data. */
  digits: { nodeId: string; digits: string }[];
  /** In the order they were first heard of: the caller's is the first. */
  legs: LegRecord[];
  recordings: RecordingRecord[];
  faults: { nodeId: string | null; message: string }[];
}

export interface RecordingRecord {
  recordingId: string;
  legId: string;
  /** Of a talk with that agent; null: of the caller alone. */
  agentId: string | null;
  file: string;
  durationMs: number;
  /** Less of it is there than was said, or nothing; null: all of it. */
  incomplete: 'cut-short' | 'missing' | null;
}

export interface LegRecord {
  legId: string;
  /** Null when the fact that says so is missing. */
  kind: LegKind | null;
  direction: 'inbound' | 'outbound' | null;
  from: string;
  to: string;
  /** SIP Call-ID, to reconcile with the switch's records. */
  sipCallId: string | null;
  offeredAt: string | null;
  answeredAt: string | null;
  endedAt: string | null;
  cause: EndCause | null;
  sipStatus: number | null;
  /** From ringing to answer, or to the end where nobody answered; 0 when it never rang, null while it rings. */
  ringMs: number | null;
  /** Time in which it could talk with another leg: bridges that are over. */
  talkMs: number;
}

type Fact<T extends CallFactType> = Extract<CallFact, { type: T }>;

/**
 * A call's record from its facts, in any order, with repeats, and with facts missing at either end: what is not known
 * is null. The same set of facts always gives the same record. There must be at least one, all of one call.
 */
export function foldCall(given: readonly CallFact[]): CallRecord {
  const facts = inOrder(given);
  const [first] = facts;
  assert(first, 'a call has facts');
  const legs = [...new Set(facts.map((fact) => fact.legId))].map((legId) => foldLeg(legId, facts));
  const opener = legs.find(({ kind }) => kind === 'caller' || kind === 'canary') ?? legs[0];
  const opening = ofType(facts, 'offered').find(({ legId }) => legId === opener?.legId);
  return {
    callId: first.callId,
    accountId: facts.find((fact) => fact.accountId !== null)?.accountId ?? null,
    from: opening?.from ?? '',
    to: opening?.to ?? '',
    flow: opening?.flowId ?? null,
    flowVersion: opening?.flowVersion ?? null,
    callBackOf: opening?.callBackOf ?? null,
    offeredAt: opener?.offeredAt ?? toRfc3339(first.atMs),
    answeredAt: opener?.answeredAt ?? null,
    endedAt: opener?.endedAt ?? null,
    outcome: callOutcome(facts, opener),
    path: ofType(facts, 'node-entered').map(({ nodeId }) => nodeId),
    digits: ofType(facts, 'digits').map(({ nodeId, digits }) => ({ nodeId, digits })),
    legs: [...legs].sort((a, b) => Number(b === opener) - Number(a === opener)),
    recordings: ofType(facts, 'recorded').map(({ recordingId, legId, agentId, file, durationMs, incomplete }) => ({
      recordingId,
      legId,
      agentId: agentId ?? null,
      file,
      durationMs,
      incomplete: incomplete ?? null,
    })),
    faults: ofType(facts, 'fault').map(({ nodeId, message }) => ({ nodeId: nodeId ?? null, message })),
  };
}

/**
 * The call's result in one word:
 * - what the flow said when it ended the call (fact `finished`);
 * - not over: `in-progress` once answered, before that `offered`;
 * - never answered: `abandoned` when the caller gave up, else why it was refused (`not-found`, `suspended`, `overload` …);
 * - answered: `connected` when the caller spoke with a person and someone hung up, `caller-hangup` when the caller left
 *   the flow, `completed` when the flow ended the call without a word, else what broke it (`flow-fault`, `media-lost` …).
 */
function callOutcome(facts: readonly CallFact[], caller: LegRecord | undefined): string {
  const finished = ofType(facts, 'finished').at(-1);
  if (finished) return finished.outcome;
  const answered = Boolean(caller?.answeredAt);
  const cause = caller?.cause;
  if (!cause) return answered ? 'in-progress' : 'offered';
  if (!answered) return cause === 'cancelled' || cause === 'caller-hangup' ? 'abandoned' : cause;
  const orderly = cause === 'caller-hangup' || cause === 'peer-hangup' || cause === 'system-hangup';
  if (!orderly) return cause;
  const spoke = facts.some((fact) => fact.type === 'bridged' && touches(fact, caller.legId));
  if (spoke) return 'connected';
  return cause === 'caller-hangup' ? 'caller-hangup' : 'completed';
}

function foldLeg(legId: string, facts: readonly CallFact[]): LegRecord {
  const own = facts.filter((fact) => fact.legId === legId);
  const [offered] = ofType(own, 'offered');
  const [answered] = ofType(own, 'answered');
  const [ringing] = ofType(own, 'ringing');
  const [ended] = ofType(own, 'ended');
  const rungUntilMs = answered?.atMs ?? ended?.atMs;
  return {
    legId,
    kind: offered?.kind ?? null,
    direction: offered?.direction ?? null,
    from: offered?.from ?? '',
    to: offered?.to ?? '',
    sipCallId: offered?.sipCallId ?? null,
    offeredAt: time(offered),
    answeredAt: time(answered),
    endedAt: time(ended),
    cause: ended?.cause ?? null,
    sipStatus: ended?.sipStatus ?? (answered ? 200 : null),
    ringMs: rungUntilMs === undefined ? null : ringing ? Math.max(0, rungUntilMs - ringing.atMs) : 0,
    talkMs: talkTime(legId, facts),
  };
}

/**
 * How long the leg was bridged with any other. A bridge is over when either side says so or either leg ends; both
 * sides may report the same bridge.
 */
function talkTime(legId: string, facts: readonly CallFact[]): number {
  const peers = new Set<string>();
  let sinceMs = 0;
  let talkMs = 0;
  const part = (peer: string, atMs: number) => {
    if (peers.delete(peer) && peers.size === 0) talkMs += Math.max(0, atMs - sinceMs);
  };
  for (const fact of facts) {
    if (fact.type === 'ended') {
      const parted = fact.legId === legId ? [...peers] : [fact.legId];
      for (const peer of parted) part(peer, fact.atMs);
    } else if ((fact.type === 'bridged' || fact.type === 'unbridged') && touches(fact, legId)) {
      const peer = fact.legId === legId ? fact.peerLegId : fact.legId;
      if (fact.type === 'unbridged') part(peer, fact.atMs);
      else if (!peers.has(peer)) {
        if (peers.size === 0) sinceMs = fact.atMs;
        peers.add(peer);
      }
    }
  }
  return talkMs;
}

function touches(fact: Fact<'bridged'> | Fact<'unbridged'>, legId: string): boolean {
  return fact.legId === legId || fact.peerLegId === legId;
}

/** Each fact once, by `seq`; facts that share one (they should not) by time, then id. */
function inOrder(facts: readonly CallFact[]): CallFact[] {
  const once = [...new Map(facts.map((fact) => [fact.factId, fact])).values()];
  return once.sort((a, b) => a.seq - b.seq || a.atMs - b.atMs || (a.factId < b.factId ? -1 : 1));
}

function ofType<T extends CallFactType>(facts: readonly CallFact[], type: T): Fact<T>[] {
  return facts.filter((fact): fact is Fact<T> => fact.type === type);
}

function time(fact: CallFact | undefined): string | null {
  return fact ? toRfc3339(fact.atMs) : null;
}
