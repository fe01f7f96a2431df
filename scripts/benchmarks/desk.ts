/**
 * The answering desk on a Redis of its own, beside a baseline in the same run: one Lua script that looks at every
 * waiting caller. Agent-free → ring is from the moment at which an agent says to be free to the `ring` that the call
 * room of the right controller gets; reservations are whole rounds (free, ring, answered, connected, parted, next
 * caller in), as many as go. Prints tables, then JSON.
 *
 *   node scripts/benchmarks/desk.ts [--seconds 5] [--rate 100]
 */
import { parseArgs } from 'node:util';
import { queueSettingsSchema } from '../../src/accounts/queues.ts';
import { createDesk, type Desk, type DeskTicket } from '../../src/desk/desk.ts';
import type { DeskRequestInput } from '../../src/desk/request.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { newId } from '../../src/kernel/ids.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import { openRedis, type RedisConnection } from '../../src/store/redis/open-redis.ts';
import { RedisDeskStore } from '../../src/store/redis/redis-desk-store.ts';
import { startRedis } from '../../test/support/redis.ts';
import { percentile } from './cpu.ts';
import { type DeskSystem, LinearScan } from './desk-baseline.ts';
import { agentCount, type Profile, profileOf, requestOf } from './desk-people.ts';

const { values } = parseArgs({ options: { seconds: { type: 'string' }, rate: { type: 'string' } } });
const seconds = Number(values.seconds ?? 5);
const ratePerSecond = Number(values.rate ?? 100);
const talkMs = 1_000;

/** The desk itself, as two controllers use it. */
class DeskRounds implements DeskSystem {
  readonly name = 'denwaban';
  readonly #store: RedisDeskStore;
  readonly #desks: Desk[];
  readonly #rings = new Map<string, () => void>();
  /** By agent: the caller they have. */
  readonly #talking = new Map<string, { ticket: DeskTicket; offerId: string }>();
  #count = 0;

