import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CallOrder, orderDone, orderRefused } from '../../src/desk/call-orders.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { newId } from '../../src/kernel/ids.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import { openRedis, type RedisConnection } from '../../src/store/redis/open-redis.ts';
import { RedisCallOrders } from '../../src/store/redis/redis-call-orders.ts';
import { RedisCallStateStore } from '../../src/store/redis/redis-call-state-store.ts';
import { DeskBench } from '../support/desk-harness.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';
import { eventually } from '../support/poll.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';

const options = { clock: systemClock, logger: silentLogger };
let server: TestRedis;
let redis: RedisConnection;
const open: RedisCallOrders[] = [];

beforeAll(async () => {
  server = await startRedis();
  redis = await openRedis(server.url, options);
});
afterAll(async () => {
  for (const orders of open) orders.close();
  await redis.close();
  await server.stop();
});

/** A sender and two controllers in processes of their own, as far as Redis can tell. */
async function world({ clock = systemClock } = {}) {
  const prefix = newId('orders');
  const states = new RedisCallStateStore(redis, prefix);
  const make = () => {
    const orders = new RedisCallOrders(redis, {
      ...options,
      clock,
      prefix,
      ownerOf: (callId) => states.ownerOf(callId),
    });
    open.push(orders);
    return orders;
  };
  const given: string[] = [];
  const controller = async (name: string, answer = async (_order: CallOrder) => orderDone) => {
    const handle = make().listen(name, (callId, order) => {
      given.push(`${name} ${callId} ${JSON.stringify(order)}`);
      return answer(order);
    });
    const channel = `${prefix}:{desk}:orders:${name}`;
    await eventually('the controller to listen', async () => {
      const [, listeners] = (await redis.client.pubsub('NUMSUB', channel)) as [string, number];
      return listeners === 1;
    });
    return handle;
  };
  const owns = (name: string, callId: string) => states.save(name, { callId, savedAtMs: 1, state: {} });
  return { prefix, make, given, controller, owns };
}

describe('orders to calls in progress, over Redis', () => {
  it('reach the controller that drives the call, whole, and bring back its answer', async () => {
    const { make, given, controller, owns } = await world();
    await controller('c1');
    await controller('c2', async (order) => (order.type === 'hold' ? orderRefused('not-talking') : orderDone));
    await owns('c1', 'call-1');
    await owns('c2', 'call-2');
    const sender = make();
    const transfer = { type: 'transfer', to: { type: 'number', number: '0312345678' } } as const;
    const answers = await Promise.all([
      sender.send('call-1', { type: 'hold', held: true }),
      sender.send('call-2', { type: 'hold', held: true }),
      sender.send('call-2', transfer),
    ]);
    expect(answers).toEqual([{ ok: true }, { ok: false, reason: 'not-talking' }, { ok: true }]);
    expect(given.toSorted()).toEqual([
      'c1 call-1 {"type":"hold","held":true}',
      'c2 call-2 {"type":"hold","held":true}',
      `c2 call-2 ${JSON.stringify(transfer)}`,
    ]);
  });

  it('a call that nobody drives', async () => {
    const { make } = await world();
    expect(await make().send('call-9', { type: 'end' })).toEqual({ ok: false, reason: 'no-such-call' });
  });

  it('a controller that does not answer: told so after 3 s', async () => {
    const clock = new FakeClock();
    const { make, given, controller, owns } = await world({ clock });
    await controller('c1', () => new Promise<never>(() => undefined));
    await owns('c1', 'call-1');
    const answer = make().send('call-1', { type: 'end' });
    await eventually('the order to arrive', () => given.length === 1);
    await clock.advance(2_999);
    const early = await Promise.race([answer, settle().then(() => 'waits')]);
    expect(early).toBe('waits');
    await clock.advance(1);
    expect(await answer).toEqual({ ok: false, reason: 'unanswered' });
  });

  it('a controller that is gone: told so after 3 s', async () => {
    const clock = new FakeClock();
    const { make, controller, owns } = await world({ clock });
    await (await controller('c1')).close();
    await owns('c1', 'call-1');
    const answer = make().send('call-1', { type: 'end' });
    await clock.advance(3_000);
    expect(await answer).toEqual({ ok: false, reason: 'unanswered' });
  });

  it('says whose the call is, and who talks', async () => {
    const bench = await DeskBench.open(redis, {}, ['ann']);
    const orders = new RedisCallOrders(redis, { ...options, prefix: bench.prefix, ownerOf: async () => undefined });
    open.push(orders);
    expect(await orders.find('a')).toBeUndefined();
    await bench.enqueue('a');
    expect(await orders.find('a')).toEqual({ accountId: 'acme', state: 'offered', agentId: undefined });
    await bench.talk('ann');
    expect(await orders.find('a')).toEqual({ accountId: 'acme', state: 'talking', agentId: 'ann' });
  });
});
