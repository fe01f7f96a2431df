import type { AgentOverview, DeskOverview, QueueOverview } from './live.ts';
import type { Colleague, LiveAgent, LiveCall, LiveQueue, LiveView } from './live-types.ts';

/** The part of the desk that is this user's: an agent's own affairs, or everything. */
export function viewFor(overview: DeskOverview, userId: string, scope: 'all' | 'own'): LiveView {
  const { nowMs } = overview;
  const mine = overview.agents.find(({ agentId }) => agentId === userId);
  const call = mine?.callId ? overview.calls.find(({ callId }) => callId === mine.callId) : undefined;
  const queues = overview.queues
    .filter(({ queueId }) => scope === 'all' || mine?.queues.includes(queueId))
    .map((queue) => toLiveQueue(queue, nowMs))
    .sort((one, other) => one.name.localeCompare(other.name, 'ja'));
  return {
    nowMs,
    ...(mine ? { me: toLiveAgent(mine) } : {}),
    ...(call ? { call: scope === 'all' ? call : withoutListeners(call) } : {}),
    ...(mine?.state === 'talking' ? { colleagues: colleaguesOf(overview, userId) } : {}),
    queues,
    ...(scope === 'all' ? everything(overview) : {}),
  };
}

function everything({ agents, calls, queues }: DeskOverview): Pick<LiveView, 'agents' | 'calls'> {
  const places = new Map(queues.flatMap(({ line }) => line.map((callId, index) => [callId, index + 1] as const)));
  return {
    agents: agents.map(toLiveAgent).sort((one, other) => one.displayName.localeCompare(other.displayName, 'ja')),
    calls: calls
      .map((call) => withPosition(call, places.get(call.callId)))
      .sort((one, other) => one.waitingSinceMs - other.waitingSinceMs),
  };
}

function withPosition(call: LiveCall, position: number | undefined): LiveCall {
  return position === undefined ? call : { ...call, position };
}

/** Who listens in is for supervisors to know. */
function withoutListeners({ listeners: _, ...call }: LiveCall): LiveCall {
  return call;
}

/** Name and availability are all that agents see of each other; who is not available is not named. */
function colleaguesOf({ agents }: DeskOverview, userId: string): Colleague[] {
  return agents
    .filter(({ agentId, state }) => agentId !== userId && state === 'available')
    .map(({ agentId, displayName }) => ({ agentId, displayName }))
    .sort((one, other) => one.displayName.localeCompare(other.displayName, 'ja'));
}

function toLiveAgent(agent: AgentOverview): LiveAgent {
  const { agentId, displayName, queues, state, reason, sinceMs, wanted, untilMs, missesInRow, callId } = agent;
  const { hasPhone } = agent;
  return {
    ...{ agentId, displayName, queues, state, reason, sinceMs, wanted, untilMs, missesInRow, callId },
    ...(hasPhone === undefined ? {} : { hasPhone }),
  };
}

function toLiveQueue(
  { queueId, name, waiting, oldestAtMs, agents, handlingMs, slots, timezone }: QueueOverview,
  nowMs: number,
): LiveQueue {
  const today = { answered: 0, inTime: 0, left: 0, waitMs: 0 };
  const day = dayIn(timezone, nowMs);
  for (const slot of slots) {
    if (dayIn(timezone, slot.atMs) !== day) continue;
    today.answered += slot.answered;
    today.inTime += slot.inTime;
    today.left += slot.left;
    today.waitMs += slot.waitMs;
  }
  return { queueId, name, waiting, oldestAtMs, agents, handlingMs, today };
}

/** Making a formatter is dear; there are as many as queues have time zones. */
const dayFormats = new Map<string, Intl.DateTimeFormat>();

function dayIn(timeZone: string, atMs: number): string {
  const format = dayFormats.get(timeZone) ?? new Intl.DateTimeFormat('en-CA', { timeZone });
  dayFormats.set(timeZone, format);
  return format.format(atMs);
}
