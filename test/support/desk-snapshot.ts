import { z } from 'zod';
import type { RedisConnection } from '../../src/store/redis/open-redis.ts';

type Fields = Record<string, string>;

/** Everything the desk has in Redis, as it stands. */
export interface DeskSnapshot {
  calls: Map<string, Fields>;
  agents: Map<string, Fields>;
  offers: Map<string, Fields>;
  profiles: Map<string, Profile>;
  queues: Set<string>;
  /** Call-backs that were given up. */
  givenUp: Set<string>;
  /** Members by key (without the prefix), for sets and sorted sets. */
  sets: Map<string, Set<string>>;
}

interface Profile {
  queues: string[];
  skills: Record<string, number>;
  languages: Record<string, true>;
  refused: Record<string, true>;
}

const dump = `
local found = {}
for _, key in ipairs(redis.call('KEYS', ARGV[1] .. '*')) do
  local type = redis.call('TYPE', key).ok
  local value = {}
  if type == 'hash' then value = redis.call('HGETALL', key) end
  if type == 'set' then value = redis.call('SMEMBERS', key) end
  if type == 'zset' then value = redis.call('ZRANGE', key, 0, -1) end
  found[#found + 1] = { string.sub(key, #ARGV[1] + 1), type, value }
end
return cjson.encode(found)`;
const dumped = z.array(z.tuple([z.string(), z.string(), z.union([z.array(z.string()), z.object({})])]));

/** Reads all keys below `head`, in one moment. */
export async function readDesk({ client }: RedisConnection, head: string): Promise<DeskSnapshot> {
  const snapshot: DeskSnapshot = {
    calls: new Map(),
    agents: new Map(),
    offers: new Map(),
    profiles: new Map(),
    queues: new Set(),
    givenUp: new Set(),
    sets: new Map(),
  };
  const entries = dumped.parse(JSON.parse(String(await client.eval(dump, 0, head))));
  for (const [name, type, value] of entries) {
    const list = Array.isArray(value) ? value : [];
    if (type === 'set' || type === 'zset') snapshot.sets.set(name, new Set(list));
    if (type !== 'hash') continue;
    const fields = toFields(list);
    const [kind, id] = splitOnce(name);
    if (kind === 'call') snapshot.calls.set(id, fields);
    if (kind === 'agent') snapshot.agents.set(id, fields);
    if (kind === 'offer') snapshot.offers.set(id, fields);
    if (name === 'queues') snapshot.queues = new Set(Object.keys(fields));
    if (name === 'givenUp') snapshot.givenUp = new Set(Object.keys(fields));
    if (name === 'profiles') {
      for (const [agent, json] of Object.entries(fields)) snapshot.profiles.set(agent, JSON.parse(json));
    }
  }
  return snapshot;
}

function toFields(list: readonly string[]): Fields {
  const fields: Fields = {};
  for (let at = 0; at + 1 < list.length; at += 2) fields[list[at] ?? ''] = list[at + 1] ?? '';
  return fields;
}

function splitOnce(name: string): [string, string] {
  const at = name.indexOf(':');
  return at < 0 ? [name, ''] : [name.slice(0, at), name.slice(at + 1)];
}

/** True when nothing forbids this agent this caller, but that one of them may be busy. */
export function mayServe(desk: DeskSnapshot, agentId: string, callId: string): boolean {
  const profile = desk.profiles.get(agentId);
  const call = desk.calls.get(callId);
  if (!profile || !call) return false;
  const needs = JSON.parse(call['needs'] ?? '{}') as { language?: string; skills: Record<string, number> };
  return (
    profile.queues.includes(call['queue'] ?? '') &&
    (needs.language === undefined || profile.languages[needs.language] === true) &&
    Object.entries(needs.skills).every(([name, level]) => (profile.skills[name] ?? 0) >= level) &&
    !profile.refused[call['account'] ?? ''] &&
    call[`skip:${agentId}`] === undefined
  );
}

/** Callers whom a free agent could be offered. */
export function waitingCalls(desk: DeskSnapshot): string[] {
  return [...desk.calls]
    .filter(([, call]) => call['state'] === 'waiting' && !call['orphan'] && !call['after'] && !call['shut'])
    .map(([id]) => id);
}

