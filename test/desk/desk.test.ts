import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { QueueSettings } from '../../src/accounts/queues.ts';
import type { DeskTicket } from '../../src/desk/desk.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { newId } from '../../src/kernel/ids.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import { openRedis } from '../../src/store/redis/open-redis.ts';
import { Controller, deskLeaseMs } from '../support/desk-controller.ts';
import { agentOf, queueOf, requestOf } from '../support/desk-harness.ts';
import { eventually } from '../support/poll.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';

const leaseMs = deskLeaseMs;

let server: TestRedis;
let admin: Redis;

beforeAll(async () => {
  server = await startRedis({ appendonly: true });
  admin = new Redis(server.url);
  // Redis is stopped on purpose; it connects again by itself.
  admin.on('error', () => undefined);
});

afterAll(async () => {
  admin.disconnect();
  await server.stop();
});

describe('desks of two controllers on one Redis', () => {
  let prefix: string;
  let one: Controller;
  let two: Controller;
  const opened: Controller[] = [];

  const open = async (id: string) => {
    const redis = await openRedis(server.url, { clock: systemClock, logger: silentLogger });
    const controller = new Controller(id, redis, prefix);
    opened.push(controller);
    await controller.desk.start();
    return controller;
  };

  const stateOf = async (agentId: string) => (await two.store.findAgent(agentId))?.state;
  const isIn = (agentId: string, state: string) =>
    eventually(`${agentId} is ${state}`, async () => (await stateOf(agentId)) === state);
  const signIn = async (agentId: string) => {
    await two.store.putAgent(agentOf(agentId));
    await two.store.setAgentState(agentId, 'available');
  };
  const setUp = (settings: Partial<QueueSettings>) => two.store.putQueue(queueOf(settings));

  beforeEach(async () => {
    prefix = newId('desk');
    one = await open('one');
    two = await open('two');
    await setUp({});
  });

  afterEach(async () => {
    for (const controller of opened.splice(0)) {
      await controller.desk.stop();
      await controller.redis.close();
    }
    const calls = (await admin.keys(`${prefix}:{desk}:*`)).filter((key) => /:(call|offer|ringing|offers):/.test(key));
    expect(calls).toEqual([]);
  });

  it('ring for the caller at the controller that has the call, wherever the agent became free', async () => {
    const a = await one.offer('a');
    const b = await two.offer('b');
    expect([a.position, b.position]).toEqual([1, 2]);
    await signIn('ann');
    await one.hears('ring a ann for アクメ');
    expect(two.told.filter((line) => line.startsWith('ring'))).toEqual([]);
    a.ringing(one.offerOf('ann'));
    expect(await a.answered(one.offerOf('ann'))).toBe(true);
    a.connected(one.offerOf('ann'));
    await isIn('ann', 'talking');
    await two.hears('place b 1');
    a.parted(one.offerOf('ann'), 'done');
    await two.hears('ring b ann for アクメ');
    a.leave('done');
    b.missed(two.offerOf('ann'), 'refused');
    await isIn('ann', 'available');
    b.leave('abandoned');
  });

  it('stop the phone in the moment the caller leaves, and free the agent', async () => {
    await signIn('ann');
    const a = await one.offer('a');
    await one.hears('ring a ann for アクメ');
    a.ringing(one.offerOf('ann'));
    a.leave('abandoned');
    expect(one.told.at(-1)).toBe('stop a ann');
    await isIn('ann', 'available');
    expect(await a.answered(one.offerOf('ann'))).toBe(false);
  });

  it('ring nobody before the call has its ticket', async () => {
    await signIn('ann');
    for (let round = 0; round < 20; round++) {
      let ticket: DeskTicket | undefined;
      const rungWith: unknown[] = [];
      const listener = one.listener(`a${round}`);
      listener.ring = () => rungWith.push(ticket);
      const given = await one.desk.offer(requestOf(`a${round}`), listener);
      if ('refused' in given) throw new Error('refused');
      ticket = given;
      await eventually('ann is rung', () => rungWith.length > 0, { everyMs: 1 });
      expect(rungWith).toEqual([ticket]);
      ticket.leave('abandoned');
      await isIn('ann', 'available');
    }
  });

  it('take a call again that has only just left', async () => {
    await signIn('ann');
    for (let round = 1; round <= 3; round++) {
      const a = await one.offer('a');
      await eventually('ann is rung', () => one.told.filter((line) => line.startsWith('ring a')).length === round);
      a.leave('overflow');
    }
    await isIn('ann', 'available');
  });

  it('say in whose line a caller is whom overflow has moved, also to those who missed it', async () => {
    await setUp({ maxWaitMs: 5_000, noAgentsMs: 0, overflow: [{ type: 'queue', queueId: 'second' }] });
    await setUp({ queueId: 'second' });
    const a = await one.offer('a');
    await one.hears('moved a second');
    expect(one.told.filter((line) => line.startsWith('moved'))).toEqual(['moved a second']);
    // As a message that was lost would have: what there is to act on says it again.
    expect((await one.store.pending('one')).moved).toEqual([{ callId: 'a', queueId: 'second' }]);
    const taken = await two.desk.resume('a', two.listener('a'));
    expect(taken?.found).toMatchObject({ state: 'waiting', queueId: 'second' });
    await taken?.callBackLater();
    await two.store.putAgent(agentOf('ann', { queues: ['second'] }));
    await two.store.setAgentState('ann', 'available');
    const turn = await eventually('a turn', () => [...one.callBacks, ...two.callBacks][0]);
    expect([...one.queuesOfCallBacks, ...two.queuesOfCallBacks]).toEqual(['second']);
    turn.leave('done');
    a.leave('done');
  });

  it('refuse by name', async () => {
    await setUp({ queueId: 'short', maxLength: 1 });
    const shut = { timezone: 'Asia/Tokyo', open: [{ dates: ['2001-01-01'] }], closedDays: [] };
    await setUp({ queueId: 'shut', hours: shut });
    const ask = (callId: string, queueId: string) =>
      one.desk.offer(requestOf(callId, { queueId }), one.listener(callId));
    const first = await ask('a', 'short');
    expect(await ask('b', 'short')).toEqual({ refused: 'full' });
    expect(await ask('c', 'shut')).toEqual({ refused: 'closed' });
    expect(await ask('d', 'none')).toEqual({ refused: 'unknown-queue' });
    if (!('refused' in first)) first.leave('abandoned');
  });

  it('tell those who wait of their places a few at a time, and each of them soon', async () => {
    const asked: number[] = [];
    const { places } = one.store;
    one.store.places = (callIds) => {
      asked.push(callIds.length);
      return places.call(one.store, callIds);
    };
    const calls = Array.from({ length: 60 }, (_, index) => `call-${index}`);
    const tickets = await Promise.all(calls.map((callId) => one.offer(callId)));
    const placesTold = () =>
      new Set(one.told.filter((line) => line.startsWith('place')).map((line) => line.split(' ')[1]));
    await eventually('all to be told', () => placesTold().size === 60, { everyMs: 5 });
    expect(Math.max(...asked)).toBeLessThanOrEqual(25);
    tickets[0]?.leave('done');
    await one.hears('place call-59 59');
    for (const ticket of tickets) ticket.leave('done');
  });

  it('deliver an offer although the pub/sub connection was cut when it was made', async () => {
    const a = await one.offer('a');
    await admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await signIn('ann');
    await one.hears('ring a ann for アクメ');
    a.leave('abandoned');
  });

  it('go on after Redis was away: what was told meanwhile arrives, in order', async () => {
    await signIn('ann');
    const a = await one.offer('a');
    const b = await two.offer('b');
    await one.hears('ring a ann for アクメ');
    a.ringing(one.offerOf('ann'));
    await isIn('ann', 'ringing');
    await server.halt('SIGKILL');
    a.leave('abandoned');
    await server.resume();
    await two.hears('ring b ann for アクメ', 10_000);
    b.leave('abandoned');
  });

  it('put their callers back, with the age, where Redis has come back empty', async () => {
    const a = await one.offer('a');
    const b = await two.offer('b');
    await admin.flushall();
    await setUp({});
    await eventually('both are back', async () => (await two.store.places(['a', 'b'])).length === 2);
    await signIn('ann');
    await one.hears('ring a ann for アクメ');
    expect(await two.store.places(['b'])).toMatchObject([{ position: 2 }]);
    a.leave('abandoned');
    b.leave('abandoned');
  });

  it('keep everybody in place over a restart of Redis that takes longer than the leases', async () => {
    const a = await one.offer('a');
    const b = await two.offer('b');
    await signIn('ann');
    await one.hears('ring a ann for アクメ');
    a.ringing(one.offerOf('ann'));
    await isIn('ann', 'ringing');
    const goneAtMs = systemClock.monotonicMs();
    await server.halt('SIGKILL');
    await eventually('the leases are over', () => systemClock.monotonicMs() > goneAtMs + 1.5 * leaseMs);
    await server.resume();
    await eventually('Redis is back', () => one.redis.isReady() && two.redis.isReady());
    expect(await a.answered(one.offerOf('ann'))).toBe(true);
    a.connected(one.offerOf('ann'));
    await isIn('ann', 'talking');
    expect(one.told.filter((line) => line.startsWith('stop') || line.startsWith('lost'))).toEqual([]);
    a.leave('done');
    await two.hears('ring b ann for アクメ');
    b.leave('done');
  });

  it('lose nobody when a controller is killed: the agent is free, the caller re-offered by who takes the call over', async () => {
    await signIn('ann');
    await one.offer('a');
    await one.hears('ring a ann for アクメ');
    one.kill();
    await isIn('ann', 'available');
    const b = await two.offer('b');
    await two.hears('ring b ann for アクメ');
    const a = await two.desk.resume('a', two.listener('a'));
    expect(a?.found.state).toBe('waiting');
    b.missed(two.offerOf('ann'), 'no-answer');
    await two.hears('ring a ann for アクメ');
    a?.leave('done');
    b.leave('done');
    opened.shift();
  });

  it('keep agent and caller together when the controller is killed while they talk', async () => {
    await signIn('ann');
    const first = await one.offer('a');
    await one.hears('ring a ann for アクメ');
    expect(await first.answered(one.offerOf('ann'))).toBe(true);
    first.connected(one.offerOf('ann'));
    await isIn('ann', 'talking');
    one.kill();
    const a = await two.desk.resume('a', two.listener('a'));
    expect(a?.found).toMatchObject({ state: 'talking', agentId: 'ann' });
    await eventually('the lease is over', async () => (await admin.zscore(`${prefix}:{desk}:leases`, 'one')) === null);
    expect(await stateOf('ann')).toBe('talking');
    a?.parted(a.found.offerId ?? '', 'agent-lost');
    await signIn('bob');
    await two.hears('ring a bob for アクメ');
    a?.leave('done');
    opened.shift();
  });

  it('call back in turn whoever has hung up, through any controller, and again when an agent misses it', async () => {
    await setUp({ skipMs: 100, missesBeforePause: 5 });
    const a = await one.offer('a');
    const b = await two.offer('b');
    expect(await a.callBackLater()).toBe(true);
    one.kill();
    opened.shift();
    expect(await two.store.places(['a', 'b'])).toMatchObject([{ position: 1 }, { position: 2 }]);
    await eventually('the lease is over', async () => (await admin.zscore(`${prefix}:{desk}:leases`, 'one')) === null);
    await signIn('ann');
    await two.hears('ring a ann for アクメ');
    expect(two.told.indexOf('call back a')).toBeLessThan(two.told.indexOf('ring a ann for アクメ'));
    two.callBacks[0]?.missed(two.offerOf('ann'), 'no-answer');
    await two.hears('lost a');
    await two.hears('ring b ann for アクメ');
    b.leave('abandoned');
    await eventually('the second turn', () => two.callBacks.length === 2);
    const again = two.callBacks[1];
    await eventually('ann is rung again', () => two.told.filter((line) => line.startsWith('ring a')).length === 2);
    expect(await again?.answered(two.offerOf('ann'))).toBe(true);
    again?.connected(two.offerOf('ann'));
    await isIn('ann', 'talking');
    again?.parted(two.offerOf('ann'), 'done');
    again?.leave('done');
    await isIn('ann', 'available');
  });

  it('move and drop whoever waits to be called back, for a supervisor', async () => {
    await setUp({});
    const order = (queueId: string) => two.desk.orderCallBack('a', { type: 'move', queueId });
    const shut = { timezone: 'Asia/Tokyo', open: [{ dates: ['2001-01-01'] }], closedDays: [] };
    await one.store.putQueue(queueOf({ queueId: 'closed', hours: shut }));
    await one.store.putQueue(queueOf({ queueId: 'other' }));
    expect(await (await one.offer('a')).callBackLater()).toBe(true);
    expect(await order('nowhere')).toEqual({ ok: false, reason: 'unknown-queue' });
    expect(await order('closed')).toEqual({ ok: false, reason: 'closed' });
    expect(await order('other')).toEqual({ ok: true });
    expect((await two.store.listLine('other', 5)).map(({ callId }) => callId)).toEqual(['a']);
    expect(await two.desk.orderCallBack('a', { type: 'end' })).toEqual({ ok: true });
    expect(await two.desk.orderCallBack('a', { type: 'end' })).toEqual({ ok: false, reason: 'no-such-call' });
    expect(await order('other')).toEqual({ ok: false, reason: 'no-such-call' });
  });

  it('call back again later whom nobody has reached: the agent is free at once, the turn is over', async () => {
    await setUp({ missesBeforePause: 1 });
    const a = await one.offer('a');
    expect(await a.callBackLater()).toBe(true);
    await signIn('ann');
    await eventually('the first turn', () => one.callBacks.length + two.callBacks.length === 1);
    const first = one.callBacks.length === 1 ? one : two;
    await first.hears('ring a ann for アクメ');
    expect(await first.callBacks[0]?.answered(first.offerOf('ann'))).toBe(true);
    const again = { againMs: 200, attemptsMax: 2 };
    expect(await first.callBacks[0]?.notReached(first.offerOf('ann'), again)).toBe(true);
    expect(first.told).toContain('lost a');
    await isIn('ann', 'available');
    await eventually('the second turn', () => one.callBacks.length + two.callBacks.length === 2);
    const second = [one, two].find((each) => each !== first && each.callBacks.length > 0) ?? first;
    const rings = second === first ? 2 : 1;
    await eventually(
      'ann is rung again',
      () => second.told.filter((line) => line.startsWith('ring a')).length === rings,
    );
    expect(await second.callBacks.at(-1)?.notReached(second.offerOf('ann'), again)).toBe(false);
    await isIn('ann', 'available');
  });

  it('tell a controller that was only slow whom it has lost, and give back the rest', async () => {
    const a = await one.offer('a');
    const b = await one.offer('b');
    // `one` hangs for longer than its lease.
    const { promise: awake, resolve: wake } = Promise.withResolvers<void>();
    const { extend } = one.store;
    one.store.extend = (...args) => awake.then(() => extend.apply(one.store, args));
    await eventually('the lease is over', async () => {
      // Each time: a renewal may have been under way.
      await two.store.extend('one', 1);
      await two.store.tick();
      return (await admin.zscore(`${prefix}:{desk}:leases`, 'one')) === null;
    });
    await two.desk.resume('a', two.listener('a'));
    wake();
    await one.hears('lost a');
    await signIn('ann');
    await two.hears('ring a ann for アクメ');
    await signIn('bob');
    await one.hears('ring b bob for アクメ');
    a.leave('done');
    b.leave('done');
    await two.store.leave('a');
  });
});
