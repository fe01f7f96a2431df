import { z } from 'zod';
import type { PhoneStates } from '../../desk/live.ts';
import {
  maxContactsPerAgent,
  type PhoneContact,
  type PhoneRegistry,
  phoneTransports,
  type RegistrationOutcome,
  type RegistrationRequest,
} from '../../desk/phone-registry.ts';
import { assert } from '../../kernel/assert.ts';
import type { RedisConnection } from './open-redis.ts';

const contactSchema = z.object({
  uri: z.string(),
  source: z.object({ transport: z.enum(phoneTransports), address: z.string(), port: z.number() }),
  path: z.array(z.string()).optional(),
  phone: z.string(),
  q: z.number(),
  expiresInMs: z.number(),
  registeredAtMs: z.number(),
  userAgent: z.string(),
  instance: z.string(),
  regId: z.number(),
});
const repliesSchema = z.array(z.string());

/**
 * Registrations in Redis: one hash per agent that expires with its last contact; times by the clock of Redis. Each
 * operation is one Lua file, hence atomic. Rejects with `REDIS_UNAVAILABLE` when Redis is away.
 */
export class RedisPhoneRegistry implements PhoneRegistry, PhoneStates {
  readonly #redis: RedisConnection;
  readonly #prefix: string;

  /** All its keys begin with `prefix`, and lie in one slot of a cluster. */
  constructor(redis: RedisConnection, prefix = 'denwaban') {
    this.#redis = redis;
    this.#prefix = prefix;
  }

  async register(request: RegistrationRequest): Promise<RegistrationOutcome> {
    const { agentId, phone, callId, cseq, source, path = [], userAgent, changes } = request;
    assert(!phone.includes('\0'), 'a phone has no NUL in its name');
    // An empty list would come back from Lua as an object.
    const from = { source, userAgent, ...(path.length > 0 && { path }) };
    const kept = changes === 'all' ? [] : changes.map((change) => JSON.stringify({ ...change, ...from }));
    const result = await this.#redis.runScript(
      'registerPhone',
      [this.#key(agentId)],
      [phone, callId, cseq, maxContactsPerAgent, changes === 'all' ? 'all' : 'some', ...kept],
    );
    const [status, anew, ...contacts] = repliesSchema.parse(result);
    if (status === 'out-of-order' || status === 'too-many') return { ok: false, why: status };
    assert(status === 'ok', `registerPhone answers ok, not ${status}`);
    return { ok: true, contacts: inOrder(contacts), isAnew: anew === 'anew' };
  }

  async contactsOf(agentId: string): Promise<PhoneContact[]> {
    return inOrder(repliesSchema.parse(await this.#redis.runScript('readPhones', [this.#key(agentId)], [])));
  }

  /** What is kept of an agent expires with the last contact. */
  async registeredOf(agentIds: readonly string[]): Promise<ReadonlySet<string>> {
    const found = await Promise.all(agentIds.map((agentId) => this.#redis.client.exists(this.#key(agentId))));
    return new Set(agentIds.filter((_, index) => found[index] === 1));
  }

  async forget(agentId: string, phone = ''): Promise<void> {
    await this.#redis.runScript('forgetPhone', [this.#key(agentId)], [phone]);
  }

  #key(agentId: string): string {
    assert(agentId !== '', 'an agent has an id');
    return `${this.#prefix}:{phones}:contacts:${agentId}`;
  }
}

/** Highest q first, then the newest. */
function inOrder(contacts: readonly string[]): PhoneContact[] {
  return contacts
    .map((json) => contactSchema.parse(JSON.parse(json)))
    .sort((a, b) => b.q - a.q || b.registeredAtMs - a.registeredAtMs || (a.uri < b.uri ? -1 : 1))
    .map(({ registeredAtMs: _, ...contact }) => contact);
}
