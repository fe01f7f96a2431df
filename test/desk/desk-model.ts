import { expect } from 'vitest';
import type { QueueSettings } from '../../src/accounts/queues.ts';
import type { DeskStore, OfferEvent } from '../../src/desk/desk-store.ts';
import type { RedisConnection } from '../../src/store/redis/open-redis.ts';
import { RedisDeskStore } from '../../src/store/redis/redis-desk-store.ts';
import { agentOf, queueOf } from '../support/desk-harness.ts';
import { type DeskSnapshot, faultsOf, mayServe, readDesk, waitingCalls } from '../support/desk-snapshot.ts';

export const leaseMs = 30_000;
/** Of the store: so long a call waits for another controller. */
const orphanMs = 60_000;
const prefix = 'model';
const agents = {
  ann: { queues: ['front'], skills: { billing: 5 } },
  bob: { queues: ['front', 'back'], languages: ['ja', 'en'] },
  cho: { queues: ['back'], languages: ['en'], skills: { billing: 9 } },
  dan: { queues: ['back', 'front'], refusedAccounts: ['globex'] },
};
export const agentIds = Object.keys(agents);
export const queueIds = ['front', 'back'];

function queuesOf(strategies: readonly QueueSettings['strategy'][]): QueueSettings[] {
  const settings = { missesBeforePause: 2, pauseMs: 40_000, skipMs: 20_000, wrapUpMs: 15_000, ringTimeoutMs: 12_000 };
  const front: Partial<QueueSettings> = {
    ...{ queueId: 'front', strategy: strategies[0] ?? 'longest-idle', ringCount: 2, maxLength: 6, maxWaitMs: 120_000 },
    overflow: [{ type: 'voicemail' }, { type: 'hang-up' }],
    widening: [
      { afterMs: 30_000, anyLanguage: true },
      { afterMs: 50_000, dropSkills: ['billing'] },
    ],
  };
  const back: Partial<QueueSettings> = {
    ...{ queueId: 'back', strategy: strategies[1] ?? 'longest-idle', ringCount: 3, maxWaitMs: 60_000 },
    ...{ noAgentsMs: 25_000, overflow: [{ type: 'queue', queueId: 'front' }, { type: 'callback' }] },
  };
  return [front, back].map((queue) => queueOf({ ...settings, ...queue }));
}

/** What the controllers know: who is on the line, and who drives each call. */
interface KnownCall {
  controller: string;
  /** 10 at the head of the line. */
  priority: number;
  sinceMs: number;
  /** Any controller will do, for ever. */
  isCallBack: boolean;
  /** Connected, and not given back to the line since. */
  isServed: boolean;
  /** In the store's order, once it is known. */
  score: string;
  /** A supervisor has put them before all who were in the line then: who is before whom the store's order alone says. */
  isMoved?: boolean;
}

interface KnownController {
  store: DeskStore;
  /** Undefined while it lives. */
  hungAtMs: number | undefined;
}

/** The real desk, several controllers on connections of their own, and what must be true of it. */
export class DeskUnderTest {
  nowMs = Date.UTC(2026, 0, 5, 1, 0, 0);
  readonly calls = new Map<string, KnownCall>();
  readonly controllers = new Map<string, KnownController>();
  #queues: QueueSettings[] = [];
  #names = 0;
  /** Offers ever made, newest last. */
  readonly #offers: string[] = [];
  readonly #connections: RedisConnection[];
  #snapshot: DeskSnapshot | undefined;

  constructor(connections: RedisConnection[]) {
    this.#connections = connections;
  }

  static async start(connections: RedisConnection[], strategies: readonly QueueSettings['strategy'][]) {
    await connections[0]?.client.flushall();
    const desk = new DeskUnderTest(connections);
    for (const name of ['c0', 'c1', 'c2']) desk.addController(name);
    for (const name of desk.controllers.keys()) await desk.storeOf(name).extend(name, leaseMs);
    const { store } = desk;
    desk.#queues = queuesOf(strategies);
    for (const queueId of queueIds) await store.putQueue(desk.queue(queueId));
    for (const [id, profile] of Object.entries(agents)) {
      await store.putAgent(agentOf(id, profile));
      if (id !== 'dan') await store.setAgentState(id, 'available');
      desk.nowMs += 1;
    }
    await desk.check();
    return desk;
  }

