import type { FactLog } from './fact-log.ts';
import type { DeskState, PeerCallState } from './saved-call.ts';
import type { Leg } from './telephony.ts';

/** With whom a caller talks whose controller has died. */
export interface ResumedLegs {
  agent?: { saved: DeskState['agents'][number]; leg: Leg };
  /** The number outside that they were handed to. */
  outside?: { saved: PeerCallState; leg: Leg };
}

/** Sorts the legs that still exist: who talks with the caller goes on, every other is ended, and its record closed. */
export function sortLegs(saved: DeskState, legs: ReadonlyMap<string, Leg>, facts: FactLog): ResumedLegs {
  const talks = ({ talkEndsAtMs, legId }: PeerCallState) => talkEndsAtMs !== undefined && legs.has(legId);
  const talkers = saved.agents.filter(talks);
  const outside = saved.outside && talks(saved.outside) ? saved.outside : undefined;
  // Of two agents the one who is not held: the caller has just been handed over.
  const agent = outside ? undefined : (talkers.find(({ held }) => !held) ?? talkers[0]);
  for (const party of [...saved.agents, ...(saved.outside ? [saved.outside] : [])]) {
    if (party === agent || party === outside) continue;
    legs
      .get(party.legId)
      ?.end('controller-lost')
      .catch(() => undefined);
    facts.endLeg(party.legId, 'controller-lost');
  }
  const [agentLeg, outsideLeg] = [legs.get(agent?.legId ?? ''), legs.get(outside?.legId ?? '')];
  return {
    ...(agent && agentLeg ? { agent: { saved: agent, leg: agentLeg } } : {}),
    ...(outside && outsideLeg ? { outside: { saved: outside, leg: outsideLeg } } : {}),
  };
}
