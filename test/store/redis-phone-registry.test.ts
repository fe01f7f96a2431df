import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DeskLive } from '../../src/desk/live.ts';
import type { ContactChange, RegistrationRequest } from '../../src/desk/phone-registry.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { newId } from '../../src/kernel/ids.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import { openRedis, type RedisConnection } from '../../src/store/redis/open-redis.ts';
import { RedisDeskStore } from '../../src/store/redis/redis-desk-store.ts';
import { RedisDeskView } from '../../src/store/redis/redis-desk-view.ts';
import { RedisPhoneRegistry } from '../../src/store/redis/redis-phone-registry.ts';
import { RedisRegistrationGuard } from '../../src/store/redis/redis-registration-guard.ts';
import { agentOf } from '../support/desk-harness.ts';
import { eventually } from '../support/poll.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';

let server: TestRedis;
let redis: RedisConnection;
beforeAll(async () => {
  server = await startRedis();
  redis = await openRedis(server.url, { clock: systemClock, logger: silentLogger });
});
afterAll(async () => {
  await redis.close();
  await server.stop();
});

const contact = (name: string, more: Partial<ContactChange> = {}): ContactChange => ({
  bindingId: name,
  uri: `sip:${name}@192.0.2.1:5060`,
  q: 1_000,
  expiresMs: 60_000,
  instance: '',
  regId: 0,
  ...more,
});
let cseqs = 0;
const ask = (more: Partial<RegistrationRequest>): RegistrationRequest => ({
  agentId: 'a1',
  phone: 'desk',
  callId: 'call-1',
  cseq: ++cseqs,
  source: { transport: 'udp', address: '203.0.113.5', port: 40_001 },
  userAgent: 'test phone',
  changes: [],
  ...more,
});

