import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { agentSettingsSchema } from '../../src/accounts/agents.ts';
import { phoneHashes } from '../../src/accounts/phone-credentials.ts';
import { type Role, roles, type User } from '../../src/accounts/users.ts';
import { type CallOrders, orderDone } from '../../src/desk/call-orders.ts';
import { emptyForm } from '../../src/desk/intake.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import { openRedis, type RedisConnection } from '../../src/store/redis/open-redis.ts';
import { RedisDeskStore } from '../../src/store/redis/redis-desk-store.ts';
import { SqlFactStore } from '../../src/store/sql/sql-fact-store.ts';
import { agentOf } from '../support/desk-harness.ts';
import { offered } from '../support/facts.ts';
import { intake } from '../support/intakes.ts';
import { card, flow, momo, queue, sakura, user } from '../support/people.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { rightsByRoute as expected } from './rights.ts';
import { type Answer, Browser, errorCode, startServer, type TestServer } from './support.ts';

/** Who asks, and who is the other of the same kind. The agent may not serve momo. */
const people: Record<Role, { self: User; other: User }> = {
  operator: { self: user('root', { role: 'operator' }), other: user('root-two', { role: 'operator' }) },
  supervisor: { self: user('boss', { role: 'supervisor' }), other: user('boss-two', { role: 'supervisor' }) },
  agent: { self: user('hanako'), other: user('taro') },
  account: {
    self: user('sakura-san', { role: 'account', accountId: 'sakura' }),
    other: user('momo-san', { role: 'account', accountId: 'momo' }),
  },
};
const everyone = Object.values(people).flatMap(({ self, other }) => [self, other]);

let server: TestServer;
let redisServer: TestRedis;
let redis: RedisConnection;
let desk: RedisDeskStore;
beforeAll(async () => {
  redisServer = await startRedis();
  redis = await openRedis(redisServer.url, { clock: systemClock, logger: silentLogger });
  desk = new RedisDeskStore(redis);
  // Each agent talks on a call of their own.
  const callOrders: CallOrders = {
    find: async (callId) => ({ accountId: 'sakura', state: 'talking', agentId: callId.replace('call_', 'user_') }),
    send: async () => orderDone,
  };
  server = await startServer({ desk, callOrders });
});
afterAll(async () => {
  await server.stop();
  await redis.close();
  await redisServer.stop();
});

/** False once something may have changed. */
let isPristine = false;
const browsers = new Map<User, Promise<Browser>>();

/** Signed in once for as long as the world stays as it was made. */
function browserOf(one: User): Promise<Browser> {
  const known = browsers.get(one) ?? server.browserOf(one);
  browsers.set(one, known);
  return known;
}

/** The same world before every request. The audit record stays: it cannot be emptied. */
async function reset(): Promise<void> {
  if (isPristine) return;
  browsers.clear();
  await makeWorld();
  isPristine = true;
}

