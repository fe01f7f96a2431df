import { createHash, randomBytes } from 'node:crypto';
import { isIPv6 } from 'node:net';
import {
  defaultRegistrationLimits,
  type LastUse,
  type NonceUse,
  type RegistrationAttempt,
  type RegistrationGuard,
  type RegistrationLimits,
} from '../../desk/registration-guard.ts';
import { assert } from '../../kernel/assert.ts';
import type { RedisConnection } from './open-redis.ts';
import { redisError } from './redis-errors.ts';

/**
 * Counts in Redis, so that they hold for all controllers together. Every key expires by itself, and an address that is
 * blocked makes no new ones: what an attacker can fill is bounded by the addresses they really hold.
 */
export class RedisRegistrationGuard implements RegistrationGuard {
  readonly #redis: RedisConnection;
  readonly #prefix: string;
  readonly #limits: RegistrationLimits;

  constructor(redis: RedisConnection, options: { prefix?: string; limits?: Partial<RegistrationLimits> } = {}) {
    this.#redis = redis;
    this.#prefix = options.prefix ?? 'denwaban';
    this.#limits = { ...defaultRegistrationLimits, ...options.limits };
  }

  async secret(): Promise<string> {
    const key = this.#key('secret');
    try {
      await this.#redis.client.set(key, randomBytes(32).toString('base64url'), 'NX');
      const secret = await this.#redis.client.get(key);
      assert(secret, 'the secret was made a moment ago');
      return secret;
    } catch (error) {
      throw redisError(error);
    }
  }

  async waitMs(attempt: RegistrationAttempt): Promise<number> {
    const { perAddress, perName, perKnown } = this.#limits;
    const keys = this.#counters(attempt);
    return Number(await this.#redis.runScript('registrationWait', keys, [perAddress, perName, perKnown]));
  }

  async failed(attempt: RegistrationAttempt): Promise<void> {
    await this.#redis.runScript('registrationFailed', this.#counters(attempt), [this.#limits.windowMs]);
  }

  async accept(attempt: RegistrationAttempt, { nonce, nonceCount, algorithm }: NonceUse): Promise<boolean> {
    const { nonceMs, knownMs } = this.#limits;
    const [, , pairFailures = '', known = ''] = this.#counters(attempt);
    const keys = [this.#key('nonce', nonce), known, pairFailures];
    return (await this.#redis.runScript('registrationAccept', keys, [nonceCount, nonceMs, knownMs, algorithm])) === 1;
  }

  async lastUse(attempt: RegistrationAttempt): Promise<LastUse | undefined> {
    const [, , , known = ''] = this.#counters(attempt);
    const { client } = this.#redis;
    try {
      const [algorithm, leftMs] = await Promise.all([client.get(known), client.pttl(known)]);
      if (algorithm !== 'SHA-256' && algorithm !== 'MD5') return undefined;
      return { algorithm, agoMs: Math.max(0, this.#limits.knownMs - leftMs) };
    } catch (error) {
      throw redisError(error);
    }
  }

  #counters({ username, address }: RegistrationAttempt): string[] {
    const name = shortHash(username);
    const from = networkOf(address);
    return [
      this.#key('failed-address', from),
      this.#key('failed-name', name),
      this.#key('failed-pair', name, from),
      this.#key('known', name, from),
    ];
  }

  #key(...parts: string[]): string {
    return [`${this.#prefix}:{phones}`, ...parts].join(':');
  }
}

/** Names are whatever a stranger sends: in keys they are of one length. */
function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 22);
}

/** An IPv6 user has a whole /64 to come from. */
function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped || !isIPv6(address)) return mapped ?? address;
  const [head = '', tail] = address.split('%')[0]?.split('::') ?? [];
  const groups = head.split(':').filter(Boolean);
  const last = tail?.split(':').filter(Boolean) ?? [];
  while (groups.length + last.length < 8 && tail !== undefined) groups.push('0');
  return `${[...groups, ...last]
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`;
}
