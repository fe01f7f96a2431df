import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { systemClock } from '../../src/kernel/clock.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import { openRedis } from '../../src/store/redis/open-redis.ts';
import { RedisPhoneRegistry } from '../../src/store/redis/redis-phone-registry.ts';
import type { DeskAgent } from '../support/desk-agent.ts';
import { DeskScene } from '../support/desk-scene.ts';
import { eventually } from '../support/poll.ts';
import { denwaban } from '../support/system.ts';

/** A phone that is not ours, registered for longer than the test takes, whose credentials are taken away. */
const people = '0322220001';
let scene: DeskScene;
let hanako: DeskAgent;
let taro: DeskAgent;
beforeAll(async () => {
  scene = await DeskScene.open('test/scenarios/desk');
  hanako = await scene.agent('hanako', 880);
  taro = await scene.agent('taro', 1_200);
});
afterAll(() => scene.close());
afterEach(() => scene.clear());

it('a registered phone is not rung any more once its credentials are removed; the next agent is', async () => {
  await hanako.want('available');
  const before = await scene.caller(people);
  await hanako.phone.heardOf('CALL_INCOMING');
  before.phone.hangUp();
  await scene.atRest();

  const { dataDir, environment } = scene.system;
  const { REDIS_URL = join(dataDir, 'redis', 'redis.sock') } = environment;
  const redis = await openRedis(REDIS_URL, { clock: systemClock, logger: silentLogger });
  const registry = new RedisPhoneRegistry(redis);
  const [registered] = await registry.contactsOf(hanako.agentId);
  expect(registered?.expiresInMs).toBeGreaterThan(15_000);
  expect(await denwaban(['phone', 'remove', 'hanako', 'hanako-1'], environment)).toMatchObject({ code: 0 });
  const isGone = async () => (await registry.contactsOf(hanako.agentId)).length === 0;
  await eventually('the registration to be over', isGone, { timeoutMs: 10_000 });
  await redis.close();

  // Who has been free for longest is asked first: that is hanako.
  await taro.want('available');
  const caller = await scene.caller(people);
  await taro.phone.heardOf('CALL_INCOMING');
  await hanako.reaches('break');
  expect([hanako.phone.rung, taro.phone.rung]).toEqual([1, 1]);
  caller.phone.hangUp();
  await scene.atRest();
});