describe('RedisPhoneRegistry', () => {
  const make = () => {
    const prefix = newId('phones');
    return { prefix, registry: new RedisPhoneRegistry(redis, prefix) };
  };
  const urisOf = async (registry: RedisPhoneRegistry, agentId = 'a1') =>
    (await registry.contactsOf(agentId)).map(({ uri }) => uri.slice(4, uri.indexOf('@')));

  it('keeps where a phone came from beside what it calls itself, and for how long', async () => {
    const { registry } = make();
    const outcome = await registry.register(ask({ changes: [contact('c1', { q: 500 })] }));
    if (!outcome.ok) throw new Error(outcome.why);
    expect(outcome.contacts).toEqual(
      await registry.contactsOf('a1').then(([one]) => [{ ...one, expiresInMs: 60_000 }]),
    );
    expect(outcome.contacts).toEqual([
      {
        ...{ uri: 'sip:c1@192.0.2.1:5060', phone: 'desk', q: 500, expiresInMs: 60_000, userAgent: 'test phone' },
        ...{ instance: '', regId: 0, source: { transport: 'udp', address: '203.0.113.5', port: 40_001 } },
      },
    ]);
    expect(await registry.contactsOf('somebody else')).toEqual([]);
  });

  it('replaces a contact that registers again, and ends one at expiry 0', async () => {
    const { registry } = make();
    await registry.register(ask({ changes: [contact('c1'), contact('c2')] }));
    const moved = { transport: 'tcp', address: '203.0.113.9', port: 7 } as const;
    await registry.register(ask({ changes: [contact('c1', { q: 10 })], source: moved }));
    expect((await registry.contactsOf('a1')).map(({ q, source }) => [q, source.port])).toEqual([
      [1_000, 40_001],
      [10, 7],
    ]);
    const outcome = await registry.register(ask({ changes: [contact('c2', { expiresMs: 0 })] }));
    expect(outcome).toMatchObject({ ok: true, contacts: [{ uri: 'sip:c1@192.0.2.1:5060' }] });
  });

  it('says whether a phone has registered anew, or only that it is still there', async () => {
    const { registry } = make();
    const isAnew = async (more: Partial<RegistrationRequest>) => {
      const outcome = await registry.register(ask(more));
      return outcome.ok && outcome.isAnew;
    };
    const changes = [contact('c1')];
    expect(await isAnew({ changes })).toBe(true);
    expect(await isAnew({ changes })).toBe(false);
    expect(await isAnew({ changes: [] })).toBe(false);
    // Started anew; by another way; another phone beside it.
    expect(await isAnew({ changes, callId: 'call-2' })).toBe(true);
    const source = { transport: 'udp', address: '203.0.113.5', port: 40_002 } as const;
    expect(await isAnew({ changes, callId: 'call-2', source })).toBe(true);
    expect(await isAnew({ changes: [...changes, contact('c2')], callId: 'call-2', source })).toBe(true);
    const gone = [contact('c1', { expiresMs: 0 })];
    expect(await isAnew({ changes: gone, callId: 'call-2', source })).toBe(false);
    expect(await isAnew({ changes, callId: 'call-2', source })).toBe(true);
  });

  it('refuses what is older than the newest of the same Call-ID, and changes nothing then', async () => {
    const { registry } = make();
    await registry.register(ask({ cseq: 10, changes: [contact('c1')] }));
    for (const cseq of [9, 10]) {
      const late = ask({ cseq, changes: [contact('c2'), contact('c1', { expiresMs: 0 })] });
      expect(await registry.register(late)).toEqual({ ok: false, why: 'out-of-order' });
      expect(await registry.register(ask({ cseq, changes: 'all' }))).toEqual({ ok: false, why: 'out-of-order' });
    }
    expect(await urisOf(registry)).toEqual(['c1']);
    // Another Call-ID counts anew.
    expect(
      await registry.register(ask({ callId: 'other', cseq: 1, changes: [contact('c1', { expiresMs: 0 })] })),
    ).toEqual({
      ok: true,
      contacts: [],
      isAnew: false,
    });
  });

  it('shows and ends only the phone’s own contacts; the agent is rung on all', async () => {
    const { registry } = make();
    await registry.register(ask({ phone: 'desk', changes: [contact('c1')] }));
    const outcome = await registry.register(
      ask({ phone: 'soft', callId: 'call-2', changes: [contact('c1', { q: 1 })] }),
    );
    expect(outcome).toMatchObject({ ok: true, contacts: [{ phone: 'soft' }] });
    expect((await registry.contactsOf('a1')).map(({ phone }) => phone)).toEqual(['desk', 'soft']);
    expect(await registry.register(ask({ phone: 'soft', callId: 'call-2', changes: 'all' }))).toEqual({
      ok: true,
      contacts: [],
      isAnew: false,
    });
    expect((await registry.contactsOf('a1')).map(({ phone }) => phone)).toEqual(['desk']);
  });

  it('holds ten contacts an agent, and no more', async () => {
    const { registry } = make();
    const ten = Array.from({ length: 10 }, (_, index) => contact(`c${index}`));
    expect(await registry.register(ask({ changes: ten }))).toMatchObject({ ok: true });
    expect(await registry.register(ask({ changes: [contact('more')] }))).toEqual({ ok: false, why: 'too-many' });
    expect(await registry.register(ask({ changes: [contact('c3')] }))).toMatchObject({ ok: true });
    const swap = [contact('c3', { expiresMs: 0 }), contact('more')];
    expect(await registry.register(ask({ changes: swap }))).toMatchObject({ ok: true });
    expect(await registry.contactsOf('a1')).toHaveLength(10);
  });

  it('forgets what a device had registered before it was switched off and on', async () => {
    const { registry } = make();
    const instance = '"<urn:uuid:1>"';
    await registry.register(ask({ callId: 'before', changes: [contact('old', { instance }), contact('other')] }));
    const again = [contact('new', { instance }), contact('second', { instance, regId: 2 })];
    await registry.register(ask({ callId: 'after', changes: again }));
    expect((await urisOf(registry)).sort()).toEqual(['new', 'other', 'second']);
  });

  it('lets go of a registration by itself, and of the key with the last', async () => {
    const { registry, prefix } = make();
    await registry.register(
      ask({ changes: [contact('short', { expiresMs: 80 }), contact('long', { expiresMs: 300 })] }),
    );
    await eventually('the short one to end', async () => (await urisOf(registry)).join() === 'long', { everyMs: 5 });
    await eventually('the key to go', async () => (await redis.client.keys(`${prefix}*`)).length === 0, { everyMs: 5 });
  });

  it('ends one phone of an agent, or all', async () => {
    const { registry, prefix } = make();
    for (const phone of ['desk', 'desk2', 'soft']) {
      await registry.register(ask({ phone, callId: phone, changes: [contact(phone)] }));
    }
    await registry.forget('a1', 'desk');
    expect((await urisOf(registry)).sort()).toEqual(['desk2', 'soft']);
    await registry.forget('a1');
    expect(await redis.client.keys(`${prefix}*`)).toEqual([]);
  });
});

