import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/kernel/clock.ts';
import { startPrivateRedis } from '../../src/store/redis/private-redis.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'denwaban-redis-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('the private Redis', () => {
  it('keeps its data over a stop and a start', async () => {
    const first = await startPrivateRedis({ folder, clock: systemClock });
    const client = new Redis(first.socketPath);
    await client.set('key', '電話番');
    client.disconnect();
    await first.stop();
    const second = await startPrivateRedis({ folder, clock: systemClock });
    const again = new Redis(second.socketPath);
    expect(await again.get('key')).toBe('電話番');
    again.disconnect();
    await second.stop();
  });

  it('takes over one that a killed controller left running', async () => {
    const left = await startPrivateRedis({ folder, clock: systemClock });
    const next = await startPrivateRedis({ folder, clock: systemClock });
    expect(next.socketPath).toBe(left.socketPath);
    await next.stop();
    await expect(
      new Redis(left.socketPath, { retryStrategy: () => null, lazyConnect: true }).connect(),
    ).rejects.toThrow();
  });

  it('works in a folder whose path is longer than a socket may have', async () => {
    const redis = await startPrivateRedis({ folder: join(folder, 'x'.repeat(90)), clock: systemClock });
    expect(redis.socketPath.length).toBeLessThan(108);
    await redis.stop();
  });

  it('says what is wrong when Redis cannot start', async () => {
    writeFileSync(join(folder, 'appendonlydir'), 'a file where Redis wants a folder');
    chmodSync(folder, 0o700);
    await expect(startPrivateRedis({ folder, clock: systemClock })).rejects.toMatchObject({
      code: 'REDIS_FAILED',
      remedy: expect.stringContaining('REDIS_URL'),
    });
  });
});
