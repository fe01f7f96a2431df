import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import type { Actor } from '../../src/accounts/audit.ts';
import { type Change, makeChange } from '../../src/accounts/change.ts';
import { addPhone, removePhone, saveAgent } from '../../src/accounts/manage-desk.ts';
import { changeUser } from '../../src/accounts/manage-users.ts';
import { PhoneRevocation } from '../../src/desk/phone-revocation.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { newId } from '../../src/kernel/ids.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import { openRedis, type RedisConnection } from '../../src/store/redis/open-redis.ts';
import { RedisPhoneRegistry } from '../../src/store/redis/redis-phone-registry.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { user } from '../support/people.ts';
import { eventually } from '../support/poll.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { startServer, type TestServer } from '../web/support.ts';

const actor: Actor = { kind: 'program', name: 'test' };
let redisServer: TestRedis;
let redis: RedisConnection;
let server: TestServer;
let registry: RedisPhoneRegistry;
let revocation: PhoneRevocation;
let clock: FakeClock;
/** The database is away. */
let isAway: boolean;
/** What happens just after the credentials were listed. */
let meanwhile: () => Promise<void>;

beforeAll(async () => {
  redisServer = await startRedis();
  redis = await openRedis(redisServer.url, { clock: systemClock, logger: silentLogger });
});
afterAll(async () => {
  await redis.close();
  await redisServer.stop();
});

/** Hanako has two phones and taro one; all are registered. */
beforeEach(async () => {
  isAway = false;
  meanwhile = async () => undefined;
  registry = new RedisPhoneRegistry(redis, newId('phones'));
  server = await startServer({ onPhonesRevoked: () => revocation.look() });
  clock = new FakeClock();
  revocation = lookingOn();
  await server.addUser(user('root', { role: 'operator' }));
  for (const [name, count] of [
    ['hanako', 2],
    ['taro', 1],
  ] as const) {
    await server.addUser(user(name));
    const agentId = `user_${name}`;
    const settings = { agentId, skills: {}, languages: ['ja'], queues: [], refusedAccounts: [] };
    await change((to) => saveAgent(to, settings));
    for (let number = 1; number <= count; number++) {
      await change((to) => addPhone(to, { agentId, realm: 'denwaban' }));
      await register(agentId, `${name}-${number}`);
    }
  }
  await revocation.start();
  expect(await ringing()).toEqual(['hanako-1', 'hanako-2', 'taro-1']);
});
afterEach(async () => {
  await revocation.stop();
  await server.stop();
});

function lookingOn(): PhoneRevocation {
  const { phones, agents } = server.data;
  const listGood = async () => {
    if (isAway) throw new Error('the database is away');
    const good = await phones.listGood();
    await meanwhile();
    return good;
  };
  const credentials = { listGood, findForDigest: (username: string) => phones.findForDigest(username) };
  return new PhoneRevocation({ credentials, agents, registry, clock, logger: silentLogger });
}

const change = <T>(work: (to: Change) => Promise<T>) =>
  makeChange({ data: server.data, clock: systemClock }, actor, work);

async function register(agentId: string, phone: string): Promise<void> {
  const contact = { bindingId: phone, uri: `sip:${phone}@192.0.2.1`, q: 1_000, expiresMs: 600_000 };
  const done = await registry.register({
    ...{ agentId, phone, callId: newId('call'), cseq: 1, userAgent: 'test' },
    source: { transport: 'udp', address: '192.0.2.1', port: 5_060 },
    changes: [{ ...contact, instance: '', regId: 0 }],
  });
  expect(done.ok).toBe(true);
}

/** Which phones a caller would make ring. */
async function ringing(): Promise<string[]> {
  const contacts = [await registry.contactsOf('user_hanako'), await registry.contactsOf('user_taro')];
  return contacts
    .flat()
    .map(({ phone }) => phone)
    .toSorted();
}

it('a phone that was removed is not rung any more within 5 s, and the others are', async () => {
  await change((to) => removePhone(to, 'user_hanako', 'hanako-1'));
  await clock.advance(4_999);
  expect(await ringing()).toEqual(['hanako-1', 'hanako-2', 'taro-1']);
  await clock.advance(1);
  await eventually('hanako-1 to be gone', async () => (await ringing()).length === 2);
  expect(await ringing()).toEqual(['hanako-2', 'taro-1']);
});

it('nor are the phones of a user who is disabled, or leaves the desk; over HTTP at once', async () => {
  const operator = await server.browserOf(user('root', { role: 'operator' }));
  expect((await operator.send('PATCH', '/users/user_taro', { displayName: 'T' })).status).toBe(200);
  expect(await ringing()).toEqual(['hanako-1', 'hanako-2', 'taro-1']);
  expect((await operator.send('PATCH', '/users/user_taro', { status: 'disabled' })).status).toBe(200);
  expect(await ringing()).toEqual(['hanako-1', 'hanako-2']);
  expect((await operator.send('DELETE', '/agents/user_hanako/phones/hanako-2')).status).toBe(200);
  expect(await ringing()).toEqual(['hanako-1']);
  expect((await operator.send('PATCH', '/users/user_hanako', { role: 'operator' })).status).toBe(200);
  expect(await ringing()).toEqual([]);
});

it('what was removed while nobody looked is found by the next who looks', async () => {
  await revocation.stop();
  await change((to) => removePhone(to, 'user_hanako', 'hanako-1'));
  await change((to) => changeUser(to, 'user_taro', { status: 'disabled' }));
  revocation = lookingOn();
  await revocation.start();
  expect(await ringing()).toEqual(['hanako-2']);
});

it('a phone that was just registering when it was removed is found within a minute', async () => {
  await change((to) => removePhone(to, 'user_hanako', 'hanako-1'));
  await revocation.look();
  await register('user_hanako', 'hanako-1');
  for (let look = 0; look < 12; look++) await revocation.look();
  expect(await ringing()).toEqual(['hanako-2', 'taro-1']);
});

it('a phone that is added and registers while they are looked through stays', async () => {
  await revocation.stop();
  revocation = lookingOn();
  meanwhile = async () => {
    await change((to) => addPhone(to, { agentId: 'user_taro', realm: 'denwaban' }));
    await register('user_taro', 'taro-2');
  };
  await revocation.start();
  expect(await ringing()).toEqual(['hanako-1', 'hanako-2', 'taro-1', 'taro-2']);
});

it('what could not be looked at is not lost', async () => {
  await change((to) => removePhone(to, 'user_hanako', 'hanako-1'));
  isAway = true;
  await revocation.look();
  expect(await ringing()).toContain('hanako-1');
  isAway = false;
  await revocation.look();
  expect(await ringing()).toEqual(['hanako-2', 'taro-1']);
});