async function makeWorld(): Promise<void> {
  const { db } = server.database;
  for (const name of [
    'reports',
    'intakes',
    'outbox',
    'webhook_secrets',
    'sessions',
    'phone_credentials',
    'agents',
    'queues',
    'account_cards',
    'users',
  ] as const) {
    await db.deleteFrom(name).execute();
  }
  await db.deleteFrom('assigned_numbers').execute();
  const { data } = server;
  const facts = new SqlFactStore(server.database);
  await Promise.all([sakura, momo].map((account) => data.accounts.saveAccount(account)));
  for (const flowId of ['changed', 'moved']) {
    await data.flows.publish({ flowId, accountId: 'sakura', definition: {}, atMs: 0 });
  }
  await data.accounts.assignNumber({ number: '0311110001', accountId: 'sakura', flowId: 'sakura-flow' });
  await data.accounts.assignNumber({ number: '0311110002', accountId: 'momo', flowId: 'momo-flow' });
  await data.cards.save(card('sakura'));
  await data.cards.save(card('momo', { announceName: '桃屋 momo' }));
  for (const accountId of ['sakura', 'momo']) {
    await data.outbox.add({
      outboxId: `report-${accountId}`,
      accountId,
      kind: 'report',
      channel: 'mail',
      target: `office@${accountId}.example`,
      payload: { subject: accountId, text: accountId },
      createdAtMs: 1,
    });
  }
  for (const accountId of ['sakura', 'momo']) {
    await data.flows.publish({ flowId: `${accountId}-flow`, accountId, definition: {}, atMs: 1 });
    await facts.append([offered(`${accountId}-call`, { accountId, factId: accountId })]);
  }
  await data.queues.save(queue('desk'));
  await data.queues.save(queue('other'));
  for (const one of everyone) {
    await server.addUser(one);
    if (one.role !== 'agent' && one.role !== 'supervisor') continue;
    await desk.putAgent(agentOf(one.userId));
    await desk.setAgentState(one.userId, 'available');
    await data.agents.save(agentSettingsSchema.parse({ agentId: one.userId, refusedAccounts: ['momo'] }));
    const phone = { username: `${one.loginName}-1`, agentId: one.userId, realm: 'denwaban', label: '', createdAtMs: 1 };
    await data.phones.add(phone, phoneHashes(phone.username, 'denwaban', 'x'));
    await addIntakes(one, one === people[one.role].self ? 'sakura' : 'momo');
  }
}

/** One that the agent has to save, and one that has been reported. */
async function addIntakes({ userId: agentId, loginName }: User, accountId: string): Promise<void> {
  const { intakes, reports } = server.data;
  const done = `done_${loginName}`;
  await intakes.add(intake(`intake_${loginName}`, { agentId, accountId, form: { ...emptyForm, outcome: 'other' } }));
  await intakes.add(intake(done, { agentId, accountId, state: 'saved', answeredAtMs: 1, closedAtMs: 2 }));
  await reports.add({
    ...{ reportId: `report_${loginName}`, intakeId: done, accountId, callId: 'c', createdAtMs: 2, complete: true },
    ...{ outcome: 'other', urgency: 'normal', language: 'ja', subject: accountId, text: accountId, fields: {} },
  });
}

/** The request for one's own or the other's. For an account its own is the account, for everybody else they themselves. */
function requestFor(
  route: string,
  role: Role,
  whose: 'self' | 'other',
): [method: string, path: string, body?: unknown] {
  const [method = '', pattern = ''] = route.split(' ');
  const { [whose]: one } = people[role];
  // Operators and supervisors have no agent's settings that they would be denied: they act on the agents'.
  const agent = role === 'agent' || role === 'supervisor' ? one : people.agent[whose];
  const accountId = whose === 'self' ? 'sakura' : 'momo';
  const queueId = whose === 'self' ? 'desk' : 'other';
  const flowId = `${accountId}-flow`;
  const path = pattern
    .replace(':userId', one.userId)
    .replace(':sessionId', `session_${one.loginName}`)
    .replace(':agentId', agent.userId)
    .replace(':username', `${agent.loginName}-1`)
    .replace(':accountId', accountId)
    .replace(':callId', `call_${agent.loginName}`)
    .replace(':intakeId', `intake_${agent.loginName}`)
    .replace(':outboxId', `report-${accountId}`)
    .replace(':queueId', queueId)
    .replace(':flowId', flowId)
    .replace(':number', whose === 'self' ? '0311110001' : '0311110002');
  const bodies: Record<string, unknown> = {
    'PUT /me/password': { oldPassword: 'correct horse battery', newPassword: 'a new long password' },
    'POST /users': { loginName: 'new-one', displayName: 'New', role: 'operator' },
    'PATCH /users/:userId': { displayName: 'Changed' },
    'PUT /agents/:agentId': { skills: { billing: 3 } },
    'POST /agents/:agentId/phones': {},
    'PUT /queues/:queueId': queue(queueId, { name: 'Changed' }),
    'PUT /accounts/:accountId': { ...(whose === 'self' ? sakura : momo), nameReading: 'かえた' },
    'POST /flows/check': flow(flowId),
    'PUT /accounts/:accountId/flows/:flowId': flow(flowId),
    'PUT /accounts/:accountId/answering-service': { answeringService: 'suspended' },
    'PUT /numbers/:number': { accountId: 'sakura', flowId: 'changed', move: true },
    'PUT /accounts/:accountId/card': card(accountId, { notes: 'changed' }),
    'PATCH /intakes/:intakeId': { version: 1, form: { callerName: '山田' } },
    'POST /intakes/:intakeId/save': { version: 1 },
    'POST /desk/calls/:callId/hold': { held: true },
    'POST /desk/calls/:callId/transfer': { to: { type: 'queue', queueId: 'other' } },
    'POST /desk/calls/:callId/recording': { paused: true },
    'POST /desk/calls/:callId/move': { queueId: 'other' },
    'POST /desk/calls/:callId/listen': { mode: 'listen' },
    'PUT /agents/:agentId/state': { state: 'break', reason: 'lunch' },
    'PUT /accounts/:accountId/rules': { complaintsBeforeWarning: 9, suspension: 'automatic' },
  };
  return [method, path, bodies[route]];
}

