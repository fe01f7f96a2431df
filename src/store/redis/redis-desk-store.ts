import { z } from 'zod';
import type { AgentProfile } from '../../accounts/agents.ts';
import { openingChanges } from '../../accounts/opening-hours.ts';
import { type QueueSettings, storedQueueSettings } from '../../accounts/queues.ts';
import type { CallShown } from '../../desk/call-shown.ts';
import type {
  AgentChange,
  AgentStatus,
  DeskListenerHandle,
  DeskStore,
  DeskStoreListener,
  EnqueueResult,
  GivenUpCallBack,
  HandOverRefusal,
  LineEntry,
  Offer,
  OfferEvent,
  PendingWork,
  QueueFigures,
  ResumedCaller,
  WaitingPlace,
  WantedState,
} from '../../desk/desk-store.ts';
import { type DeskRequest, deskRequestSchema } from '../../desk/request.ts';
import { assert } from '../../kernel/assert.ts';
import type { RedisConnection } from './open-redis.ts';
import {
  agentSchema,
  changeSchema,
  figuresSchema,
  handToSchema,
  lineSchema,
  listOf,
  messageSchema,
  movedSchema,
  needsJson,
  pendingSchema,
  placesSchema,
  profileJson,
  replySchema,
  resumedSchema,
  scriptOf,
  toChangeId,
  toEnqueueResult,
  toGivenUp,
  toRecord,
  toStreamId,
} from './redis-desk-words.ts';
import { redisError, throwIfErrorCode } from './redis-errors.ts';

/** Redis knows so far ahead when queues open and close: settings are written again long before. */
const dayMs = 24 * 3_600_000;
const doorsMs = 3 * dayMs;

export interface RedisDeskStoreOptions {
  /** All keys begin with it, and lie in one slot of a cluster. */
  prefix?: string;
  /** For tests that move time: ms since the epoch, instead of the clock of Redis. Every store on the prefix the same. */
  nowMs?: () => number;
}

/**
 * The desk in Redis: one Lua file per operation, hence one round trip and atomic, whoever else is at work. Rejects with
 * `REDIS_UNAVAILABLE` when Redis is away (see {@link RedisConnection}).
 */
export class RedisDeskStore implements DeskStore {
  readonly #redis: RedisConnection;
  readonly #prefix: string;
  readonly #nowMs: (() => number) | undefined;
  readonly #listeners = new Set<DeskStoreListener>();
  /** By queue. */
  readonly #doors = new Map<string, { hours: string; fromMs: number; doors: string }>();

  constructor(redis: RedisConnection, { prefix = 'denwaban', nowMs }: RedisDeskStoreOptions = {}) {
    this.#redis = redis;
    this.#prefix = `${prefix}:{desk}:`;
    this.#nowMs = nowMs;
  }

