import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AgentHistoryShipper } from '../../src/desk/agent-history-shipper.ts';
import { systemClock as clock } from '../../src/kernel/clock.ts';
import { silentLogger as logger } from '../../src/kernel/logger.ts';
import { openRedis, type RedisConnection } from '../../src/store/redis/open-redis.ts';
import { RedisDeskView } from '../../src/store/redis/redis-desk-view.ts';
import { openSql, type SqlDatabase } from '../../src/store/sql/open-sql.ts';
import { SqlAgentHistoryStore } from '../../src/store/sql/sql-agent-history-store.ts';
import { DeskBench } from '../support/desk-harness.ts';
import { eventually } from '../support/poll.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';

const folder = mkdtempSync(join(tmpdir(), 'denwaban-history-'));
let server: TestRedis;
let redis: RedisConnection;
let sql: SqlDatabase;
let history: SqlAgentHistoryStore;
beforeAll(async () => {
  server = await startRedis({ appendonly: true });
  redis = await openRedis(server.url, { clock, logger });
  sql = await openSql(`sqlite:${join(folder, 'denwaban.sqlite')}`, { clock, logger });
  history = new SqlAgentHistoryStore(sql);
});
afterAll(async () => {
  await redis.close();
  await sql.close();
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

const left = async (desk: DeskBench) => (await desk.store.readChanges('', 10)).length;
const start = (desk: DeskBench, limits = {}) => {
  const view = new RedisDeskView(redis, { prefix: desk.prefix });
  const options = { desk: desk.store, view, history, clock, logger };
  const shipper = new AgentHistoryShipper({ ...options, limits: { gatherMs: 20, firstRetryMs: 20, ...limits } });
  shipper.start();
  return shipper;
};

describe("agents' changes of state in Redis", () => {
  it('say who asked for them, where somebody did', async () => {
    const desk = await DeskBench.open(redis, { wrapUpMs: 30_000 });
    await desk.signIn('ann');
    await desk.store.setAgentState('ann', 'break', 'lunch', 'user_ann');
    await desk.store.setAgentState('ann', 'available', '', 'user_ann');
    await desk.store.setAgentState('ann', 'available', '', 'user_other');
    await desk.enqueue('a');
    await desk.talk('ann');
    await desk.store.setAgentState('ann', 'break', 'meeting', 'user_boss');
    await desk.store.leave('a');
    await desk.store.setAgentState('ann', 'available', '', 'user_ann');
    await desk.store.endWrapUp('ann', 'user_boss');
    await desk.enqueue('b');
    await desk.talk('ann');
    await desk.store.leave('b');
    await desk.advance(30_000);
    const changes = await desk.store.readChanges('', 100);
    expect(changes.map(({ state, reason, byUserId }) => `${state} ${reason} ${byUserId ?? '-'}`)).toEqual([
      'available  -',
      'break lunch user_ann',
      'available  user_ann',
      ...['reserved  -', 'ringing  -', 'talking  -', 'wrap-up  -'],
      'available  user_boss',
      ...['reserved  -', 'ringing  -', 'talking  -', 'wrap-up  -', 'available  -'],
    ]);
    expect(changes.map(({ changeId }) => changeId).toSorted()).toEqual(changes.map(({ changeId }) => changeId));
  });

  it('get into the database once each, whoever carries them, and are forgotten in Redis', async () => {
    const desk = await DeskBench.open(redis);
    const shippers = [1, 2, 3].map(() => start(desk, { batchChanges: 7 }));
    await desk.signIn('many');
    for (let round = 0; round < 40; round++) {
      await desk.store.setAgentState('many', round % 2 ? 'available' : 'break', `${round}`);
    }
    await eventually('Redis to be empty', async () => (await left(desk)) === 0, { timeoutMs: 10_000 });
    const kept = await history.list({ agentId: 'many', fromMs: 0, limit: 100 });
    expect(kept.map(({ reason }) => reason).reverse()).toEqual([
      '',
      ...Array.from({ length: 40 }, (_, round) => (round % 2 ? '' : `${round}`)),
    ]);
    await Promise.all(shippers.map((shipper) => shipper.stop()));
  });

  it('get there after Redis was away', async () => {
    const desk = await DeskBench.open(redis);
    await desk.signIn('bob');
    await server.halt('SIGKILL');
    const shipper = start(desk, { maxRetryMs: 50 });
    await server.resume();
    const arrived = async () => (await history.list({ agentId: 'bob', fromMs: 0, limit: 10 })).length === 1;
    await eventually('the change to arrive', arrived, { timeoutMs: 10_000 });
    await shipper.stop();
  });
});