async function ask(route: string, role: Role, whose: 'self' | 'other'): Promise<Answer> {
  await reset();
  const browser = await browserOf(people[role].self);
  if (whose === 'other') await browserOf(people[role].other);
  const [method, path, body] = requestFor(route, role, whose);
  // What is refused changes nothing: that has a test of its own.
  const answer = await browser.send(method, path, body);
  if (method !== 'GET' && answer.status < 400) isPristine = false;
  return answer;
}

/** Everything but the record and the sessions' last use. */
async function world(): Promise<string> {
  const { db } = server.database;
  const tables = [
    'outbox',
    'intakes',
    'reports',
    'webhook_secrets',
    'users',
    'sessions',
    'phone_credentials',
    'agents',
    'queues',
    'account_cards',
    'accounts',
  ] as const;
  const rows = await Promise.all(
    [...tables, 'assigned_numbers' as const, 'flow_versions' as const].map((name) =>
      db.selectFrom(name).selectAll().execute(),
    ),
  );
  return JSON.stringify([rows, await desk.listAgents()]);
}

const newestSeq = async () => (await server.data.audit.list({ limit: 1 }))[0]?.seq ?? 0;

it('every route of the API is in the table above', () => {
  const routes = server.http.routes.filter(({ method, url }) => url.startsWith('/api/v1/') && method !== 'HEAD');
  const names = routes.map(({ method, url }) => `${method} ${url.slice('/api/v1'.length)}`);
  expect(names.toSorted()).toEqual(['POST /login', ...Object.keys(expected)].toSorted());
});