/** What is wrong with it, in words; empty when all holds. */
export function faultsOf(desk: DeskSnapshot): string[] {
  return [...offerFaults(desk), ...agentFaults(desk), ...callFaults(desk), ...setFaults(desk), ...unmatched(desk)];
}

function offerFaults(desk: DeskSnapshot): string[] {
  const faults: string[] = [];
  for (const [id, offer] of desk.offers) {
    const agent = desk.agents.get(offer['agent'] ?? '');
    const call = desk.calls.get(offer['call'] ?? '');
    if (agent?.['offer'] !== id) faults.push(`offer ${id}: its agent does not hold it`);
    if (!call) faults.push(`offer ${id}: its call is gone`);
    else if (call['controller'] !== offer['controller']) faults.push(`offer ${id}: is of another controller`);
    const stands = { reserved: 'reserved', ringing: 'ringing', answered: 'ringing', connected: 'talking' };
    const expected = stands[offer['state'] as keyof typeof stands];
    // Answered straight from `reserved` the phone was never said to ring.
    const isEarly = offer['state'] === 'answered' && agent?.['state'] === 'reserved';
    if (agent?.['state'] !== expected && !isEarly)
      faults.push(`offer ${id} is ${offer['state']}, agent ${agent?.['state']}`);
    const held = offer['state'] === 'answered' || offer['state'] === 'connected';
    const isTransfer = offer['transfer'] !== undefined;
    if (isTransfer !== (call?.['transfer'] === id))
      faults.push(`offer ${id}: transfer ${isTransfer}, its call's is ${call?.['transfer']}`);
    if (held && !isTransfer && call?.['offer'] !== id) faults.push(`offer ${id}: answered, but its call does not know`);
    const hasLease = desk.sets.get('due')?.has(`offer:${id}`) === true;
    if (hasLease === (offer['state'] === 'connected'))
      faults.push(`offer ${id} is ${offer['state']}, lease ${hasLease}`);
  }
  return faults;
}

function agentFaults(desk: DeskSnapshot): string[] {
  const faults: string[] = [];
  for (const [id, agent] of desk.agents) {
    const state = agent['state'] ?? '';
    const busy = ['reserved', 'ringing', 'talking'].includes(state);
    if (busy !== (agent['offer'] !== undefined)) faults.push(`agent ${id} is ${state} with offer ${agent['offer']}`);
    if (agent['offer'] && !desk.offers.has(agent['offer'])) faults.push(`agent ${id}: the offer is gone`);
    const ends = desk.sets.get('due')?.has(`agent:${id}`) === true;
    const mustEnd = state === 'wrap-up' || agent['reason'] === 'missed-calls' || agent['reason'] === 'unreachable';
    if (ends !== mustEnd) faults.push(`agent ${id} is ${state} (${agent['reason']}), and its end is set: ${ends}`);
    for (const queue of desk.profiles.get(id)?.queues ?? []) {
      const isFree = desk.sets.get(`free:${queue}`)?.has(id) === true;
      const shouldBe = state === 'available' && desk.queues.has(queue);
      if (isFree !== shouldBe) faults.push(`agent ${id} is ${state}, free in ${queue}: ${isFree}`);
    }
    const heard = desk.calls.get(agent['listens'] ?? '');
    if (agent['listens'] && heard?.[`listener:${id}`] === undefined) faults.push(`agent ${id} listens to nothing`);
    if (agent['listens'] && (busy || state === 'available')) faults.push(`agent ${id} listens and is ${state}`);
    if (agent['reason'] === 'listening' && !agent['listens']) faults.push(`agent ${id} listens no more`);
    if (state === 'available' && agent['wanted'] !== 'available') faults.push(`agent ${id} wanted ${agent['wanted']}`);
  }
  return faults;
}

