import { chmodSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/kernel/clock.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import { openRedis } from '../../src/store/redis/open-redis.ts';
import { type PrivateRedis, startPrivateRedis } from '../../src/store/redis/private-redis.ts';
import { spawnRedis } from '../../src/store/redis/redis-process.ts';
import { eventually } from '../support/poll.ts';

let folder = '';
const open: { stop(): Promise<void> }[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'denwaban-redis-test-'));
});
afterEach(async () => {
  for (const part of open.splice(0).reverse()) await part.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function start(at = folder): Promise<PrivateRedis> {
  const redis = await startPrivateRedis({ folder: at, clock: systemClock, logger: silentLogger });
  open.push(redis);
  return redis;
}

async function connect({ socketPath }: PrivateRedis) {
  const redis = await openRedis(socketPath, { clock: systemClock, logger: silentLogger });
  open.push({ stop: () => redis.close() });
  return redis;
}

/** As the supervisor's of a controller that was killed. */
async function leaveRunning(): Promise<number> {
  const socketPath = join(folder, 'redis.sock');
  const left = spawnRedis(folder, socketPath);
  const client = new Redis(socketPath, { retryStrategy: () => 20 });
  client.on('error', () => undefined);
  await client.set('key', '電話番');
  client.disconnect();
  open.push({ stop: async () => left.kill() });
  return left.pid;
}

const isAlive = (pid: number) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

describe('the private Redis', () => {
  it('keeps its data over a stop and a start', async () => {
    const first = await start();
    await (await connect(first)).client.set('key', '電話番');
    for (const part of open.splice(0).reverse()) await part.stop();
    const second = await start();
    expect(await (await connect(second)).client.get('key')).toBe('電話番');
  });

  it('takes over one that a killed controller left running', async () => {
    const pid = await leaveRunning();
    const next = await start();
    expect(next.pid).toBe(pid);
    await next.stop();
    await eventually('it has ended', () => !isAlive(pid));
  });

  it('ends one that was left and hangs, and has its data', async () => {
    const pid = await leaveRunning();
    process.kill(pid, 'SIGSTOP');
    const next = await start();
    expect(next.pid).not.toBe(pid);
    await eventually('the one that hung has ended', () => !isAlive(pid));
    expect(await (await connect(next)).client.get('key')).toBe('電話番');
  });

  it('works in a folder whose path is longer than a socket may have, and is found there again', async () => {
    const redis = await start(join(folder, 'x'.repeat(90)));
    expect(redis.socketPath.length).toBeLessThan(108);
    const again = await start(join(folder, 'x'.repeat(90)));
    expect(again.pid).toBe(redis.pid);
  });

  it('says what is wrong when Redis cannot start', async () => {
    writeFileSync(join(folder, 'appendonlydir'), 'a file where Redis wants a folder');
    chmodSync(folder, 0o700);
    await expect(start()).rejects.toMatchObject({
      code: 'REDIS_FAILED',
      remedy: expect.stringContaining('REDIS_URL'),
    });
  });

  it('writes files that nobody else can read', async () => {
    await (await connect(await start())).client.set('key', '電話番');
    const inside = join(folder, 'appendonlydir');
    for (const file of readdirSync(inside)) expect(statSync(join(inside, file)).mode & 0o077).toBe(0);
  });
});

describe('a private Redis that', () => {
  /** It is back within 2 s, with its data, and the connection too. */
  async function isBackAfter(fault: (redis: PrivateRedis) => void): Promise<PrivateRedis> {
    const redis = await start();
    const connection = await connect(redis);
    await connection.client.set('key', '電話番');
    const { pid } = redis;
    const begunMs = performance.now();
    fault(redis);
    await eventually('another process answers', async () => {
      if (redis.pid === pid || redis.pid === -1) return false;
      return (await connection.client.get('key').catch(() => '')) === '電話番';
    });
    expect(performance.now() - begunMs).toBeLessThan(2_000);
    await eventually('the first one has ended', () => !isAlive(pid));
    await eventually('it is said to be well', () => connection.health().state === 'ok');
    return redis;
  }

  it('is killed is back', async () => {
    const redis = await isBackAfter(({ pid }) => process.kill(pid, 'SIGKILL'));
    // And once more: the one that was started in its place is looked after as well.
    const { pid } = redis;
    process.kill(pid, 'SIGKILL');
    await eventually('yet another', () => redis.pid !== pid && redis.pid !== -1);
  });

  it('hangs is back', async () => {
    await isBackAfter(({ pid }) => process.kill(pid, 'SIGSTOP'));
  });

  it('has lost its folder is back, with what it had in memory', async () => {
    await isBackAfter(() => rmSync(folder, { recursive: true }));
  });

  it('has its folder moved away is back in its place', async () => {
    const aside = `${folder}-moved`;
    open.push({ stop: async () => rmSync(aside, { recursive: true, force: true }) });
    await isBackAfter(() => renameSync(folder, aside));
    expect(readdirSync(folder)).toContain('appendonlydir');
  });

  it('has lost its append-only files is back', async () => {
    await isBackAfter(() => rmSync(join(folder, 'appendonlydir'), { recursive: true }));
  });

  it('only had its connections closed goes on', async () => {
    const redis = await start();
    const { client } = await connect(redis);
    const { pid } = redis;
    const asked = async () => Number(/cmdstat_ping:calls=(\d+)/.exec(await client.info('commandstats'))?.[1]);
    await client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    const before = await asked();
    await eventually('it is asked again and again', async () => (await asked()) > before + 5);
    expect(redis.pid).toBe(pid);
  });
});
