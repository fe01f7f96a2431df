import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { PhoneRegistrations } from '../../src/call/phones.ts';
import type { Leg, LegEvent } from '../../src/call/telephony.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { newId } from '../../src/kernel/ids.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import { openRedis, type RedisConnection } from '../../src/store/redis/open-redis.ts';
import { RedisPhoneRegistry } from '../../src/store/redis/redis-phone-registry.ts';
import { RedisRegistrationGuard } from '../../src/store/redis/redis-registration-guard.ts';
import { toneDurationMs } from '../support/audio.ts';
import { Baresip } from '../support/baresip.ts';
import { eventually } from '../support/poll.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { denwaban, startSystem } from '../support/system.ts';
import { Bench, openPair, type Pair } from '../telephony/harness.ts';

/** Agents' phones that are not ours: they register and are rung, through the telephony room on a real switch. */

const realm = 'denwaban';
let server: TestRedis;
let redis: RedisConnection;
let pair: Pair;
let bench: Bench;
let phones: PhoneRegistrations;
const running: { stop(): Promise<void> }[] = [];

beforeAll(async () => {
  [server, pair] = await Promise.all([startRedis(), openPair()]);
  redis = await openRedis(server.url, { clock: systemClock, logger: silentLogger });
});
afterAll(async () => {
  await pair.stop();
  await redis.close();
  await server.stop();
});
afterEach(async () => {
  for (const party of running.splice(0).reverse()) await party.stop();
});

/** Where the running system shares a switch, nobody else may take its phones' REGISTERs. */
function onABench(): void {
  beforeEach(async () => {
    const prefix = newId('scenario');
    const hash = (algorithm: string, username: string) =>
      createHash(algorithm).update(`${username}:${realm}:secret`).digest('hex');
    phones = {
      realm,
      registry: new RedisPhoneRegistry(redis, prefix),
      guard: new RedisRegistrationGuard(redis, { prefix }),
      credentials: {
        find: async (username) => ({
          ...{ agentId: username.replace(/-.*/, ''), realm },
          ...{ ha1Md5: hash('md5', username), ha1Sha256: hash('sha256', username) },
        }),
      },
    };
    bench = await Bench.open(pair, { phones });
  });
  afterEach(() => bench.close());
}

interface PhoneOptions {
  transport?: 'udp' | 'tcp';
  password?: string;
  toneHz?: number;
}

async function agentPhone(user: string, options: PhoneOptions = {}): Promise<Baresip> {
  const { transport = 'udp', password = 'secret', toneHz = 880 } = options;
  const register = { server: `127.0.0.1:${bench.sip.port}`, password, transport };
  const phone = await Baresip.start({ user, toneHz, register });
  running.push(phone);
  return phone;
}

async function registered(user: string, options: PhoneOptions = {}): Promise<Baresip> {
  const phone = await agentPhone(user, options);
  expect(await phone.registration()).toBe('200 OK');
  return phone;
}

/** Somebody calls in and is answered. */
async function caller(): Promise<{ phone: Baresip; leg: Leg }> {
  const phone = await Baresip.start({ user: '0901111222', toneHz: 440 });
  running.push(phone);
  const before = bench.incoming.length;
  phone.dial(`sip:0312345678@127.0.0.1:${bench.sip.port}`);
  const call = await eventually('the call', () => bench.incoming[before]);
  const outcome = await call.answer(() => undefined);
  if (!outcome.ok) throw new Error(outcome.cause);
  return { phone, leg: outcome.leg };
}

let dialled = 0;
/** Rings all phones of an agent, as the registry knows them. */
async function ring(agentId: string, peer?: Leg) {
  const contacts = await phones.registry.contactsOf(agentId);
  const events: LegEvent[] = [];
  dialled += 1;
  const attempt = bench.telephony.dial({
    ...{ legId: `leg_agent-${process.pid}-${dialled}`, kind: 'agent', phones: contacts, fromNumber: '0312345678' },
    ...{ displayName: '桜歯科医院', ringTimeoutMs: 20_000, ...(peer ? { peer } : {}) },
    onRinging: () => undefined,
    onEvent: (event) => events.push(event),
  });
  return { attempt, events };
}