  async listen(controllerId: string, listener: DeskStoreListener): Promise<DeskListenerHandle> {
    this.#listeners.add(listener);
    const subscription = this.#redis.subscribe(`${this.#prefix}to:${controllerId}`, {
      onMessage: (message) => listener.onMessage(messageSchema.parse(JSON.parse(message))),
      onConnected: () => listener.onConnected(),
    });
    return {
      close: async () => {
        this.#listeners.delete(listener);
        subscription.close();
      },
    };
  }

  async extend(controllerId: string, leaseMs: number): Promise<boolean> {
    return z.boolean().parse(await this.#run('deskExtend', controllerId, leaseMs));
  }

  async pending(controllerId: string): Promise<PendingWork> {
    return pendingSchema.parse(await this.#run('deskPending', controllerId));
  }

  async tick(): Promise<void> {
    await this.#run('deskTick');
  }

  async enqueue(controllerId: string, request: DeskRequest): Promise<EnqueueResult> {
    const result = await this.#run(
      'deskEnqueue',
      controllerId,
      request.callId,
      request.queueId,
      request.account.accountId,
      request.priority,
      request.enqueuedAtMs ?? '',
      request.maxWaitMs ?? '',
      needsJson(request),
      JSON.stringify(request),
    );
    const enqueued = toEnqueueResult(result);
    assert(enqueued.outcome !== 'gone', 'a caller who enters is there');
    return enqueued;
  }

  async resume(controllerId: string, callId: string, onlyLost = false): Promise<ResumedCaller | 'unknown' | 'taken'> {
    const result = resumedSchema.parse(await this.#run('deskResume', controllerId, callId, onlyLost ? 1 : 0));
    if (typeof result === 'string') return result;
    const { state, queue, offer, agent } = result;
    const request = deskRequestSchema.parse(JSON.parse(result.request));
    return { state, request, queueId: queue, offerId: offer, agentId: agent };
  }

  async leave(callId: string): Promise<void> {
    await this.#run('deskLeave', callId);
  }

  async transferTo(callId: string, queueId: string): Promise<EnqueueResult | { outcome: 'gone' }> {
    return toEnqueueResult(await this.#run('deskTransfer', callId, queueId));
  }

  async stay(callId: string, offerId: string): Promise<boolean> {
    return z.boolean().parse(await this.#run('deskStay', callId, offerId));
  }

  async moveTo(callId: string, queueId: string, first: boolean): Promise<EnqueueResult | { outcome: 'not-waiting' }> {
    const moved = movedSchema.parse(await this.#run('deskMove', callId, queueId, first ? 1 : 0));
    if (typeof moved === 'number') return { outcome: 'queued', position: moved };
    return moved === 'not-waiting' ? { outcome: moved } : { outcome: 'refused', reason: moved };
  }

  async overflowFailed(callId: string): Promise<void> {
    await this.#run('deskOverflowFailed', callId);
  }

  async callBackLater(callId: string): Promise<boolean> {
    return z.boolean().parse(await this.#run('deskCallBack', callId));
  }

  async report(offerId: string, event: OfferEvent): Promise<'ok' | 'gone'> {
    const { script, args } = scriptOf(event);
    return z.enum(['ok', 'gone']).parse(await this.#run(script, offerId, ...args));
  }

  async handTo(callId: string, agentId: string): Promise<Offer | HandOverRefusal> {
    return handToSchema.parse(await this.#run('deskHandTo', callId, agentId));
  }

  async dropCallBack(callId: string): Promise<boolean> {
    return z.boolean().parse(await this.#run('deskDropCallBack', callId));
  }

  async givenUp(limit: number): Promise<GivenUpCallBack[]> {
    const key = `${this.#prefix}givenUp`;
    const entries = await this.#command(() => this.#redis.client.hrandfield(key, limit, 'WITHVALUES'));
    return Object.values(toRecord(z.array(z.string()).parse(entries ?? []))).map(toGivenUp);
  }

  async caseOpened(callId: string): Promise<void> {
    await this.#command(() => this.#redis.client.hdel(`${this.#prefix}givenUp`, callId));
  }

  async listenIn(callId: string, agentId: string): Promise<'ok' | 'busy'> {
    return z.enum(['ok', 'busy']).parse(await this.#run('deskListenIn', callId, agentId));
  }

  async stopListening(callId: string, agentId: string): Promise<void> {
    await this.#run('deskStopListening', callId, agentId);
  }

  async keep(callId: string): Promise<void> {
    await this.#run('deskKeep', callId);
  }

  async backToHead(callId: string): Promise<boolean> {
    return z.boolean().parse(await this.#run('deskBack', callId));
  }

  async show(callId: string, shown: CallShown): Promise<void> {
    const json = JSON.stringify(shown);
    await this.#run('deskShow', callId, json === '{}' ? '' : json);
  }

  async places(callIds: readonly string[]): Promise<WaitingPlace[]> {
    const places = placesSchema.parse(await this.#run('deskPlaces', ...callIds));
    return places.map(({ callId, position, estimateMs }) => ({ callId, position, estimateMs }));
  }

  async putQueue(settings: QueueSettings): Promise<void> {
    await this.#run('deskPutQueue', JSON.stringify(settings), await this.#doorsOf(settings));
  }

  async removeQueue(queueId: string): Promise<void> {
    this.#doors.delete(queueId);
    await this.#run('deskRemoveQueue', queueId);
  }

  async findQueue(queueId: string): Promise<QueueSettings | undefined> {
    const json = await this.#command(() => this.#redis.client.hget(`${this.#prefix}queues`, queueId));
    return json === null ? undefined : storedQueueSettings(json);
  }

  async putAgent(profile: AgentProfile): Promise<void> {
    await this.#run('deskPutAgent', profile.agentId, profile.active ? profileJson(profile) : '');
  }

  async removeAgent(agentId: string): Promise<void> {
    await this.#run('deskPutAgent', agentId, '');
  }

  async known(): Promise<{ queueIds: string[]; agentIds: string[] }> {
    const { client } = this.#redis;
    const read = (name: string) => this.#command(() => client.hkeys(`${this.#prefix}${name}`));
    const [queueIds, agentIds] = await Promise.all([read('queues'), read('profiles')]);
    return { queueIds, agentIds };
  }

  async setAgentState(agentId: string, wanted: WantedState, reason = '', byUserId = ''): Promise<boolean> {
    return z.boolean().parse(await this.#run('deskSetAgentState', agentId, wanted, reason, byUserId));
  }

  async phoneIsBack(agentId: string): Promise<boolean> {
    return z.boolean().parse(await this.#run('deskPhoneBack', agentId));
  }

  async endWrapUp(agentId: string, byUserId = ''): Promise<void> {
    await this.#run('deskEndWrapUp', agentId, byUserId);
  }

  async findAgent(agentId: string): Promise<AgentStatus | undefined> {
    return z.nullable(agentSchema).parse(await this.#run('deskFindAgent', agentId)) ?? undefined;
  }

  async listAgents(): Promise<AgentStatus[]> {
    return listOf(agentSchema).parse(await this.#run('deskListAgents'));
  }

  async listLine(queueId: string, limit: number): Promise<LineEntry[]> {
    return lineSchema.parse(await this.#run('deskListLine', queueId, limit));
  }

  async queueFigures(queueId: string): Promise<QueueFigures | undefined> {
    const found = figuresSchema.parse(await this.#run('deskQueueFigures', queueId));
    if (!found) return undefined;
    const none = { offline: 0, available: 0, reserved: 0, ringing: 0, talking: 0, 'wrap-up': 0, break: 0 };
    return { ...found, queueId, agents: { ...none, ...found.agents }, handlingMs: found.handlingMs };
  }

  async readChanges(afterChangeId: string, limit: number): Promise<AgentChange[]> {
    const from = afterChangeId === '' ? '-' : `(${toStreamId(afterChangeId)}`;
    const key = `${this.#prefix}changes`;
    const entries = await this.#command(() => this.#redis.client.xrange(key, from, '+', 'COUNT', limit));
    return entries.map(([streamId, fields]) => {
      const { agent, at, call, by, ...change } = changeSchema.parse(toRecord(fields));
      const about = { callId: call || undefined, byUserId: by || undefined };
      return { changeId: toChangeId(streamId), agentId: agent, ...change, atMs: at, ...about };
    });
  }

  async forgetChanges(upToChangeId: string): Promise<void> {
    const key = `${this.#prefix}changes`;
    await this.#command(async () => {
      // MINID keeps the one named.
      await this.#redis.client.xtrim(key, 'MINID', toStreamId(upToChangeId));
      await this.#redis.client.xdel(key, toStreamId(upToChangeId));
    });
  }

  /** When the queue opens and closes, as JSON. Reckoned anew once a day, since it takes some ms. */
  async #doorsOf({ queueId, hours }: QueueSettings): Promise<string> {
    const nowMs = this.#nowMs?.() ?? (await this.#redisMs());
    const text = JSON.stringify(hours);
    const known = this.#doors.get(queueId);
    if (known?.hours === text && nowMs >= known.fromMs && nowMs < known.fromMs + dayMs) return known.doors;
    const doors = JSON.stringify(openingChanges(hours, nowMs, nowMs + doorsMs));
    this.#doors.set(queueId, { hours: text, fromMs: nowMs, doors });
    return doors;
  }

  async #redisMs(): Promise<number> {
    const [seconds] = await this.#command(() => this.#redis.client.time());
    return Number(seconds) * 1_000;
  }

  async #run(script: string, ...args: (string | number)[]): Promise<unknown> {
    const answer = await this.#redis.runScript(script, [this.#prefix], [this.#nowMs?.() ?? '', ...args]);
    const { dueInMs, result } = replySchema.parse(JSON.parse(z.string().parse(answer)));
    for (const listener of this.#listeners) listener.onNextDue(dueInMs < 0 ? undefined : dueInMs);
    throwIfErrorCode(result);
    return result;
  }

  async #command<T>(run: () => Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (error) {
      throw redisError(error);
    }
  }
}
