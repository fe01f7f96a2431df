import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { agentSettingsSchema } from '../../src/accounts/agents.ts';
import { defaultSignInLimits } from '../../src/accounts/sign-in.ts';
import type { User } from '../../src/accounts/users.ts';
import { DeskLive } from '../../src/desk/live.ts';
import type { LiveView } from '../../src/desk/live-types.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { newId } from '../../src/kernel/ids.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import { openRedis, type RedisConnection } from '../../src/store/redis/open-redis.ts';
import { RedisDeskStore } from '../../src/store/redis/redis-desk-store.ts';
import { RedisDeskView } from '../../src/store/redis/redis-desk-view.ts';
import { agentOf, queueOf, requestOf } from '../support/desk-harness.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { user } from '../support/people.ts';
import { eventually } from '../support/poll.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { startServer, type TestServer } from './support.ts';

let redisServer: TestRedis;
let redis: RedisConnection;
let server: TestServer;
let store: RedisDeskStore;
let live: DeskLive;
let looks = 0;
const pages: LivePage[] = [];
const hanako = user('hanako');
const taro = user('taro');
const boss = user('boss', { role: 'supervisor' });

beforeAll(async () => {
  redisServer = await startRedis();
  redis = await openRedis(redisServer.url, { clock: systemClock, logger: silentLogger });
});
afterAll(async () => {
  await redis.close();
  await redisServer.stop();
});
beforeEach(async () => {
  const prefix = newId('desk');
  store = new RedisDeskStore(redis, { prefix });
  const view = new RedisDeskView(redis, { prefix });
  looks = 0;
  const counted = {
    look: () => {
      looks += 1;
      return view.look();
    },
    watch: view.watch.bind(view),
  };
  live = new DeskLive({ store: counted, clock: systemClock, logger: silentLogger });
  server = await startServer({ deskLive: live });
  for (const one of [hanako, taro, boss]) {
    await server.addUser(one);
    await server.data.agents.save(agentSettingsSchema.parse({ agentId: one.userId }));
  }
  await store.extend('c1', 60_000);
  await store.putQueue(queueOf({ queueId: 'main', wrapUpMs: 30_000 }));
  await store.putQueue(queueOf({ queueId: 'other', name: '別の受付' }));
  await store.putAgent(agentOf(hanako.userId, { displayName: '山田花子' }));
  await store.putAgent(agentOf(taro.userId, { displayName: '鈴木太郎', queues: ['other'] }));
});
afterEach(async () => {
  for (const page of pages.splice(0)) page.close();
  await server.stop();
});

/** A page that is open: what it was told, newest last. */
class LivePage {
  readonly views: LiveView[] = [];
  readonly headers: Headers;
  text = '';
  isOver = false;
  readonly #abort: AbortController;

  private constructor(response: Response, abort: AbortController) {
    this.headers = response.headers;
    this.#abort = abort;
    this.#read(response).catch(() => {
      this.isOver = true;
    });
  }

  static async open(one: User, headers: Record<string, string> = {}): Promise<LivePage> {
    const { cookie } = await server.browserOf(one);
    const abort = new AbortController();
    const response = await fetch(`${server.url}/api/v1/desk/live`, {
      headers: { cookie: cookie ?? '', ...headers },
      signal: abort.signal,
    });
    expect(response.status).toBe(200);
    const page = new LivePage(response, abort);
    pages.push(page);
    return page;
  }

  get latest(): LiveView | undefined {
    return this.views.at(-1);
  }

  close(): void {
    this.#abort.abort();
  }

  async #read(response: Response): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) {
      this.text += decoder.decode(chunk, { stream: true });
      const events = [...this.text.matchAll(/event: desk\ndata: (.*)\n\n/g)];
      for (const [, data = ''] of events.slice(this.views.length)) this.views.push(JSON.parse(data));
    }
    this.isOver = true;
  }
}

const offerOf = async (agentId: string) => {
  const { offers } = await store.pending('c1');
  return offers.find((offer) => offer.agentId === agentId)?.offerId ?? '';
};