const hears = (phone: Baresip, toneHz: number) =>
  eventually(`${phone.user} to hear ${toneHz} Hz`, () => toneDurationMs(phone.heard(), toneHz) > 1_000, {
    timeoutMs: 10_000,
  });

describe('an agent’s phone', () => {
  onABench();

  it.each(['udp', 'tcp'] as const)('registers by %s, is rung, and talks with the caller', async (transport) => {
    const phone = await registered('alice', { transport });
    expect(await phones.registry.contactsOf('alice')).toMatchObject([{ phone: 'alice', source: { transport } }]);
    const { phone: outside, leg } = await caller();
    const { attempt, events } = await ring('alice', leg);
    const call = await phone.heardOf('CALL_INCOMING');
    expect(call.peeruri).toContain('0312345678');
    expect(call.peerdisplayname).toBe('桜歯科医院');
    phone.accept();
    const outcome = await attempt.outcome;
    if (!outcome.ok) throw new Error(outcome.cause);
    expect(await leg.bridge(outcome.leg)).toBe(true);
    await hears(phone, 440);
    await hears(outside, 880);
    phone.hangUp();
    await eventually('its leg to end', () => events.find(({ type }) => type === 'ended'));
    await leg.end('system-hangup');
  });

  it('stops ringing within 200 ms when the dial is cancelled', async () => {
    const phone = await registered('alice');
    const { attempt } = await ring('alice');
    await phone.heardOf('CALL_INCOMING');
    const cancelledAt = performance.now();
    attempt.cancel();
    await phone.heardOf('CALL_CLOSED');
    expect(performance.now() - cancelledAt).toBeLessThan(200);
    expect(await attempt.outcome).toMatchObject({ ok: false, cause: 'cancelled' });
  });

  it('ends its registration when it is switched off', async () => {
    const phone = await registered('alice');
    running.splice(running.indexOf(phone), 1);
    await phone.stop();
    await eventually('it to be gone', async () => (await phones.registry.contactsOf('alice')).length === 0);
  });

  it('with a wrong password is not registered', async () => {
    const phone = await agentPhone('alice', { password: 'guess' });
    expect(await phone.registration()).toContain('403');
    expect(await phones.registry.contactsOf('alice')).toEqual([]);
  });
});

describe('two phones of one agent', () => {
  onABench();

  it('ring together; one answers, the other falls silent and can be rung again', async () => {
    const desk = await registered('alice-desk');
    const soft = await registered('alice-soft', { transport: 'tcp' });
    const { attempt } = await ring('alice');
    await Promise.all([desk.heardOf('CALL_INCOMING'), soft.heardOf('CALL_INCOMING')]);
    soft.accept();
    const outcome = await attempt.outcome;
    if (!outcome.ok) throw new Error(outcome.cause);
    await desk.heardOf('CALL_CLOSED');
    expect(soft.events.some(({ type }) => type === 'CALL_CLOSED')).toBe(false);
    await outcome.leg.end('system-hangup');
    await soft.heardOf('CALL_CLOSED');
    const again = await ring('alice');
    await desk.heardOf('CALL_INCOMING', { count: 2 });
    await soft.heardOf('CALL_INCOMING', { count: 2 });
    // baresip declines with 486: the other goes on ringing.
    soft.hangUp();
    await soft.heardOf('CALL_CLOSED', { count: 2 });
    desk.accept();
    const second = await again.attempt.outcome;
    expect(second.ok).toBe(true);
    if (second.ok) await second.leg.end('system-hangup');
  });
});

describe('the running system', () => {
  it('takes a phone that was given its password on the command line, and no longer when it was taken away', async () => {
    const system = await startSystem({ flows: 'flows/sample' });
    running.push(system);
    const added = await denwaban(['phone', 'add', 'hanako', '--username', 'hanako-test'], system.environment);
    const password = /password (\S+)/.exec(added.output)?.[1];
    if (!password) throw new Error(added.output);
    const register = { server: `127.0.0.1:${system.sipPort}`, password };
    const phone = await Baresip.start({ user: 'hanako-test', register });
    running.push(phone);
    expect(await phone.registration()).toBe('200 OK');
    await denwaban(['phone', 'remove', 'hanako', 'hanako-test'], system.environment);
    const late = await Baresip.start({ user: 'hanako-test', register });
    running.push(late);
    expect(await late.registration()).toContain('403');
  });
});