describe.each(Object.entries(expected))('%s', (route, rights) => {
  it.each(roles.map((role, index) => [role, rights[index] ?? '-'] as const))('%s: %s', async (role, may) => {
    for (const whose of ['self', 'other'] as const) {
      const allowed = may === 'all' || (may === 'own' && whose === 'self');
      const answer = await ask(route, role, whose);
      if (allowed) {
        expect(answer.status, `${whose}: ${answer.text}`).toBeLessThan(300);
      } else {
        const refusal = may === '-' ? [403, 'NOT_ALLOWED'] : [404, 'NOT_FOUND'];
        expect([whose, answer.status, errorCode(answer)], answer.text).toEqual([whose, ...refusal]);
      }
      // Rule 9: whatever was asked, nothing of the other account comes back.
      if (role === 'account') expect(answer.text).not.toMatch(/momo|桃屋/);
    }
  });

  it('nobody who is not signed in', async () => {
    await reset();
    isPristine = false;
    const before = [await world(), await newestSeq()];
    const stranger = new Browser(server.url);
    for (const cookie of [undefined, 'denwaban_session=', 'denwaban_session=x', `denwaban_session=${'a'.repeat(43)}`]) {
      stranger.cookie = cookie;
      const answer = await stranger.send(...requestFor(route, 'operator', 'self'));
      expect([answer.status, errorCode(answer)]).toEqual([401, 'NOT_SIGNED_IN']);
    }
    expect([await world(), await newestSeq()]).toEqual(before);
    isPristine = true;
  });

  it('a refusal changes nothing and is told before the body is looked at', async () => {
    for (const [index, role] of roles.entries()) {
      if (rights[index] === 'all') continue;
      await reset();
      const browser = await browserOf(people[role].self);
      await browserOf(people[role].other);
      isPristine = false;
      const before = [await world(), await newestSeq()];
      const [method, path, body] = requestFor(route, role, 'other');
      const codes = [errorCode(await browser.send(method, path, body))];
      if (body !== undefined) codes.push(errorCode(await browser.send(method, path, '{ not json')));
      expect(new Set(codes)).toEqual(new Set([rights[index] === '-' ? 'NOT_ALLOWED' : 'NOT_FOUND']));
      expect([await world(), await newestSeq()]).toEqual(before);
      isPristine = true;
    }
  });
});

describe('an account', () => {
  it("is answered alike for another's and for what does not exist", async () => {
    await reset();
    const browser = await browserOf(people.account.self);
    for (const [path, other, none] of [
      ['/accounts/ID', 'momo', 'nobody'],
      ['/accounts/ID/card', 'momo', 'nobody'],
      ['/accounts/ID/numbers', 'momo', 'nobody'],
      ['/users/ID', people.account.other.userId, 'nobody'],
    ] as const) {
      const [there, absent] = [
        await browser.send('GET', path.replace('ID', other)),
        await browser.send('GET', path.replace('ID', none)),
      ];
      expect([there.status, there.text]).toEqual([absent.status, absent.text]);
    }
  });

  it('sees itself alone in lists, and on the record, even when it asks for another', async () => {
    await reset();
    isPristine = false;
    const operator = await browserOf(people.operator.self);
    await operator.send('PUT', '/accounts/momo/card', card('momo', { notes: 'momo-note' }));
    await operator.send('PUT', '/accounts/sakura/card', card('sakura', { notes: 'sakura-note' }));
    await operator.send('PUT', '/numbers/0311110002', { accountId: 'sakura', flowId: 'moved', move: true });
    expect((await server.data.accounts.findNumber('0311110002'))?.accountId).toBe('sakura');
    const browser = await browserOf(people.account.self);
    expect((await browser.send('GET', '/accounts')).body).toEqual({ accounts: [sakura] });
    for (const query of ['', '?accountId=momo', '?limit=500&accountId=momo']) {
      const { text } = await browser.send('GET', `/audit${query}`);
      expect(text).toContain('sakura-note');
      expect(text).not.toMatch(/momo|桃屋|root/);
    }
  });

  it('cannot write the card of another under its own name', async () => {
    await reset();
    const browser = await browserOf(people.account.self);
    const answer = await browser.send('PUT', '/accounts/sakura/card', card('momo', { notes: 'taken' }));
    expect([answer.status, errorCode(answer)]).toEqual([400, 'INPUT_INVALID']);
    expect((await server.data.cards.find('momo'))?.notes).toBe('');
  });
});

it('an agent sees neither the emergency number nor where reports go', async () => {
  const answer = await ask('GET /accounts/:accountId/desk-card', 'agent', 'self');
  expect(answer.body).toMatchObject({ announceName: 'さくら歯科 本院' });
  expect(answer.text).not.toMatch(/emergency|09012345678|destinations|reports|hooks\.slack|office@/);
});
