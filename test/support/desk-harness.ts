import { afterAll, beforeAll } from 'vitest';
import { type AgentProfile, agentProfileSchema } from '../../src/accounts/agents.ts';
import { type QueueSettings, queueSettingsSchema } from '../../src/accounts/queues.ts';
import type { DeskStore, MissCause, PendingWork } from '../../src/desk/desk-store.ts';
import { type DeskRequest, type DeskRequestInput, deskRequestSchema } from '../../src/desk/request.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { newId } from '../../src/kernel/ids.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import { openRedis, type RedisConnection } from '../../src/store/redis/open-redis.ts';
import { RedisDeskStore } from '../../src/store/redis/redis-desk-store.ts';
import { faultsOf, readDesk } from './desk-snapshot.ts';
import { startRedis, type TestRedis } from './redis.ts';

/** Settings with short times and the defaults for the rest. */
export function queueOf(settings: Partial<QueueSettings> = {}): QueueSettings {
  return queueSettingsSchema.parse({ queueId: 'main', name: '受付', wrapUpMs: 0, ...settings });
}

export function agentOf(agentId: string, profile: Partial<AgentProfile> = {}): AgentProfile {
  const user = { loginName: agentId, displayName: `Agent ${agentId}`, active: true };
  return agentProfileSchema.parse({ agentId, ...user, queues: ['main'], ...profile });
}

export function requestOf(callId: string, request: Partial<DeskRequestInput> = {}): DeskRequest {
  const account = { accountId: 'acme', name: 'アクメ', reading: 'あくめ' };
  return deskRequestSchema.parse({ callId, account, queueId: 'main', ...request });
}

export const leaseMs = 10_000;

/** A desk on a Redis of its own prefix, where the test moves time; `c1` is a controller with a lease. */
export class DeskBench {
  readonly prefix = newId('desk');
  readonly store: DeskStore;
  readonly #redis: RedisConnection;
  nowMs = Date.UTC(2026, 0, 5, 1, 0, 0);

  constructor(redis: RedisConnection) {
    this.#redis = redis;
    this.store = new RedisDeskStore(redis, { prefix: this.prefix, nowMs: () => this.nowMs });
  }

  /** With the queue `main` and these agents signed in to it, available. */
  static async open(redis: RedisConnection, settings: Partial<QueueSettings> = {}, agents: string[] = []) {
    const bench = new DeskBench(redis);
    await bench.store.extend('c1', leaseMs);
    await bench.store.putQueue(queueOf(settings));
    for (const agent of agents) await bench.signIn(agent);
    return bench;
  }

  async signIn(agentId: string, profile: Partial<AgentProfile> = {}): Promise<void> {
    await this.store.putAgent(agentOf(agentId, profile));
    await this.store.setAgentState(agentId, 'available');
    // Each has been idle for a different time, so that the longest idle is known.
    this.nowMs += 1;
  }

  /** Moves time on; controllers that live renew their leases. */
  async advance(ms: number, living: readonly string[] = ['c1']): Promise<void> {
    for (let leftMs = ms; leftMs > 0; leftMs -= leaseMs / 2) {
      this.nowMs += Math.min(leftMs, leaseMs / 2);
      for (const controller of living) await this.store.extend(controller, leaseMs);
    }
    await this.store.tick();
  }

  async enqueue(callId: string, request: Partial<DeskRequestInput> = {}, controller = 'c1') {
    const result = await this.store.enqueue(controller, requestOf(callId, request));
    this.nowMs += 1;
    return result;
  }

  pending(controller = 'c1'): Promise<PendingWork> {
    return this.store.pending(controller);
  }

  /** `call→agent` of each offer not yet connected, sorted. */
  async offers(controller = 'c1'): Promise<string[]> {
    const { offers } = await this.pending(controller);
    return offers.map(({ callId, agentId }) => `${callId}→${agentId}`).sort();
  }

  /** The id of the offer of this agent. */
  async offerOf(agentId: string, controller = 'c1'): Promise<string> {
    const { offers } = await this.pending(controller);
    const offer = offers.find((each) => each.agentId === agentId);
    if (!offer) throw new Error(`no offer for ${agentId}`);
    return offer.offerId;
  }

  /** The agent's phone rings and is answered, and the caller is connected; gives the offer. */
  async talk(agentId: string): Promise<string> {
    const offerId = await this.offerOf(agentId);
    for (const type of ['ringing', 'answered', 'connected'] as const) await this.store.report(offerId, { type });
    return offerId;
  }

  async miss(agentId: string, why: MissCause = 'no-answer'): Promise<void> {
    const offerId = await this.offerOf(agentId);
    await this.store.report(offerId, { type: 'ringing' });
    await this.store.report(offerId, { type: 'missed', why });
  }

  async stateOf(agentId: string): Promise<string> {
    const found = await this.store.findAgent(agentId);
    return found ? `${found.state}${found.reason ? ` (${found.reason})` : ''}` : 'unknown';
  }

  /** Names of all keys, without the prefix. */
  async keys(): Promise<string[]> {
    const head = `${this.prefix}:{desk}:`;
    return (await this.#redis.client.keys(`${head}*`)).map((key) => key.slice(head.length)).sort();
  }

  /** Keys that only exist for calls and offers: none may be left when all calls are over. */
  async leftovers(): Promise<string[]> {
    const calls = /^(call|line|needs|waiting|offer|ringing|calls|offers|held|lost):|^callBacks$/;
    const due = await this.#redis.client.zrange(`${this.prefix}:{desk}:due`, '0', '-1');
    return [
      ...(await this.keys()).filter((key) => calls.test(key)),
      ...due.filter((member) => !/^(agent|nobody|door):/.test(member)),
    ];
  }
}

/** A Redis for the tests of a file, and what opens a desk on it. */
export function desksOnRedis() {
  let server: TestRedis | undefined;
  let connection: RedisConnection | undefined;
  const redis = () => {
    if (!connection) throw new Error('Redis has not been started');
    return connection;
  };
  beforeAll(async () => {
    server = await startRedis();
    connection = await openRedis(server.url, { clock: systemClock, logger: silentLogger });
  });
  afterAll(async () => {
    await connection?.close();
    await server?.stop();
  });
  return {
    redis,
    open: (settings?: Partial<QueueSettings>, agents?: string[]) => DeskBench.open(redis(), settings, agents),
    faults: async (desk: DeskBench) => faultsOf(await readDesk(redis(), `${desk.prefix}:{desk}:`)),
  };
}
