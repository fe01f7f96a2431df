import { z } from 'zod';
import type { CallSnapshot, CallStateStore, OrphanCall } from '../../call/call-state-store.ts';
import { assert } from '../../kernel/assert.ts';
import type { RedisConnection } from './open-redis.ts';
import { redisError, throwIfErrorCode } from './redis-errors.ts';

const snapshotSchema = z.object({ callId: z.string(), savedAtMs: z.number(), state: z.unknown() });
/** A snapshot as JSON, and how long ago its controller was heard of (-1: not known), in turn. */
const orphansSchema = z.array(z.union([z.string(), z.number()]));

/** How long a call that was taken over and has ended is remembered, so that its first controller can't revive it. */
const rememberGoneMs = 24 * 60 * 60 * 1000;

/**
 * Live calls in Redis. Each operation is one Lua file, hence one round trip and atomic; leases run by the clock of
 * Redis. A controller id is for one process's life: a restarted controller takes a new one and claims the calls of
 * the old. Rejects with `REDIS_UNAVAILABLE` when Redis is away (see {@link RedisConnection}).
 */
export class RedisCallStateStore implements CallStateStore {
  readonly #redis: RedisConnection;
  readonly #keys: Record<'leases' | 'meta' | 'owners' | 'snapshots' | 'owned' | 'taken' | 'pending' | 'gone', string>;
  /** Calls of each controller's last claim that have arrived here; told to Redis with its next claim. */
  readonly #arrived = new Map<string, string[]>();
  #claiming: Promise<unknown> = Promise.resolve();

  /** All its keys begin with `prefix`, and lie in one slot of a cluster. */
  constructor(redis: RedisConnection, prefix = 'denwaban') {
    this.#redis = redis;
    const key = (name: string) => `${prefix}:{calls}:${name}`;
    this.#keys = {
      leases: key('leases'),
      meta: key('meta'),
      owners: key('owners'),
      snapshots: key('snapshots'),
      owned: key('owned'),
      taken: key('taken'),
      pending: key('pending'),
      gone: key('gone'),
    };
  }

  async heartbeat(controllerId: string, leaseMs: number): Promise<boolean> {
    const { leases, meta } = this.#keys;
    return (await this.#redis.runScript('heartbeat', [leases, meta], [checkedId(controllerId), leaseMs])) === 1;
  }

  async save(controllerId: string, snapshot: CallSnapshot): Promise<boolean> {
    const { owners, snapshots, owned, leases, gone } = this.#keys;
    const args = [checkedId(controllerId), checkedId(snapshot.callId), JSON.stringify(snapshot)];
    return (await this.#redis.runScript('saveCall', [owners, snapshots, owned, leases, gone], args)) === 1;
  }

  async remove(controllerId: string, callId: string): Promise<void> {
    const { owners, snapshots, owned, taken, pending, gone } = this.#keys;
    const args = [checkedId(controllerId), checkedId(callId), rememberGoneMs];
    await this.#redis.runScript('removeCall', [owners, snapshots, owned, taken, pending, gone], args);
  }

  /**
   * One claim at a time. What a claim took although its answer got lost on the way comes with the next one.
   * @throws DenwabanError `CONTROLLER_LEASE_LOST` unless this controller has sent a heartbeat and its lease runs.
   */
  claimOrphans(controllerId: string, limit: number): Promise<OrphanCall[]> {
    const claim = this.#claiming.then(() => this.#claim(controllerId, limit));
    this.#claiming = claim.catch(() => undefined);
    return claim;
  }

  async listOwn(controllerId: string): Promise<string[]> {
    const id = checkedId(controllerId);
    try {
      const members = await this.#redis.client.zrangebylex(this.#keys.owned, `[${id}\0`, `(${id}\x01`);
      return members.map((member) => member.slice(id.length + 1));
    } catch (error) {
      throw redisError(error);
    }
  }

  async liveAmong(callIds: readonly string[]): Promise<Set<string>> {
    if (callIds.length === 0) return new Set();
    try {
      const owners = await this.#redis.client.hmget(this.#keys.owners, ...callIds);
      return new Set(callIds.filter((_, index) => owners[index] !== null));
    } catch (error) {
      throw redisError(error);
    }
  }

  async ownerOf(callId: string): Promise<string | undefined> {
    try {
      return (await this.#redis.client.hget(this.#keys.owners, callId)) ?? undefined;
    } catch (error) {
      throw redisError(error);
    }
  }

  async countAll(): Promise<number> {
    try {
      return await this.#redis.client.hlen(this.#keys.owners);
    } catch (error) {
      throw redisError(error);
    }
  }

  async #claim(controllerId: string, limit: number): Promise<OrphanCall[]> {
    const { leases, meta, owners, snapshots, owned, taken, pending } = this.#keys;
    const arrived = this.#arrived.get(controllerId) ?? [];
    const result = await this.#redis.runScript(
      'claimOrphans',
      [leases, meta, owners, snapshots, owned, taken, pending],
      [checkedId(controllerId), limit, ...arrived],
    );
    throwIfErrorCode(result);
    const claimed = toOrphans(orphansSchema.parse(result));
    this.#arrived.set(
      controllerId,
      claimed.map(({ callId }) => callId),
    );
    return claimed;
  }
}

function toOrphans(result: readonly (string | number)[]): OrphanCall[] {
  const orphans: OrphanCall[] = [];
  for (let index = 0; index + 1 < result.length; index += 2) {
    const { callId, savedAtMs, state } = snapshotSchema.parse(JSON.parse(String(result[index])));
    const heardAgoMs = Number(result[index + 1]);
    orphans.push({ callId, savedAtMs, state, ...(heardAgoMs < 0 ? {} : { heardAgoMs }) });
  }
  return orphans;
}

/** Ids are parts of sorted-set members, where \0 divides them. */
function checkedId(id: string): string {
  assert(id !== '' && !id.includes('\0'), 'an id is not empty and has no NUL');
  return id;
}
