import type { Redis } from 'ioredis';
import type { Clock } from '../../kernel/clock.ts';
import type { PartHealth } from '../../kernel/health.ts';
import { Rounds } from '../../kernel/rounds.ts';
import { redisError } from './redis-errors.ts';

const everyMs = 1_000;
const probeKey = 'denwaban:probe';
const probeLifetimeMs = 60_000;

/** Finds out every second whether Redis takes what is written to it: one that only answers is of no use. */
export class RedisWatch {
  readonly #client: Redis;
  readonly #clock: Clock;
  readonly #rounds: Rounds;
  #away: { sinceMs: number; why: string } | undefined;

  constructor(client: Redis, clock: Clock) {
    this.#client = client;
    this.#clock = clock;
    this.#rounds = new Rounds({
      ...{ clock, everyMs },
      work: () => this.#probe(),
      onFailed: (error) => {
        const { message } = redisError(error);
        this.#away = { sinceMs: this.#away?.sinceMs ?? clock.monotonicMs(), why: message };
      },
    });
  }

  start(): void {
    this.#rounds.start();
  }

  stop(): Promise<void> {
    return this.#rounds.stop();
  }

  health(): PartHealth {
    const away = this.#away;
    if (!away) return { state: 'ok' };
    const awaySeconds = Math.round((this.#clock.monotonicMs() - away.sinceMs) / 1_000);
    return { state: 'away', why: away.why, details: { awaySeconds } };
  }

  async #probe(): Promise<void> {
    await this.#client.set(probeKey, '1', 'PX', probeLifetimeMs);
    this.#away = undefined;
  }
}