describe('RedisRegistrationGuard', () => {
  const make = (limits = {}) => {
    const prefix = newId('guard');
    const guard = new RedisRegistrationGuard(redis, {
      prefix,
      limits: { perAddress: 4, perName: 2, perKnown: 3, windowMs: 60_000, ...limits },
    });
    return { prefix, guard };
  };
  const who = (username: string, address = '192.0.2.1') => ({ username, address });

  const accept = (guard: RedisRegistrationGuard, username: string, nonce: string, nonceCount: number) =>
    guard.accept(who(username), { nonce, nonceCount, algorithm: 'MD5' });

  it('knows what a name registered with, at the address where it did', async () => {
    const { guard } = make();
    await accept(guard, 'alice', 'nonce', 1);
    expect(await guard.lastUse(who('alice'))).toMatchObject({ algorithm: 'MD5' });
    await guard.accept(who('alice'), { nonce: 'nonce', nonceCount: 2, algorithm: 'SHA-256' });
    expect(await guard.lastUse(who('alice'))).toMatchObject({ algorithm: 'SHA-256' });
    expect(await guard.lastUse(who('alice', '192.0.2.2'))).toBeUndefined();
    expect(await guard.lastUse(who('bob'))).toBeUndefined();
  });

  it('gives all controllers one secret', async () => {
    const { guard, prefix } = make();
    const secret = await guard.secret();
    expect(secret.length).toBeGreaterThan(40);
    expect(await new RedisRegistrationGuard(redis, { prefix }).secret()).toBe(secret);
  });

  it('makes a name wait that failed too often, from wherever', async () => {
    const { guard } = make();
    await guard.failed(who('alice', '192.0.2.1'));
    expect(await guard.waitMs(who('alice'))).toBe(0);
    await guard.failed(who('alice', '192.0.2.2'));
    expect(await guard.waitMs(who('alice', '192.0.2.3'))).toBeGreaterThan(59_000);
    expect(await guard.waitMs(who('bob'))).toBe(0);
  });

  it('makes an address wait that failed too often, with whatever names; an IPv6 /64 is one address', async () => {
    const { guard } = make();
    for (let i = 0; i < 4; i++) await guard.failed(who(`name-${i}`, `2001:db8:0:1::${i + 1}`));
    expect(await guard.waitMs(who('fresh', '2001:db8::1:ffff:0:0:9'))).toBeGreaterThan(0);
    expect(await guard.waitMs(who('fresh', '2001:db8:0:2::1'))).toBe(0);
    for (let i = 0; i < 4; i++) await guard.failed(who(`mapped-${i}`, '::ffff:192.0.2.7'));
    expect(await guard.waitMs(who('fresh', '192.0.2.7'))).toBeGreaterThan(0);
    expect(await guard.waitMs(who('fresh', '192.0.2.8'))).toBe(0);
  });

  it('does not keep out who has registered from there, for another’s failures; for their own it does', async () => {
    const { guard } = make();
    expect(await accept(guard, 'alice', 'nonce', 1)).toBe(true);
    for (let i = 0; i < 5; i++) await guard.failed(who('alice', '198.51.100.1'));
    for (let i = 0; i < 5; i++) await guard.failed(who('mallory'));
    expect(await guard.waitMs(who('alice'))).toBe(0);
    expect(await guard.waitMs(who('alice', '198.51.100.2'))).toBeGreaterThan(0);
    for (let i = 0; i < 3; i++) await guard.failed(who('alice'));
    expect(await guard.waitMs(who('alice'))).toBeGreaterThan(0);
  });

  it('takes each count of a nonce once, and none below', async () => {
    const { guard } = make();
    const use = (count: number) => accept(guard, 'alice', 'nonce', count);
    expect([await use(1), await use(1), await use(3), await use(2), await use(4)]).toEqual([
      ...[true, false, true, false, true],
    ]);
    expect(await accept(guard, 'alice', 'another', 1)).toBe(true);
  });

  it('forgets by itself', async () => {
    const { guard, prefix } = make({ windowMs: 60, nonceMs: 60, knownMs: 60 });
    await guard.failed(who('alice'));
    await guard.failed(who('alice'));
    await accept(guard, 'bob', 'nonce', 1);
    await guard.failed(who('bob'));
    expect(await guard.waitMs(who('alice'))).toBeGreaterThan(0);
    await eventually('no key left', async () => (await redis.client.keys(`${prefix}*`)).length === 0);
    expect(await guard.waitMs(who('alice'))).toBe(0);
  });
});

describe('whoever watches the desk', () => {
  it('sees whose phone is registered, and that it has come or gone', async () => {
    const registry = new RedisPhoneRegistry(redis);
    const desk = new RedisDeskStore(redis);
    for (const agentId of ['with', 'without']) await desk.putAgent(agentOf(agentId));
    await desk.setAgentState('with', 'available');
    const live = new DeskLive({
      ...{ store: new RedisDeskView(redis), phones: registry, clock: systemClock, logger: silentLogger },
    });
    let seen: Record<string, boolean | undefined> = {};
    const end = live.subscribe(({ agents }) => {
      // Redis keeps agents in no order.
      const entries = agents.map(({ agentId, hasPhone }) => [agentId, hasPhone] as const);
      seen = Object.fromEntries(entries.toSorted(([one], [other]) => (one < other ? -1 : 1)));
    });
    const sees = (wanted: typeof seen) =>
      eventually(`it to be ${JSON.stringify(wanted)}`, () => JSON.stringify(seen) === JSON.stringify(wanted), {
        timeoutMs: 18_000,
      });
    await sees({ with: false, without: false });
    // It ends by itself, and no state of an agent changes.
    await registry.register(ask({ agentId: 'with', callId: 'w', changes: [contact('w', { expiresMs: 4_000 })] }));
    await sees({ with: true, without: false });
    await sees({ with: false, without: false });
    end();
    live.stop();
  });
});
