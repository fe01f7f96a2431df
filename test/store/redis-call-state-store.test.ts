import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/kernel/clock.ts';
import { newId } from '../../src/kernel/ids.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import { openRedis, type RedisConnection } from '../../src/store/redis/open-redis.ts';
import { startPrivateRedis } from '../../src/store/redis/private-redis.ts';
import { RedisCallStateStore } from '../../src/store/redis/redis-call-state-store.ts';
import { callStateStoreContract } from '../contract/call-state-store.contract.ts';
import { recordingLogger } from '../support/ledger-harness.ts';
import { eventually } from '../support/poll.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';

const options = { clock: systemClock, logger: silentLogger };
const snapshot = (callId: string, state: unknown = 0) => ({ callId, savedAtMs: 1, state });

let server: TestRedis;
let connections: RedisConnection[];

beforeAll(async () => {
  server = await startRedis({ appendonly: true });
  connections = await Promise.all(Array.from({ length: 4 }, () => openRedis(server.url, options)));
});

afterAll(async () => {
  await Promise.all(connections.map((connection) => connection.close()));
  await server.stop();
});

const connection = (index = 0): RedisConnection => {
  const found = connections[index % connections.length];
  if (!found) throw new Error('no connection');
  return found;
};

describe('RedisCallStateStore', () => {
  callStateStoreContract(async () => new RedisCallStateStore(connection(), newId('test')));

  it('never lets two hold one call, whatever controllers do at once on connections of their own', async () => {
    const controllers = ['c0', 'c1', 'c2', 'c3'];
    const step = fc.record({
      who: fc.nat(3),
      call: fc.nat(5),
      what: fc.constantFrom('save', 'remove', 'claim', 'die'),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(step, { maxLength: 6 }), { maxLength: 8 }), async (rounds) => {
        const prefix = newId('model');
        const stores = controllers.map((_, index) => new RedisCallStateStore(connection(index), prefix));
        const at = (index: number) => stores[index] ?? new RedisCallStateStore(connection(), prefix);
        for (const [index, id] of controllers.entries()) await at(index).heartbeat(id, 60_000);
        const holders = new Map<string, Set<string>>();
        for (const round of rounds) {
          const granted: string[] = [];
          await Promise.all(
            round.map(async ({ who, call, what }) => {
              const id = controllers[who] ?? '';
              if (what === 'save') await at(who).save(id, snapshot(`call-${call}`));
              if (what === 'remove') await at(who).remove(id, `call-${call}`);
              if (what !== 'claim') return;
              await at(who).heartbeat(id, 60_000);
              const claimed = await at(who).claimOrphans(id, 3);
              granted.push(...claimed.map(({ callId }) => callId));
            }),
          );
          expect(new Set(granted).size).toBe(granted.length);
          const dying = round.filter(({ what }) => what === 'die').map(({ who }) => who);
          for (const who of dying) await at(who).heartbeat(controllers[who] ?? '', 0);
          for (const id of controllers) holders.set(id, new Set(await at(0).listOwn(id)));
          const held = [...holders.values()].flatMap((calls) => [...calls]);
          expect(new Set(held).size).toBe(held.length);
          expect(await at(0).countAll()).toBe(held.length);
        }
      }),
      { numRuns: 60 },
    );
  }, 60_000);

  it('gives a claim again whose answer was lost on the way', async () => {
    const prefix = newId('lost');
    const store = new RedisCallStateStore(connection(), prefix);
    await store.save('dead', snapshot('c1'));
    await store.heartbeat('b', 60_000);
    // The same process, after its connection broke between the claim and its answer.
    const unheard = new RedisCallStateStore(connection(1), prefix);
    await unheard.claimOrphans('b', 10);
    expect((await store.claimOrphans('b', 10)).map(({ callId }) => callId)).toEqual(['c1']);
    expect(await store.claimOrphans('b', 10)).toEqual([]);
    expect(await store.claimOrphans('b', 10)).toEqual([]);
  });

  it('rejects at once while Redis is away, and works again by itself afterwards with what it had', async () => {
    const store = new RedisCallStateStore(connection(), newId('outage'));
    // Leases that have long run out when Redis comes back.
    await store.heartbeat('a', 1);
    await store.heartbeat('b', 1);
    await store.save('a', snapshot('c1', 'before'));
    await server.halt('SIGKILL');
    await eventually('the connection to break', () => !connection().isReady());
    const startedMs = performance.now();
    await expect(store.save('a', snapshot('c1', 'lost'))).rejects.toMatchObject({ code: 'REDIS_UNAVAILABLE' });
    await expect(store.countAll()).rejects.toMatchObject({ code: 'REDIS_UNAVAILABLE' });
    expect(performance.now() - startedMs).toBeLessThan(200);
    await server.resume();
    await eventually('the connection to come back', () => connections.every((each) => each.isReady()));
    // Whoever comes first must not take the calls of those who are about to come back.
    await store.heartbeat('b', 60_000);
    expect(await store.claimOrphans('b', 10)).toEqual([]);
    await store.heartbeat('a', 60_000);
    expect(await store.save('a', snapshot('c1', 'after'))).toBe(true);
    expect(await store.listOwn('a')).toEqual(['c1']);
  });

  it('rejects within its deadline when Redis hangs', async () => {
    const hasty = await openRedis(server.url, { ...options, commandTimeoutMs: 150 });
    const store = new RedisCallStateStore(hasty, newId('hang'));
    await store.heartbeat('a', 60_000);
    process.kill(server.pid, 'SIGSTOP');
    try {
      const startedMs = performance.now();
      await expect(store.save('a', snapshot('c1'))).rejects.toMatchObject({ code: 'REDIS_UNAVAILABLE' });
      expect(performance.now() - startedMs).toBeLessThan(1_000);
    } finally {
      process.kill(server.pid, 'SIGCONT');
    }
    await eventually('it works again', () =>
      store.save('a', snapshot('c1')).then(
        () => true,
        () => false,
      ),
    );
    await hasty.close();
  });

  it('reaches a private Redis by the path of its socket', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'denwaban-socket-'));
    const own = await startPrivateRedis({ folder, clock: systemClock, logger: silentLogger });
    for (const url of [own.socketPath, `unix:${own.socketPath}`]) {
      const local = await openRedis(url, options);
      const store = new RedisCallStateStore(local);
      await store.heartbeat('a', 60_000);
      expect(await store.save('a', snapshot('c1'))).toBe(true);
      await local.close();
    }
    await own.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('says once that Redis is gone and once that it is back', async () => {
    const logger = recordingLogger();
    const watched = await openRedis(server.url, { ...options, logger });
    await server.halt('SIGKILL');
    await eventually('the loss is logged', () => logger.lines.some(({ level }) => level === 'warn'));
    await eventually(
      'several attempts have failed',
      () => logger.lines.filter(({ level }) => level === 'debug').length > 3,
    );
    await server.resume();
    await eventually('the return is logged', () => logger.lines.some(({ level }) => level === 'info'));
    expect(logger.lines.filter(({ level }) => level !== 'debug').map(({ message }) => message)).toEqual([
      'Redis is gone',
      'Redis is back',
    ]);
    await watched.close();
    await eventually('the other connections are back', () => connections.every((each) => each.isReady()));
  });

  it('says which Redis does not answer, without its password', async () => {
    const attempt = openRedis('redis://:secret@127.0.0.1:1', { ...options, connectDeadlineMs: 300 });
    await expect(attempt).rejects.toMatchObject({ code: 'REDIS_UNREACHABLE', message: expect.stringContaining(':1') });
    await expect(attempt).rejects.not.toMatchObject({ message: expect.stringContaining('secret') });
  });
});
