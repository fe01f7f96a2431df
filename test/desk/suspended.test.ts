import { afterAll, beforeAll, expect, it } from 'vitest';
import { createDesk, type DeskListener } from '../../src/desk/desk.ts';
import { systemClock as clock } from '../../src/kernel/clock.ts';
import { silentLogger as logger } from '../../src/kernel/logger.ts';
import { openRedis, type RedisConnection } from '../../src/store/redis/open-redis.ts';
import { RedisDeskStore } from '../../src/store/redis/redis-desk-store.ts';
import { queueOf, requestOf } from '../support/desk-harness.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';

let server: TestRedis;
let redis: RedisConnection;
beforeAll(async () => {
  server = await startRedis();
  redis = await openRedis(server.url, { clock, logger });
});
afterAll(async () => {
  await redis.close();
  await server.stop();
});

const deaf: DeskListener = {
  ring: () => undefined,
  stopRinging: () => undefined,
  movedTo: () => undefined,
  progress: () => undefined,
  overflow: () => undefined,
  lost: () => undefined,
};

it('nobody new is let in for an account whose answering service is suspended; who waits, waits; and who cannot be told is let in', async () => {
  const store = new RedisDeskStore(redis);
  let answer: () => Promise<boolean> = async () => false;
  const desk = createDesk({ store, clock, logger, controllerId: 'one', isSuspended: () => answer() });
  await desk.start();
  const { queueId } = queueOf({});
  await store.putQueue(queueOf({}));
  const ask = (callId: string) => desk.offer(requestOf(callId, { queueId }), deaf);
  const waiting = async () => (await store.places(['a', 'b', 'c', 'd'])).map(({ callId }) => callId).toSorted();
  await ask('a');
  answer = async () => true;
  expect(await ask('b')).toEqual({ refused: 'suspended' });
  expect(await waiting()).toEqual(['a']);
  answer = () => Promise.reject(new Error('the database is away'));
  expect(await ask('c')).toMatchObject({ position: 2 });
  // It hangs: the caller does not.
  answer = () => new Promise(() => undefined);
  expect(await ask('d')).toMatchObject({ position: 3 });
  expect(await waiting()).toEqual(['a', 'c', 'd']);
  await desk.stop();
});
