import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/kernel/clock.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import { openRedis, type RedisConnection } from '../../src/store/redis/open-redis.ts';
import { RedisCallStateStore } from '../../src/store/redis/redis-call-state-store.ts';
import { eventually } from '../support/poll.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';

let server: TestRedis;
let redis: RedisConnection;
beforeAll(async () => {
  server = await startRedis({ appendonly: true });
  redis = await openRedis(server.url, { clock: systemClock, logger: silentLogger });
});
afterAll(async () => {
  await redis.close();
  await server.stop();
});
beforeEach(() => eventually('Redis is well', () => redis.health().state === 'ok'));

describe('the health of Redis', () => {
  async function isAwayWithin(seconds: number): Promise<void> {
    await eventually('said to be away', () => redis.health().state === 'away', { timeoutMs: seconds * 1_000 });
    expect(redis.health()).toMatchObject({ why: expect.stringMatching(/Redis is away/) });
  }

  it('says within 5 s that it hangs, and that it is back', async () => {
    process.kill(server.pid, 'SIGSTOP');
    try {
      await isAwayWithin(5);
    } finally {
      process.kill(server.pid, 'SIGCONT');
    }
    await eventually('back', () => redis.health().state === 'ok');
  });

  it('says within 5 s that it is gone, and that it is back', async () => {
    await server.halt('SIGKILL');
    await isAwayWithin(5);
    await server.resume();
    await eventually('back', () => redis.health().state === 'ok');
  });

  it('says that it answers but takes nothing: nothing is given up for that, as for one that is gone', async () => {
    const states = new RedisCallStateStore(redis);
    await states.heartbeat('controller', 10_000);
    await redis.client.config('SET', 'maxmemory', '1');
    try {
      await isAwayWithin(5);
      const saved = states.save('controller', { callId: 'call', savedAtMs: 1, state: {} });
      await expect(saved).rejects.toMatchObject({ code: 'REDIS_UNAVAILABLE' });
    } finally {
      await redis.client.config('SET', 'maxmemory', '0');
    }
    await eventually('back', () => redis.health().state === 'ok');
  });
});
