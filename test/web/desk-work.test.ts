import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { AgentHistoryShipper } from '../../src/desk/agent-history-shipper.ts';
import { systemClock as clock } from '../../src/kernel/clock.ts';
import { silentLogger as logger } from '../../src/kernel/logger.ts';
import { openRedis, type RedisConnection } from '../../src/store/redis/open-redis.ts';
import { RedisDeskStore } from '../../src/store/redis/redis-desk-store.ts';
import { RedisDeskView } from '../../src/store/redis/redis-desk-view.ts';
import { SqlAgentHistoryStore } from '../../src/store/sql/sql-agent-history-store.ts';
import { agentOf, DeskBench } from '../support/desk-harness.ts';
import { user } from '../support/people.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { type Browser, errorCode, startServer, type TestServer } from './support.ts';

let redisServer: TestRedis;
let redis: RedisConnection;
let server: TestServer;
let desk: DeskBench;
let store: RedisDeskStore;
let [agent, supervisor]: Browser[] = [];
const hanako = user('hanako');
const boss = user('boss', { role: 'supervisor' });

beforeAll(async () => {
  redisServer = await startRedis();
  redis = await openRedis(redisServer.url, { clock, logger });
});
afterAll(async () => {
  await redis.close();
  await redisServer.stop();
});
beforeEach(async () => {
  desk = await DeskBench.open(redis, { wrapUpMs: 60_000 });
  store = new RedisDeskStore(redis, { prefix: desk.prefix, nowMs: () => desk.nowMs });
  server = await startServer({ desk: store });
  for (const one of [hanako, boss]) {
    await server.addUser(one);
    await store.putAgent(agentOf(one.userId));
  }
  [agent, supervisor] = [await server.browserOf(hanako), await server.browserOf(boss)];
});
afterEach(() => server.stop());

const put = (who: Browser | undefined, state: string, reason = '', agentId = hanako.userId) =>
  who?.send('PUT', `/agents/${agentId}/state`, { state, reason });
const recorded = async () =>
  (await server.data.audit.list({ limit: 20 }))
    .reverse()
    .map(({ actor, action, subject, before, after }) => ({ who: actor.name, action, subject, before, after }));
/** What `main.ts` has running, once. */
async function ship(): Promise<void> {
  const view = new RedisDeskView(redis, { prefix: desk.prefix });
  const history = new SqlAgentHistoryStore(server.database);
  const shipper = new AgentHistoryShipper({ desk: store, view, history, clock, logger });
  shipper.start();
  await shipper.stop();
}
const historyOf = async (query = '?sinceMs=0', agentId = hanako.userId) => {
  const answer = await supervisor?.send('GET', `/agents/${agentId}/history${query}`);
  expect(answer?.status, answer?.text).toBe(200);
  return answer?.body['changes'] as { changeId: string; state: string; reason: string; by?: { displayName: string } }[];
};

it('what a supervisor does to an agent’s state is on the audit record; an agent’s own is in the history alone', async () => {
  expect((await put(agent, 'available'))?.status).toBe(200);
  expect((await put(agent, 'break', 'lunch'))?.status).toBe(200);
  expect(await recorded()).toEqual([]);
  expect((await put(supervisor, 'available'))?.status).toBe(200);
  const subject = { kind: 'agent', id: hanako.userId };
  expect(await recorded()).toEqual([
    {
      ...{ who: 'boss', action: 'agent.state', subject },
      before: { state: 'break', reason: 'lunch' },
      after: { state: 'available', reason: '' },
    },
  ]);
  await desk.enqueue('a');
  await desk.talk(hanako.userId);
  await store.leave('a');
  expect((await supervisor?.send('DELETE', `/agents/${hanako.userId}/wrap-up`))?.status).toBe(200);
  expect((await put(supervisor, 'break', 'own', boss.userId))?.status).toBe(200);
  expect((await recorded()).slice(1)).toMatchObject([{ who: 'boss', action: 'agent.end-wrap-up', subject }]);
  await ship();
  const changes = await historyOf();
  expect(changes.map(({ state, reason, by }) => [state, reason, by?.displayName]).reverse()).toEqual([
    ['available', '', 'HANAKO'],
    ['break', 'lunch', 'HANAKO'],
    ['available', '', 'BOSS'],
    ...['reserved', 'ringing', 'talking', 'wrap-up'].map((state) => [state, '', undefined]),
    ['available', '', 'BOSS'],
  ]);
  const page = await historyOf('?sinceMs=0&limit=3');
  const next = await historyOf(`?sinceMs=0&limit=3&before=${page[2]?.changeId}`);
  expect([...page, ...next]).toEqual(changes.slice(0, 6));
  expect(await historyOf(`?sinceMs=${desk.nowMs + 1_000}`)).toEqual([]);
});

it('nothing happens to another’s state that cannot be put on record', async () => {
  await put(agent, 'available');
  await sql`alter table audit_record rename to audit_record_away`.execute(server.database.db);
  expect((await put(supervisor, 'break', 'x'))?.status).toBe(500);
  expect(await desk.stateOf(hanako.userId)).toBe('available');
  expect((await put(agent, 'break', 'lunch'))?.status).toBe(200);
});

it('refuses what is no agent and no state', async () => {
  expect((await put(supervisor, 'break', '', 'nobody'))?.status).toBe(404);
  expect((await supervisor?.send('DELETE', '/agents/nobody/wrap-up'))?.status).toBe(404);
  expect((await supervisor?.send('GET', '/agents/nobody/history'))?.status).toBe(404);
  for (const [state, reason] of [
    ['talking', ''],
    ['break', 'a\u0000b'],
    ['break', 'x'.repeat(101)],
  ] as const) {
    const answer = await put(agent, state, reason);
    expect([answer?.status, answer && errorCode(answer)]).toEqual([400, 'INPUT_INVALID']);
  }
  expect(await recorded()).toEqual([]);
});
