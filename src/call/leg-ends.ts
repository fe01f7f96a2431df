import type { CallFact, EndWitness } from '../kernel/call-fact.ts';
import type { ChannelRecord } from '../kernel/channel-record.ts';

/** Who can be asked about legs whose controller is gone. */
export interface LegWitnesses {
  /** What is on record of these calls, each call's in order. */
  factsOfCalls(callIds: readonly string[]): Promise<CallFact[]>;
  /** What the switches say of these legs' channels that have ended. */
  channelsOf(legIds: readonly string[]): Promise<ChannelRecord[]>;
}

/** When a leg ended that nobody saw end, and who says so. */
export interface LegEnd {
  legId: string;
  atMs: number;
  witness: EndWitness;
}

/** What is known of one leg of a call. */
export interface LegHistory {
  legId: string;
  /** Of the whole call. */
  facts: readonly CallFact[];
  /** Of this leg, on whichever servers it was tried. */
  channels: readonly ChannelRecord[];
  /** When its controller last gave a sign of life, the leg being in its care. */
  heardAtMs?: number | undefined;
}

/**
 * The best that can be said of a leg's end: the switch's own record of the channel; else the last sign of life of the
 * controller that drove it; else the last thing on record in which it took part.
 */
export function bestEnd({ legId, facts, channels, heardAtMs }: LegHistory): LegEnd {
  const own = facts.filter((fact) => fact.legId === legId);
  const isCaller = own.some((fact) => fact.type === 'offered' && (fact.kind === 'caller' || fact.kind === 'canary'));
  // Whatever happens in a call happens to its caller.
  const about = isCaller ? facts : facts.filter((fact) => fact.legId === legId || peerOf(fact) === legId);
  const lastMs = latest(about);
  const bySwitch = endOfChannel(own, channels);
  if (bySwitch !== undefined) return { legId, atMs: Math.max(latest(own), bySwitch), witness: 'switch' };
  if (heardAtMs !== undefined && heardAtMs > lastMs)
    return { legId, atMs: Math.round(heardAtMs), witness: 'controller' };
  return { legId, atMs: lastMs, witness: 'last-fact' };
}

/**
 * In our time: the switch's clock may be another machine's, so that only how long the channel lasted counts, from the
 * moment that both have seen.
 */
function endOfChannel(own: readonly CallFact[], channels: readonly ChannelRecord[]): number | undefined {
  const last = [...channels].sort((a, b) => b.endedAtMs - a.endedAtMs)[0];
  if (!last) return undefined;
  const { createdAtMs, answeredAtMs, endedAtMs } = last;
  const answered = own.find(({ type }) => type === 'answered');
  if (answered && answeredAtMs !== null) return answered.atMs + Math.max(0, endedAtMs - answeredAtMs);
  const offered = own.find(({ type }) => type === 'offered');
  return offered ? offered.atMs + Math.max(0, endedAtMs - createdAtMs) : endedAtMs;
}

function peerOf(fact: CallFact): string | undefined {
  return 'peerLegId' in fact ? fact.peerLegId : undefined;
}

function latest(facts: readonly CallFact[]): number {
  return facts.reduce((latestMs, { atMs }) => Math.max(latestMs, atMs), 0);
}