  /** Its settings, but for the hours as at the start: always. */
  queue(queueId: string): QueueSettings {
    const found = this.#queues.find((queue) => queue.queueId === queueId);
    if (!found) throw new Error(`no queue ${queueId}`);
    return found;
  }

  get store(): DeskStore {
    return this.storeOf('c0');
  }

  addController(name: string): void {
    const connection = this.#connections[this.controllers.size % this.#connections.length];
    if (!connection) throw new Error('no connection');
    const store = new RedisDeskStore(connection, { prefix, nowMs: () => this.nowMs });
    this.controllers.set(name, { store, hungAtMs: undefined });
  }

  storeOf(controller: string): DeskStore {
    const found = this.controllers.get(controller);
    if (!found) throw new Error(`no controller ${controller}`);
    return found.store;
  }

  newCallId(): string {
    this.#names += 1;
    return `call-${this.#names}`;
  }

  living(): string[] {
    return [...this.controllers].filter(([, { hungAtMs }]) => hungAtMs === undefined).map(([name]) => name);
  }

  /** Offers to report on: those that live, and a few that have ended. */
  offers(): string[] {
    const alive = [...(this.#snapshot?.offers.keys() ?? [])].sort();
    return [...alive, ...this.#offers.slice(-3)];
  }

  callOf(offerId: string): string | undefined {
    return this.#snapshot?.offers.get(offerId)?.['call'];
  }

  stateOf(callId: string): string | undefined {
    return this.#snapshot?.calls.get(callId)?.['state'];
  }

  /** The offer by which an agent has the caller. */
  talkOf(callId: string): string {
    return this.#snapshot?.calls.get(callId)?.['offer'] ?? '';
  }

  offersOf(callId: string): string[] {
    return [...(this.#snapshot?.sets.get(`ringing:${callId}`) ?? [])];
  }

  async report(offerId: string, event: OfferEvent): Promise<void> {
    const callId = this.callOf(offerId);
    const result = await this.store.report(offerId, event);
    const call = callId === undefined ? undefined : this.calls.get(callId);
    if (result === 'ok' && call && event.type === 'connected') {
      call.isServed = true;
      if (call.isCallBack) call.controller = this.#snapshot?.calls.get(callId ?? '')?.['controller'] ?? '';
      call.isCallBack = false;
    }
    // That was the last attempt: given up, as it should be.
    if (event.type === 'not-reached' && event.attemptsMax && call?.isCallBack && !(await this.#isThere(callId))) {
      this.calls.delete(callId ?? '');
    }
    if (result === 'ok' && call && event.type === 'agent-lost') {
      call.isServed = false;
      this.atHead(call);
    }
    await this.check();
  }

  async #isThere(callId = ''): Promise<boolean> {
    const { outcome } = await this.store.transferTo(callId, 'none');
    return outcome !== 'gone';
  }

  /** The caller was given the head of the line. */
  atHead(call: KnownCall, isMoved = false): void {
    call.priority = 10;
    call.score = '';
    call.isMoved = isMoved;
  }

  /** Moves time; controllers that live renew their leases, and take back what counts as lost. */
  async advance(ms: number): Promise<void> {
    for (let leftMs = ms; leftMs > 0; leftMs -= leaseMs / 2) {
      this.nowMs += Math.min(leftMs, leaseMs / 2);
      for (const name of this.living()) await this.storeOf(name).extend(name, leaseMs);
      await this.store.tick();
      await this.check();
      for (const name of this.living()) await this.takeBack(name);
    }
  }

  async takeBack(name: string): Promise<void> {
    const { lost } = await this.storeOf(name).pending(name);
    for (const callId of lost) {
      await this.storeOf(name).resume(name, callId, true);
      await this.check();
    }
  }

  async end(): Promise<void> {
    for (const queueId of queueIds) await this.store.putQueue(this.queue(queueId));
    for (const [callId, { controller, isCallBack }] of this.calls) {
      if (!isCallBack && this.controllers.get(controller)?.hungAtMs !== undefined) continue;
      await this.store.leave(callId);
      this.calls.delete(callId);
      await this.check();
    }
    // Longer than any pause: also that of who was lost in a queue that was removed then.
    await this.advance(310_000);
    const left = this.#snapshot;
    if (!left) throw new Error('nothing was read');
    expect([...left.calls.keys(), ...left.offers.keys()]).toEqual([]);
    const names = [...left.sets.keys()].filter((name) => !/^(free|members):|^(leases|due)$/.test(name));
    expect(names).toEqual([]);
    expect([...(left.sets.get('due') ?? [])]).toEqual([]);
    for (const agent of left.agents.values()) expect(agent['state']).toBe(agent['wanted']);
  }

  /** Opening hours as far from now, in minutes. */
  hours(fromMinutes: number, toMinutes: number): QueueSettings['hours'] {
    const at = (minutes: number) => new Date(this.nowMs + minutes * 60_000).toISOString().slice(11, 16);
    return { timezone: 'UTC', open: [{ from: at(fromMinutes), to: at(toMinutes) }], closedDays: [] };
  }

  /** All that must be true after each operation. */
  async check(): Promise<void> {
    const connection = this.#connections[0];
    if (!connection) throw new Error('no connection');
    const before = this.#snapshot;
    const after = await readDesk(connection, `${prefix}:{desk}:`);
    this.#snapshot = after;
    // One that was taken back is the same again.
    const made = [...after.offers.keys()].filter((id) => !before?.offers.has(id) && !this.#offers.includes(id));
    this.#offers.push(...made);
    expect([...faultsOf(after), ...this.#orderFaults(after, made), ...this.#lostCallers(after)]).toEqual([]);
  }

  #orderFaults(desk: DeskSnapshot, made: readonly string[]): string[] {
    const faults: string[] = [];
    for (const [callId, known] of this.calls) {
      const score = desk.calls.get(callId)?.['score'] ?? known.score;
      if (known.score !== '' && score !== known.score) faults.push(`${callId} has lost its place`);
      known.score = score;
    }
    for (const offerId of made) {
      const { agent = '', call = '', transfer } = desk.offers.get(offerId) ?? {};
      // Of one who talks: no line is concerned, since the agent was free and nobody waited for them.
      if (transfer) continue;
      if (this.calls.get(call)?.isServed) faults.push(`${call} was served and is offered again`);
      for (const other of waitingCalls(desk)) {
        if (this.#isBefore(other, call) && mayServe(desk, agent, other)) {
          faults.push(`${agent} was given ${call}, though ${other} was before it`);
        }
      }
    }
    return faults;
  }

  /** Priority, then age. */
  #isBefore(one: string, other: string): boolean {
    const first = this.calls.get(one);
    const second = this.calls.get(other);
    if (!first || !second) return false;
    if (first.isMoved || second.isMoved) return Number(first.score) < Number(second.score);
    if (first.priority !== second.priority) return first.priority > second.priority;
    return first.sinceMs < second.sinceMs;
  }

  #lostCallers(desk: DeskSnapshot): string[] {
    const faults: string[] = [];
    for (const callId of desk.calls.keys())
      if (!this.calls.has(callId)) faults.push(`${callId} has left, and is there`);
    for (const [callId, { controller, isCallBack }] of this.calls) {
      if (desk.calls.has(callId)) continue;
      if (isCallBack && desk.givenUp.has(callId)) {
        this.calls.delete(callId);
        continue;
      }
      const hungAtMs = this.controllers.get(controller)?.hungAtMs;
      // Nobody came for it in the time set: that call has no controller, hence no line.
      if (!isCallBack && hungAtMs !== undefined && this.nowMs >= hungAtMs + orphanMs) this.calls.delete(callId);
      else faults.push(`${callId} is lost`);
    }
    return faults;
  }
}
