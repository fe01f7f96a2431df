import { createDesk, type Desk, type DeskListener, type DeskOptions, type DeskTicket } from '../../src/desk/desk.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import type { RedisConnection } from '../../src/store/redis/open-redis.ts';
import { RedisDeskStore } from '../../src/store/redis/redis-desk-store.ts';
import { requestOf } from './desk-harness.ts';
import { eventually } from './poll.ts';

/** Of every controller: short, so that one that dies is missed soon. */
export const deskLeaseMs = 600;

/** A controller's desk, and what it told. */
export class Controller {
  readonly id: string;
  readonly redis: RedisConnection;
  readonly prefix: string;
  readonly store: RedisDeskStore;
  readonly desk: Desk;
  /** `ring <call> <agent>`, `stop <call> <agent>`, … in order. */
  readonly told: string[] = [];
  readonly callBacks: DeskTicket[] = [];
  readonly queuesOfCallBacks: string[] = [];
  /** The latest offer of each agent. */
  readonly offers = new Map<string, string>();

  constructor(id: string, redis: RedisConnection, prefix: string, clock = systemClock) {
    this.id = id;
    this.redis = redis;
    this.prefix = prefix;
    this.store = new RedisDeskStore(redis, { prefix });
    const options = { store: this.store, clock, logger: silentLogger };
    const onCallBack: DeskOptions['onCallBack'] = ({ callId, queueId }, ticket) => {
      this.queuesOfCallBacks.push(queueId);
      this.callBacks.push(ticket);
      this.told.push(`call back ${callId}`);
      return this.listener(callId);
    };
    this.desk = createDesk({ ...options, controllerId: id, leaseMs: deskLeaseMs, progressEveryMs: 50, onCallBack });
  }

  listener(callId: string): DeskListener {
    const agents = new Map<string, string>();
    return {
      ring: ({ offerId, agentId, account }) => {
        agents.set(offerId, agentId);
        this.offers.set(agentId, offerId);
        this.told.push(`ring ${callId} ${agentId} for ${account.name}`);
      },
      stopRinging: (offerId) => this.told.push(`stop ${callId} ${agents.get(offerId)}`),
      progress: ({ position }) => this.told.push(`place ${callId} ${position}`),
      movedTo: (queueId) => this.told.push(`moved ${callId} ${queueId}`),
      overflow: (step) => this.told.push(`overflow ${callId} ${step.type}`),
      lost: () => this.told.push(`lost ${callId}`),
    };
  }

  async offer(callId: string, request = {}): Promise<DeskTicket> {
    const ticket = await this.desk.offer(requestOf(callId, request), this.listener(callId));
    if ('refused' in ticket) throw new Error(`refused: ${ticket.refused}`);
    return ticket;
  }

  hears(what: string, timeoutMs?: number): Promise<unknown> {
    const described = { timeoutMs: timeoutMs ?? 5_000, everyMs: 5 };
    return eventually(`${this.id} hears ${what}`, () => this.told.includes(what), described);
  }

  offerOf(agentId: string): string {
    return this.offers.get(agentId) ?? '';
  }

  /** Dies: renews nothing, hears nothing. */
  kill(): void {
    this.redis.client.disconnect();
    this.redis.isReady = () => false;
  }
}