  constructor(connections: RedisConnection[], prefix: string) {
    const stores = connections.map((connection) => new RedisDeskStore(connection, { prefix }));
    this.#store = stores[0] ?? new RedisDeskStore(connections[0] as RedisConnection, { prefix });
    this.#desks = stores.map((store, index) =>
      createDesk({ store, clock: systemClock, logger: silentLogger, controllerId: `c${index}` }),
    );
  }

  async start(profiles: readonly Profile[]): Promise<void> {
    for (const desk of this.#desks) await desk.start();
    const settings = { queueId: 'front', name: '受付', maxLength: 10_000, maxWaitMs: 14_400_000, wrapUpMs: 0 };
    await this.#store.putQueue(queueSettingsSchema.parse(settings));
    for (const profile of profiles) {
      await this.#store.putAgent(profile);
      await this.#store.setAgentState(profile.agentId, 'break');
    }
  }

  async enqueue(request: DeskRequestInput): Promise<void> {
    this.#count += 1;
    const desk = this.#desks[this.#count % this.#desks.length];
    let ticket: DeskTicket | undefined;
    const given = await desk?.offer(request, {
      ring: ({ offerId, agentId }) => {
        if (!ticket) throw new Error('rung before the ticket was given');
        this.#talking.set(agentId, { ticket, offerId });
        this.#rings.get(agentId)?.();
      },
      stopRinging: () => undefined,
      progress: () => undefined,
      movedTo: () => undefined,
      overflow: () => undefined,
      lost: () => undefined,
    });
    if (!given) throw new Error('no desk');
    if ('refused' in given) {
      if (given.refused !== 'full') throw new Error(`refused: ${given.refused}`);
      // The line is at its limit until the caller who was just connected has left it.
      await new Promise((resolve) => setTimeout(resolve, 5));
      return this.enqueue(request);
    }
    ticket = given;
  }

  async free(agentId: string): Promise<void> {
    const rung = new Promise<void>((resolve) => this.#rings.set(agentId, resolve));
    await this.#store.setAgentState(agentId, 'available');
    await rung;
  }

  async serve(agentId: string): Promise<void> {
    const talk = this.#talking.get(agentId);
    if (!talk) throw new Error('nobody to serve');
    const { ticket, offerId } = talk;
    ticket.ringing(offerId);
    // What the agent wants next, so that the bench decides when they are free.
    await this.#store.setAgentState(agentId, 'break');
    if (!(await ticket.answered(offerId))) throw new Error('not granted');
    ticket.connected(offerId);
  }

  async part(agentId: string): Promise<void> {
    const talk = this.#talking.get(agentId);
    if (!talk) throw new Error('nobody to part from');
    talk.ticket.parted(talk.offerId, 'done');
    talk.ticket.leave('done');
    await this.#store.findAgent(agentId);
  }

  async stop(): Promise<void> {
    for (const desk of this.#desks) await desk.stop();
  }
}

/** Agents become free at even moments; gives the times to the ring, in ms. */
async function freeToRing(system: DeskSystem, agents: readonly string[]): Promise<number[]> {
  const times: number[] = [];
  const idle = [...agents];
  const rounds: Promise<void>[] = [];
  const startMs = performance.now();
  for (let number = 0; number < seconds * ratePerSecond; number++) {
    const dueMs = startMs + (number * 1_000) / ratePerSecond;
    const waitMs = dueMs - performance.now();
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    const agentId = idle.shift();
    if (agentId === undefined) continue;
    const round = async () => {
      const freeMs = performance.now();
      await system.free(agentId);
      times.push(performance.now() - freeMs);
      await system.serve(agentId);
      await system.enqueue(requestOf(number));
      await new Promise((resolve) => setTimeout(resolve, talkMs));
      await system.part(agentId);
      idle.push(agentId);
    };
    rounds.push(round());
  }
  await Promise.all(rounds);
  return times;
}

/** As many rounds as go, by 50 agents at once. */
async function reservationsPerSecond(system: DeskSystem, agents: readonly string[]): Promise<number> {
  let count = 0;
  const startMs = performance.now();
  const untilMs = startMs + seconds * 1_000;
  const work = async (agentId: string) => {
    while (performance.now() < untilMs) {
      await system.free(agentId);
      await system.serve(agentId);
      await system.part(agentId);
      await system.enqueue(requestOf(count));
      count += 1;
    }
  };
  await Promise.all(agents.slice(0, 50).map(work));
  return (count * 1_000) / (performance.now() - startMs);
}

async function usedBytes({ client }: RedisConnection): Promise<number> {
  return Number(/used_memory:(\d+)/.exec(await client.info('memory'))?.[1]);
}

/** Redis' own time in the scripts, µs a call on average, since the last reset. */
async function scriptUs({ client }: RedisConnection): Promise<number> {
  const [, calls, us] = /cmdstat_evalsha:calls=(\d+),usec=(\d+)/.exec(await client.info('commandstats')) ?? [];
  return Number(us) / Number(calls);
}

const round = (value: number) => Math.round(value * 100) / 100;

async function measure(system: DeskSystem, redis: RedisConnection, waiting: number) {
  const profiles = Array.from({ length: agentCount }, (_, index) => profileOf(index));
  const agents = profiles.map(({ agentId }) => agentId);
  await system.start(profiles);
  const before = await usedBytes(redis);
  for (let from = 0; from < waiting; from += 100) {
    await Promise.all(Array.from({ length: 100 }, (_, index) => system.enqueue(requestOf(from + index))));
  }
  const memoryBytes = (await usedBytes(redis)) - before;
  await freeToRing(system, agents.slice(0, 20));
  await redis.client.config('RESETSTAT');
  const times = await freeToRing(system, agents);
  const luaUs = await scriptUs(redis);
  const perSecond = await reservationsPerSecond(system, agents);
  await system.stop();
  return {
    what: system.name,
    waiting,
    rings: times.length,
    p50Ms: round(percentile(times, 0.5)),
    p99Ms: round(percentile(times, 0.99)),
    luaUsPerOperation: round(luaUs),
    reservationsPerSecond: Math.round(perSecond),
    memoryMb: round(memoryBytes / 2 ** 20),
    bytesPerCaller: Math.round(memoryBytes / waiting),
  };
}

const server = await startRedis();
// The baseline falls far behind with many callers: that is what is measured, not an error.
const options = { clock: systemClock, logger: silentLogger, commandTimeoutMs: 60_000 };
const connections = await Promise.all([openRedis(server.url, options), openRedis(server.url, options)]);
const [redis] = connections;
const rows: object[] = [];
try {
  for (const waiting of [1_000, 10_000]) {
    for (const make of [
      () => new DeskRounds(connections, newId('bench')),
      () => new LinearScan(connections, newId('bench')),
    ]) {
      await redis?.client.flushall();
      if (redis) rows.push(await measure(make(), redis, waiting));
    }
  }
} finally {
  for (const connection of connections) await connection.close();
  await server.stop();
}
console.log(`desk: ${agentCount} agents, ${ratePerSecond} become free a second, 2 controllers, ${seconds} s each`);
console.table(rows);
console.log(JSON.stringify({ bench: 'desk', seconds, ratePerSecond, agents: agentCount, rows }));
