import { join } from 'node:path';
import type { PhoneCredentialStore } from '../accounts/phone-credentials.ts';
import type { PhoneRegistrations } from '../call/phones.ts';
import type { CallService } from '../call/service.ts';
import { endingPauses } from '../desk/phone-back.ts';
import { systemClock as clock } from '../kernel/clock.ts';
import type { Logger } from '../kernel/logger.ts';
import type { Shutdown } from '../kernel/shutdown.ts';
import { openRedis, type RedisConnection } from '../store/redis/open-redis.ts';
import { startPrivateRedis } from '../store/redis/private-redis.ts';
import { RedisCallOrders } from '../store/redis/redis-call-orders.ts';
import type { RedisCallStateStore } from '../store/redis/redis-call-state-store.ts';
import { RedisDeskStore } from '../store/redis/redis-desk-store.ts';
import { RedisPhoneRegistry } from '../store/redis/redis-phone-registry.ts';
import { RedisRegistrationGuard } from '../store/redis/redis-registration-guard.ts';
import type { ProgramContext } from './context.ts';
import { phoneRealm } from './paths.ts';

/** The configured Redis, or a private one started here. Calls are answered without it: only people can't be asked. */
export async function connectRedis({ config, logger, shutdown, board }: ProgramContext) {
  const privateRedis = config.redisUrl
    ? undefined
    : await startPrivateRedis({ folder: join(config.dataDir, 'redis'), clock, logger });
  if (privateRedis) shutdown.add('private Redis', () => privateRedis.stop());
  const redis = await openRedis(config.redisUrl ?? privateRedis?.socketPath ?? '', { clock, logger });
  shutdown.add('Redis connection', () => redis.close());
  board.add('redis', () => redis.health());
  return redis;
}

/** Where agents' phones register, and by what they prove who they are. */
export function phoneRegistrations(
  redis: RedisConnection,
  phones: Pick<PhoneCredentialStore, 'findForDigest'>,
  logger: Logger,
): PhoneRegistrations {
  return {
    realm: phoneRealm,
    registry: endingPauses(new RedisPhoneRegistry(redis), { desk: new RedisDeskStore(redis), logger }),
    guard: new RedisRegistrationGuard(redis),
    credentials: { find: (username) => phones.findForDigest(username) },
  };
}

/** Orders to calls in progress: heard for this controller's, sent for all. */
export function openOrders(
  redis: RedisConnection,
  states: RedisCallStateStore,
  on: { controllerId: string; calls: CallService; logger: Logger; shutdown: Shutdown },
) {
  const { controllerId, calls, logger, shutdown } = on;
  const orders = new RedisCallOrders(redis, { ownerOf: (callId) => states.ownerOf(callId), clock, logger });
  const inbox = orders.listen(controllerId, (callId, order) => calls.order(callId, order));
  shutdown.add('call orders', () => inbox.close().then(() => orders.close()));
  return orders;
}