function callFaults(desk: DeskSnapshot): string[] {
  const faults: string[] = [];
  for (const [id, call] of desk.calls) {
    const state = call['state'] ?? '';
    const ringing = desk.sets.get(`ringing:${id}`)?.size ?? 0;
    if ((state === 'offered') !== ringing > 0) faults.push(`call ${id} is ${state} with ${ringing} offers`);
    const held = state === 'answered' || state === 'talking';
    if (held !== (call['offer'] !== undefined)) faults.push(`call ${id} is ${state} with offer ${call['offer']}`);
    if (call['offer'] && !desk.offers.has(call['offer'])) faults.push(`call ${id}: the offer is gone`);
    if (call['transfer'] && !desk.offers.has(call['transfer'])) faults.push(`call ${id}: the transfer's offer is gone`);
    if (call['transfer'] && state !== 'talking' && state !== 'served')
      faults.push(`call ${id} is ${state}, and handed over`);
    const inLine = desk.sets.get(`line:${call['queue']}`)?.has(id) === true;
    const shouldBe = ['waiting', 'offered', 'answered', 'held'].includes(state);
    if (inLine !== shouldBe) faults.push(`call ${id} is ${state}, in line: ${inLine}`);
    const waits = desk.sets.get(`waiting:${call['queue']}:${call['needs']}`)?.has(id) === true;
    const shouldWait = state === 'waiting' && !call['orphan'] && !call['after'] && !call['shut'];
    if (shouldWait && !desk.queues.has(call['queue'] ?? '')) faults.push(`call ${id} waits in no queue`);
    if (call['shut'] && !call['callBack']) faults.push(`call ${id}: is on the line, and waits for a door`);
    if (waits !== shouldWait) faults.push(`call ${id} is ${state} (orphan ${call['orphan']}), waits: ${waits}`);
    const isPostponed = desk.sets.get('due')?.has(`again:${id}`) === true;
    if (isPostponed !== (call['after'] !== undefined))
      faults.push(`call ${id}: after ${call['after']}, ${isPostponed}`);
    const isHeld = desk.sets.get(`held:${call['controller']}`)?.has(id) === true;
    if (isHeld !== (state === 'held')) faults.push(`call ${id} is ${state}, held: ${isHeld}`);
    const isLost = desk.sets.get(`lost:${call['controller']}`)?.has(id) === true;
    if (isLost !== (call['orphan'] !== undefined)) faults.push(`call ${id}: orphan ${call['orphan']}, lost: ${isLost}`);
  }
  return faults;
}

/** Each set has only what belongs there, and nothing refers to what is gone. */
function setFaults(desk: DeskSnapshot): string[] {
  const faults: string[] = [];
  for (const callId of desk.givenUp) if (desk.calls.has(callId)) faults.push(`${callId} is given up, and is there`);
  const check = (ok: boolean, fault: string) => {
    if (!ok) faults.push(fault);
  };
  for (const [name, members] of desk.sets) {
    const [kind, id] = splitOnce(name);
    for (const member of members) {
      const fault = `${name} has ${member}`;
      const call = desk.calls.get(member);
      if (kind === 'line') check(call?.['queue'] === id, fault);
      if (kind === 'waiting') check(`${call?.['queue']}:${call?.['needs']}` === id, fault);
      if (kind === 'calls' || kind === 'held' || kind === 'lost') check(call?.['controller'] === id, fault);
      if (kind === 'ringing') check(desk.offers.get(member)?.['call'] === id, fault);
      if (kind === 'offers') check(desk.offers.get(member)?.['controller'] === id, fault);
      if (kind === 'needs') check((desk.sets.get(`waiting:${id}:${member}`)?.size ?? 0) > 0, fault);
      if (kind === 'free') check(desk.agents.get(member)?.['state'] === 'available', fault);
      if (name === 'due') check(dueRefersTo(desk, member), fault);
    }
  }
  return faults;
}

function dueRefersTo(desk: DeskSnapshot, member: string): boolean {
  const [kind, id] = splitOnce(member);
  if (kind === 'offer') return desk.offers.has(id);
  if (kind === 'agent') return desk.agents.has(id);
  if (kind === 'nobody' || kind === 'door') return true;
  const [callId = '', agentId] = id.split('/');
  const call = desk.calls.get(callId);
  return kind === 'skip' ? call?.[`skip:${agentId}`] !== undefined : call !== undefined;
}

/** Nobody waits whom a free agent could serve. */
function unmatched(desk: DeskSnapshot): string[] {
  const free = [...desk.agents].filter(([, agent]) => agent['state'] === 'available').map(([id]) => id);
  return waitingCalls(desk).flatMap((callId) =>
    free.filter((agentId) => mayServe(desk, agentId, callId)).map((agentId) => `${callId} waits, ${agentId} is free`),
  );
}
