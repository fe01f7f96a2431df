import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Clock, systemClock } from '../../src/kernel/clock.ts';
import { newId } from '../../src/kernel/ids.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import { openRedis } from '../../src/store/redis/open-redis.ts';
import { Controller } from '../support/desk-controller.ts';
import { agentOf, queueOf } from '../support/desk-harness.ts';
import { eventually } from '../support/poll.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';

let server: TestRedis;
let admin: Redis;

beforeAll(async () => {
  server = await startRedis();
  admin = new Redis(server.url);
});

afterAll(async () => {
  admin.disconnect();
  await server.stop();
});

describe('the desk of one controller', () => {
  let one: Controller;
  /** Of the clock by which it takes time, ahead of the real one. */
  let aheadMs: number;

  beforeEach(async () => {
    aheadMs = 0;
    const clock: Clock = { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + aheadMs };
    const redis = await openRedis(server.url, { clock: systemClock, logger: silentLogger });
    one = new Controller('one', redis, newId('desk'), clock);
    await one.desk.start();
    await putSettings();
  });

  afterEach(async () => {
    await one.desk.stop();
    await one.redis.close();
    await admin.flushall();
  });

  const putSettings = async () => {
    await one.store.putQueue(queueOf({ wrapUpMs: 60_000 }));
    await one.store.putQueue(queueOf({ queueId: 'second' }));
  };
  const signIn = async (agentId: string, queues = ['main']) => {
    await one.store.putAgent(agentOf(agentId, { queues }));
    await one.store.setAgentState(agentId, 'available');
  };
  const stateOf = async (agentId: string) => (await one.store.findAgent(agentId))?.state;
  const isIn = (agentId: string, state: string) =>
    eventually(`${agentId} is ${state}`, async () => (await stateOf(agentId)) === state);
  const inLine = async (queueId = 'main') => (await one.store.listLine(queueId, 9)).map(({ callId }) => callId).sort();
  /** Redis has lost everything; the settings are copied again. */
  const loseAll = async () => {
    await admin.flushall();
    await putSettings();
  };
  async function talk(callId: string, agentId: string) {
    const ticket = await one.offer(callId);
    await signIn(agentId);
    await one.hears(`ring ${callId} ${agentId} for アクメ`);
    const offerId = one.offerOf(agentId);
    expect(await ticket.answered(offerId)).toBe(true);
    ticket.connected(offerId);
    await isIn(agentId, 'talking');
    return { ticket, offerId };
  }

  describe('where Redis has come back empty', () => {
    it('does not put a caller into the line who talks to somebody outside', async () => {
      const { ticket, offerId } = await talk('outside', 'ann');
      ticket.parted(offerId, 'done');
      await isIn('ann', 'wrap-up');
      const waits = await one.offer('waits');
      await loseAll();
      await eventually('the other is back', async () => (await inLine()).length > 0);
      await signIn('bob');
      await one.hears('ring waits bob for アクメ');
      expect(await inLine()).toEqual(['waits']);
      await signIn('cho');
      expect(await stateOf('cho')).toBe('available');
      // The number outside has hung up on them: now they wait, and are served.
      expect(await ticket.backToHead()).toBe(true);
      await one.hears('ring outside cho for アクメ');
      ticket.leave('done');
      waits.leave('done');
    });

    it('does not put a caller into the line for whom a step of the overflow is done, until that has failed', async () => {
      const overflow = [{ type: 'transfer' as const, number: '0312345678' }];
      await one.store.putQueue(queueOf({ noAgentsMs: 0, overflow }));
      const held = await one.offer('held');
      await one.hears('overflow held transfer');
      const waits = await one.offer('waits', { queueId: 'second' });
      await loseAll();
      await eventually('the other is back', async () => (await inLine('second')).length > 0);
      await signIn('ann');
      expect(await stateOf('ann')).toBe('available');
      expect(await inLine()).toEqual([]);
      held.overflowFailed();
      await one.hears('ring held ann for アクメ');
      held.leave('done');
      waits.leave('done');
    });

    it('puts callers back also where their queue is known again only later', async () => {
      const a = await one.offer('a');
      await admin.flushall();
      const key = `${one.prefix}:{desk}:leases`;
      await eventually('the controller is back', async () => (await admin.zscore(key, 'one')) !== null);
      await putSettings();
      await eventually('the caller is back', async () => (await inLine()).length > 0);
      await signIn('ann');
      await one.hears('ring a ann for アクメ');
      a.leave('done');
    });
  });

  describe('that is told too late whether a caller was handed to a queue', () => {
    /** Done, or not; the answer comes after all patience. */
    const answersLate = (isDone: boolean) => {
      const { transferTo } = one.store;
      one.store.transferTo = async (...args) => {
        const result = isDone ? await transferTo.apply(one.store, args) : undefined;
        aheadMs += 5_000;
        return result ?? { outcome: 'gone' };
      };
    };

    it.each([true, false])('leaves caller and agent together (done: %s)', async (isDone) => {
      const { ticket, offerId } = await talk('a', 'ann');
      await signIn('bob', ['second']);
      answersLate(isDone);
      expect(await ticket.handToQueue('second')).toBe('gone');
      expect(await stateOf('ann')).toBe('talking');
      expect(await inLine('second')).toEqual([]);
      await isIn('bob', 'available');
      // As ever afterwards: handed to nobody, and parted.
      ticket.parted(offerId, 'done');
      await isIn('ann', 'wrap-up');
      ticket.leave('done');
    });

    it('follows where the agent has another caller by then', async () => {
      await one.store.putQueue(queueOf({ wrapUpMs: 0 }));
      const { ticket } = await talk('a', 'ann');
      const b = await one.offer('b');
      answersLate(true);
      expect(await ticket.handToQueue('second')).toBe('queued');
      expect(await inLine('second')).toEqual(['a']);
      await signIn('bob', ['second']);
      await one.hears('ring a bob for アクメ');
      ticket.leave('done');
      b.leave('done');
    });
  });

  it('lets the phone ring on that is rung for a caller the moment they are handed to its queue', async () => {
    const { ticket } = await talk('a', 'ann');
    await signIn('bob', ['second']);
    const { transferTo } = one.store;
    one.store.transferTo = async (...args) => {
      const result = await transferTo.apply(one.store, args);
      await one.hears('ring a bob for アクメ');
      return result;
    };
    expect(await ticket.handToQueue('second')).toBe('queued');
    expect(one.told.filter((line) => line.startsWith('stop'))).toEqual([]);
    expect(await ticket.answered(one.offerOf('bob'))).toBe(true);
    ticket.leave('done');
  });
});
