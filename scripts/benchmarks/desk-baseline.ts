import type { DeskRequestInput } from '../../src/desk/request.ts';
import type { RedisConnection, Subscription } from '../../src/store/redis/open-redis.ts';
import type { Profile } from './desk-people.ts';

/** What the bench of the desk measures. */
export interface DeskSystem {
  readonly name: string;
  start(profiles: readonly Profile[]): Promise<void>;
  enqueue(request: DeskRequestInput): Promise<void>;
  /** An agent is free; resolves when the controller of a caller is told to ring them. */
  free(agentId: string): Promise<void>;
  /** Rung, answered, connected. */
  serve(agentId: string): Promise<void>;
  part(agentId: string): Promise<void>;
  stop(): Promise<void>;
}

export const scan = `
local profile = cjson.decode(redis.call('HGET', KEYS[1] .. 'profiles', ARGV[1]))
local best, bestScore
local line = redis.call('ZRANGE', KEYS[1] .. 'line', 0, -1, 'WITHSCORES')
for index = 1, #line, 2 do
  local call = cjson.decode(redis.call('HGET', KEYS[1] .. 'calls', line[index]))
  local fits = profile.languages[call.language] and not profile.refused[call.account]
  for name, level in pairs(call.skills) do fits = fits and (profile.skills[name] or 0) >= level end
  local score = (10 - call.priority) * 1e14 + tonumber(line[index + 1])
  if fits and (not bestScore or score < bestScore) then best, bestScore = line[index], score end
end
if not best then return 0 end
redis.call('ZREM', KEYS[1] .. 'line', best)
redis.call('HSET', KEYS[1] .. 'reserved', ARGV[1], best)
redis.call('PUBLISH', KEYS[1] .. 'to', ARGV[1])
return 1`;

/** The baseline: one sorted set, one hash of JSON, and a script that looks at everybody. No leases, no states. */
export class LinearScan implements DeskSystem {
  readonly name = 'linear scan';
  readonly #redis: RedisConnection;
  readonly #head: string;
  readonly #rings = new Map<string, () => void>();
  #subscription: Subscription | undefined;
  #sha = '';

  constructor(connections: readonly RedisConnection[], prefix: string) {
    const [first] = connections;
    if (!first) throw new Error('no connection');
    this.#redis = first;
    this.#head = `${prefix}:{scan}:`;
  }

  async start(profiles: readonly Profile[]): Promise<void> {
    const { client } = this.#redis;
    this.#sha = String(await client.script('LOAD', scan));
    await new Promise<void>((resolve) => {
      this.#subscription = this.#redis.subscribe(`${this.#head}to`, {
        onMessage: (agentId) => this.#rings.get(agentId)?.(),
        onConnected: resolve,
      });
    });
    const set = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, true]));
    for (const { agentId, skills, languages, refusedAccounts } of profiles) {
      const profile = JSON.stringify({ skills, languages: set(languages), refused: set(refusedAccounts) });
      await client.hset(`${this.#head}profiles`, agentId, profile);
    }
  }

  async enqueue({ callId, account, priority, language, skills = [], ...rest }: DeskRequestInput): Promise<void> {
    const levels = Object.fromEntries(skills.map(({ name, minLevel }) => [name, minLevel]));
    const call = { account: account.accountId, about: account, priority, language, skills: levels, ...rest };
    const { client } = this.#redis;
    await client.hset(`${this.#head}calls`, callId, JSON.stringify(call));
    await client.zadd(`${this.#head}line`, Date.now() - 1_704_067_200_000, callId);
  }

  async free(agentId: string): Promise<void> {
    const rung = new Promise<void>((resolve) => this.#rings.set(agentId, resolve));
    await this.#redis.client.evalsha(this.#sha, 1, this.#head, agentId);
    await rung;
  }

  async serve(agentId: string): Promise<void> {
    const callId = await this.#redis.client.hget(`${this.#head}reserved`, agentId);
    if (callId !== null) await this.#redis.client.hdel(`${this.#head}calls`, callId);
  }

  async part(agentId: string): Promise<void> {
    await this.#redis.client.hdel(`${this.#head}reserved`, agentId);
  }

  async stop(): Promise<void> {
    this.#subscription?.close();
  }
}