describe('GET /desk/live', () => {
  it('shows an agent their own state, the call that rings for them, and their own queues, as they change', async () => {
    const page = await LivePage.open(hanako);
    expect(page.headers.get('content-type')).toContain('text/event-stream');
    expect(page.headers.get('cache-control')).toBe('no-store');
    await eventually('a first view', () => page.latest?.me?.state === 'offline');
    expect(page.latest?.me).toMatchObject({ agentId: hanako.userId, displayName: '山田花子' });
    expect(page.latest?.queues.map(({ queueId }) => queueId)).toEqual(['main']);
    expect(page.latest).not.toHaveProperty('agents');

    await store.enqueue('c1', requestOf('a', { callerNumber: '+819011112222' }));
    await eventually('the caller in the figures', () => page.latest?.queues[0]?.waiting === 1);
    expect(page.latest?.call).toBeUndefined();
    await store.setAgentState(hanako.userId, 'available');
    const offerId = await offerOf(hanako.userId);
    await store.report(offerId, { type: 'ringing' });
    await eventually('the ringing call', () => page.latest?.me?.state === 'ringing');
    expect(page.latest?.call).toMatchObject({
      ...{ callId: 'a', queueId: 'main', callerNumber: '+819011112222' },
      account: { accountId: 'acme', name: 'アクメ', reading: 'あくめ' },
    });
    await store.report(offerId, { type: 'answered' });
    await store.report(offerId, { type: 'connected' });
    await eventually('the talk', () => page.latest?.me?.state === 'talking');
    expect(page.latest?.colleagues).toEqual([]);
    await store.setAgentState(taro.userId, 'available');
    await store.show('a', { held: true });
    await eventually('to whom the caller can be handed, and the hold', () => page.latest?.colleagues?.length === 1);
    expect(page.latest?.colleagues).toEqual([{ agentId: taro.userId, displayName: '鈴木太郎' }]);
    await eventually('the hold', () => page.latest?.call?.held);
    await store.setAgentState(taro.userId, 'offline');
    expect(page.latest?.queues[0]).toMatchObject({ waiting: 0, today: { answered: 1, inTime: 1, left: 0 } });
    await store.show('a', { recording: 'paused' });
    await eventually('how the talk stands', () => page.latest?.call?.recording === 'paused');
    expect(page.latest?.call).toMatchObject({ callId: 'a' });
    await store.show('a', {});
    await eventually('that nothing is recorded', () => page.latest?.call && !('recording' in page.latest.call));
    await store.report(offerId, { type: 'finished' });
    await store.leave('a');
    await store.show('a', { recording: 'on' });
    await eventually('the wrap-up', () => page.latest?.me?.state === 'wrap-up');
    expect((page.latest?.me?.untilMs ?? 0) - (page.latest?.nowMs ?? 0)).toBeGreaterThan(20_000);
  });

  it('shows a supervisor everybody, and an agent nobody else', async () => {
    const [supervisor, other] = [await LivePage.open(boss), await LivePage.open(taro)];
    await store.enqueue('c1', requestOf('a'));
    await store.enqueue('c1', requestOf('b'));
    await store.leave('b');
    await store.setAgentState(hanako.userId, 'available');
    await eventually('the offer', () =>
      supervisor.latest?.agents?.some(({ state, callId }) => state === 'reserved' && callId === 'a'),
    );
    expect(supervisor.latest?.agents?.map(({ displayName }) => displayName)).toEqual(
      ['山田花子', '鈴木太郎'].sort((a, b) => a.localeCompare(b, 'ja')),
    );
    expect(supervisor.latest?.calls).toMatchObject([{ callId: 'a', state: 'offered' }]);
    expect(supervisor.latest?.queues.find(({ queueId }) => queueId === 'main')?.today).toMatchObject({ left: 1 });
    expect(other.text).not.toMatch(/アクメ|"agents":\[|"calls"/);
  });

  it('names to an agent who talks the others who are available now, and nothing more of them', async () => {
    const page = await LivePage.open(hanako);
    await store.setAgentState(hanako.userId, 'available');
    await store.setAgentState(taro.userId, 'available');
    await eventually('a view', () => page.latest?.me?.state === 'available');
    expect(page.latest).not.toHaveProperty('colleagues');
    await store.enqueue('c1', requestOf('a'));
    const offerId = await offerOf(hanako.userId);
    for (const type of ['ringing', 'answered', 'connected'] as const) await store.report(offerId, { type });
    const taroOnly = [{ agentId: taro.userId, displayName: '鈴木太郎' }];
    await eventually('a colleague', () => page.latest?.colleagues?.length === 1);
    expect(page.latest?.colleagues).toEqual(taroOnly);
    await store.setAgentState(taro.userId, 'break', 'lunch');
    await eventually('nobody', () => page.latest?.colleagues?.length === 0);
    expect(page.text).not.toContain('lunch');
    await store.setAgentState(taro.userId, 'available');
    await eventually('the colleague again', () => page.latest?.colleagues?.length === 1);
    await store.report(offerId, { type: 'finished' });
    await eventually('the wrap-up', () => page.latest?.me?.state === 'wrap-up');
    expect(page.latest).not.toHaveProperty('colleagues');
  });

  it('shows how long a caller has been on hold, and to supervisors alone who listens', async () => {
    const [page, supervisor] = [await LivePage.open(hanako), await LivePage.open(boss)];
    await store.setAgentState(hanako.userId, 'available');
    await store.enqueue('c1', requestOf('a'));
    const offerId = await offerOf(hanako.userId);
    for (const type of ['ringing', 'answered', 'connected'] as const) await store.report(offerId, { type });
    await store.show('a', { held: true });
    const heldSinceMs = await eventually('the hold', () => page.latest?.call?.heldSinceMs);
    expect(page.latest?.call).toMatchObject({ held: true });
    expect(heldSinceMs).toBeLessThanOrEqual(page.latest?.nowMs ?? 0);
    await store.show('a', { held: true, recording: 'paused', listeners: [{ agentId: boss.userId, mode: 'join' }] });
    await eventually('the pause', () => page.latest?.call?.recording === 'paused');
    expect(page.latest?.call?.heldSinceMs).toBe(heldSinceMs);
    expect(page.text).not.toContain(boss.userId);
    await eventually('who listens', () => supervisor.latest?.calls?.[0]?.listeners);
    expect(supervisor.latest?.calls?.[0]?.listeners).toEqual([{ agentId: boss.userId, mode: 'join' }]);
    await store.show('a', {});
    await eventually('the end', () => page.latest?.call?.held === undefined);
    expect(page.latest?.call).not.toHaveProperty('heldSinceMs');
  });

  it('looks once for all pages, at most twice a second, and not at all while nothing changes', async () => {
    const many = await Promise.all([hanako, taro, boss].map((one) => LivePage.open(one)));
    await eventually('all to have a view', () => many.every(({ latest }) => latest));
    const [before, beforeMs] = [looks, performance.now()];
    for (let index = 0; index < 30; index += 1) {
      await store.setAgentState(hanako.userId, index % 2 ? 'available' : 'break', `${index}`);
    }
    await eventually('the last change', () => many[2]?.latest?.agents?.some(({ state }) => state === 'available'));
    const atMost = 2 + Math.ceil((performance.now() - beforeMs) / 500);
    expect(looks - before).toBeLessThanOrEqual(atMost);
  });

  it('tells everything again to one who comes back with Last-Event-ID', async () => {
    await store.setAgentState(hanako.userId, 'break', 'lunch');
    const page = await LivePage.open(hanako, { 'last-event-id': '999' });
    await eventually('a view', () => page.latest?.me?.reason === 'lunch');
  });

  it('is cut off when the session is revoked, and knows that it was', async () => {
    const page = await LivePage.open(hanako);
    await eventually('a view', () => page.latest);
    await server.data.sessions.removeAllOf(hanako.userId);
    await eventually('the end', () => page.isOver, { timeoutMs: 8_000 });
    expect(page.text).toContain('event: signed-out');
    const again = await fetch(`${server.url}/api/v1/desk/live`, { headers: { cookie: 'denwaban_session=x' } });
    expect(again.status).toBe(401);
  });

  it('counts as use of the session: it outlasts the idle limit, which a session without a page does not', async () => {
    await server.stop();
    const clock = new FakeClock();
    const idleMs = 120_000;
    server = await startServer({ deskLive: live, clock, signInLimits: { ...defaultSignInLimits, idleMs } });
    for (const one of [hanako, taro]) await server.addUser(one);
    const idle = await server.browserOf(taro);
    const page = await LivePage.open(hanako);
    const beats = () => page.text.split(': still here').length - 1;
    for (let beat = 1; beat <= (2 * idleMs) / 5_000; beat++) {
      await clock.advance(5_000);
      await eventually(`beat ${beat}`, () => beats() === beat, { everyMs: 5 });
    }
    expect(page.isOver).toBe(false);
    expect((await idle.send('GET', '/me')).status).toBe(401);
    const { sessions } = server.data;
    expect((await sessions.list(taro.userId))[0]?.lastSeenAtMs).toBeLessThan(clock.nowMs() - idleMs);
    expect((await sessions.list(hanako.userId))[0]?.lastSeenAtMs).toBeGreaterThan(clock.nowMs() - idleMs);
  });

  it('is not for accounts, and ends when the server stops', async () => {
    const stranger = await server.browserOf(boss);
    stranger.cookie = undefined;
    expect((await stranger.send('GET', '/desk/live')).status).toBe(401);
    const page = await LivePage.open(taro);
    await eventually('a view', () => page.latest);
    const beforeMs = performance.now();
    await server.http.stop();
    expect(performance.now() - beforeMs).toBeLessThan(2_000);
    await eventually('the end', () => page.isOver);
  });
});
