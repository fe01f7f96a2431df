import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AccountsData } from '../../src/accounts/accounts-data.ts';
import { agentSettingsSchema } from '../../src/accounts/agents.ts';
import { SettingsMirror } from '../../src/desk/settings-mirror.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import { openRedis, type RedisConnection } from '../../src/store/redis/open-redis.ts';
import { openSql, type SqlDatabase } from '../../src/store/sql/open-sql.ts';
import { createAccountsData } from '../../src/store/sql/sql-accounts-data.ts';
import { agentOf, DeskBench, queueOf } from '../support/desk-harness.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { queue, user } from '../support/people.ts';
import { eventually } from '../support/poll.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';

const everyMs = 5_000;
const folder = mkdtempSync(join(tmpdir(), 'denwaban-mirror-'));
let server: TestRedis;
let redis: RedisConnection;
let made = 0;

beforeAll(async () => {
  server = await startRedis();
  redis = await openRedis(server.url, { clock: systemClock, logger: silentLogger });
});

afterAll(async () => {
  await redis.close();
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe("the desk's copy of the settings", () => {
  let clock: FakeClock;
  let sql: SqlDatabase;
  let data: AccountsData;
  let desk: DeskBench;
  let writes: number;
  const mirrors: SettingsMirror[] = [];

  beforeEach(async () => {
    clock = new FakeClock();
    sql = await openSql(`sqlite:${join(folder, `${++made}`, 'denwaban.sqlite')}`, {
      clock: systemClock,
      logger: silentLogger,
    });
    data = createAccountsData(sql);
    desk = new DeskBench(redis);
    writes = 0;
    await data.queues.save(queue('desk'));
    for (const name of ['hanako', 'taro']) await addAgent(name);
  });

  afterEach(async () => {
    for (const mirror of mirrors.splice(0)) await mirror.stop();
    await sql.close();
  });

  async function addAgent(name: string): Promise<void> {
    await data.users.add(user(name), 'x', 5);
    await data.agents.save(agentSettingsSchema.parse({ agentId: `user_${name}`, queues: ['desk'] }));
  }

  async function startMirror(): Promise<SettingsMirror> {
    const counting = <A extends unknown[]>(write: (...args: A) => Promise<void>) => {
      return (...args: A) => {
        writes += 1;
        return write.apply(desk.store, args);
      };
    };
    const { store } = desk;
    const counted = {
      known: () => store.known(),
      putQueue: counting(store.putQueue),
      putAgent: counting(store.putAgent),
      removeQueue: counting(store.removeQueue),
      removeAgent: counting(store.removeAgent),
    };
    const mirror = new SettingsMirror({ ...data, store: counted, clock, logger: silentLogger, everyMs });
    mirrors.push(mirror);
    await mirror.start();
    return mirror;
  }

  /** In so many rounds, each of them done. */
  async function passRounds(rounds: number, mirror: SettingsMirror): Promise<void> {
    for (let round = 0; round < rounds; round++) {
      await clock.advance(everyMs);
      await mirror.refresh();
    }
  }

  const names = async () => (await desk.store.listAgents()).map(({ agentId }) => agentId).sort();

  it('has what the database has, written when it has changed', async () => {
    const mirror = await startMirror();
    expect(await names()).toEqual(['user_hanako', 'user_taro']);
    const written = writes;
    await passRounds(3, mirror);
    expect(writes).toBe(written);
    await data.queues.save(queue('desk', { name: '新' }));
    await addAgent('jiro');
    await eventually('the change to be copied', async () => {
      await clock.advance(everyMs);
      return (await desk.store.findQueue('desk'))?.name === '新' && (await names()).length === 3;
    });
    expect(writes).toBe(written + 2);
  });

  it('loses whoever is an agent no more, in whatever round, or is disabled', async () => {
    const mirror = await startMirror();
    // All is written again every 12th round: before, within and after such a one.
    for (let round = 0; round < 13; round++) {
      await addAgent(`short-${round}`);
      await mirror.refresh();
      expect(await names()).toContain(`user_short-${round}`);
      await data.agents.remove(`user_short-${round}`);
      await mirror.refresh();
      expect(await names()).toEqual(['user_hanako', 'user_taro']);
    }
    await data.users.update(user('taro', { status: 'disabled' }));
    await passRounds(1, mirror);
    expect(await names()).toEqual(['user_hanako']);
    const written = writes;
    await passRounds(1, mirror);
    expect(writes).toBe(written);
  });

  it('loses what went while no process ran', async () => {
    await desk.store.putQueue(queueOf({ queueId: 'former' }));
    await desk.store.putAgent(agentOf('user_former', { queues: ['desk'] }));
    await desk.store.setAgentState('user_former', 'available');
    await startMirror();
    expect(await names()).toEqual(['user_hanako', 'user_taro']);
    expect(await desk.store.known()).toEqual({
      queueIds: ['desk'],
      agentIds: expect.arrayContaining(['user_hanako', 'user_taro']),
    });
  });

  it('loses a queue that is removed, and nobody waits in it any more', async () => {
    await data.queues.save(queue('late'));
    const mirror = await startMirror();
    await desk.store.extend('c1', 60_000);
    await desk.enqueue('a', { queueId: 'late' });
    await data.queues.remove('late');
    await passRounds(1, mirror);
    expect((await desk.pending()).overflows).toEqual([{ callId: 'a', step: { type: 'hang-up' }, why: 'queue-gone' }]);
    expect(await desk.store.findQueue('late')).toBeUndefined();
  });

  it('is there again within one round where Redis has lost it, and is written anew at times', async () => {
    const mirror = await startMirror();
    await redis.client.del(...(await redis.client.keys(`${desk.prefix}:*`)));
    await passRounds(1, mirror);
    expect(await names()).toEqual(['user_hanako', 'user_taro']);
    expect((await desk.store.findQueue('desk'))?.queueId).toBe('desk');
    const written = writes;
    await passRounds(12, mirror);
    expect(writes).toBeGreaterThanOrEqual(written + 3);
  });
});
