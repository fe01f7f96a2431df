import { Redis } from 'ioredis';
import { type Clock, deadlinePassed, withDeadline } from '../../kernel/clock.ts';
import { DenwabanError, errorMessage } from '../../kernel/errors.ts';
import type { PartHealth } from '../../kernel/health.ts';
import type { Logger } from '../../kernel/logger.ts';
import { loadScripts, type RunScript } from './lua-scripts.ts';
import { redisError } from './redis-errors.ts';
import { RedisWatch } from './redis-watch.ts';

/**
 * A connection that keeps itself up. What callers see when Redis is away: every command rejects with
 * `REDIS_UNAVAILABLE`, at once while there is no connection, else after `commandTimeoutMs`; nothing is queued and
 * nothing is sent twice. A command that was under way when the connection broke may have been carried out.
 * Reconnecting goes on for ever, with pauses that double up to 2 s (0.2 s on a socket of this machine); the first command after that works.
 */
export interface RedisConnection {
  readonly client: Redis;
  readonly runScript: RunScript;
  /** True when a command sent now would reach Redis. */
  isReady(): boolean;
  /** Whether it takes what is written to it, found out every second; for `/health`. */
  health(): PartHealth;
  /**
   * Listens to a pub/sub channel on a connection of its own, which keeps itself up like this one. What is published
   * while it is away is lost: `onConnected` says when it listens (again). Does not wait for that.
   */
  subscribe(channel: string, listener: ChannelListener): Subscription;
  close(): Promise<void>;
}

export interface ChannelListener {
  onMessage(message: string): void;
  onConnected(): void;
}

export interface Subscription {
  close(): void;
}

export interface RedisOptions {
  clock: Clock;
  logger: Logger;
  /** A command without an answer rejects after this. */
  commandTimeoutMs?: number;
  /** How long to try to connect before giving up; where nothing listens at all, 3 s are enough. */
  connectDeadlineMs?: number;
}

/**
 * Refused for this long, connecting is given up before its deadline: a Redis that is starting opens its port within
 * some 0.1 s and reads its data after that (it answers LOADING meanwhile, for which the deadline holds).
 */
const refusedDeadlineMs = 3_000;
const firstRetryMs = 50;
const maxRetryMs = 2_000;
/** On this machine, where a try costs nothing and a supervisor brings Redis back at once. */
const maxLocalRetryMs = 200;

/**
 * Connects to `redis://…`, `rediss://…`, `unix:<path>` or the path of a Unix socket.
 * @throws DenwabanError `REDIS_UNREACHABLE`.
 */
export async function openRedis(url: string, options: RedisOptions): Promise<RedisConnection> {
  const { clock, logger, commandTimeoutMs = 1_000, connectDeadlineMs = 10_000 } = options;
  const longestRetryMs = /^rediss?:/.test(url) ? maxRetryMs : maxLocalRetryMs;
  const client = new Redis(url.replace(/^unix:(\/\/)?/, ''), {
    lazyConnect: true,
    connectionName: 'denwaban',
    connectTimeout: 2_000,
    commandTimeout: commandTimeoutMs,
    // A connection that has gone silent (a pulled cable) is given up and made anew.
    socketTimeout: 3 * commandTimeoutMs,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    retryStrategy: (attempt) => {
      const longestMs = Math.min(longestRetryMs, firstRetryMs * 2 ** Math.min(attempt, 10));
      return Math.round(longestMs * (0.5 + Math.random() / 2));
    },
    // After a fail-over the old primary answers READONLY: connect again, to the new one.
    reconnectOnError: (error) => (error.message.startsWith('READONLY') ? 1 : false),
  });
  let lastError = 'no answer';
  let somebodyThere = false;
  client.on('connect', () => {
    somebodyThere = true;
  });
  client.on('error', (error: unknown) => {
    lastError = errorMessage(error);
    if (!isRefusal(error)) somebodyThere = true;
    logger.debug({ err: lastError }, 'Redis connection error');
  });
  const ready = new Promise<void>((resolve) => client.once('ready', resolve));
  // A failed first attempt is tried again like any other; only the deadlines end it.
  client.connect().catch((error: unknown) => {
    lastError = errorMessage(error);
  });
  const patienceMs = Math.min(refusedDeadlineMs, connectDeadlineMs);
  let outcome = await withDeadline(clock, ready, patienceMs);
  if (outcome === deadlinePassed && somebodyThere) {
    outcome = await withDeadline(clock, ready, connectDeadlineMs - patienceMs);
  }
  if (outcome === deadlinePassed) {
    client.disconnect();
    throw new DenwabanError('REDIS_UNREACHABLE', `no Redis at ${withoutPassword(url)}: ${lastError}`, {
      remedy: 'Start redis-server there, or correct REDIS_URL',
    });
  }
  logOutages(client, logger, () => lastError);
  const watch = new RedisWatch(client, clock);
  watch.start();
  return {
    client,
    runScript: loadScripts(client),
    isReady: () => client.status === 'ready',
    subscribe: (channel, listener) => subscribe(client, logger, channel, listener),
    health: () => watch.health(),
    close: async () => {
      await watch.stop();
      await close(client);
    },
  };
}

/** Nothing listens there, as opposed to no answer so far. */
function isRefusal(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ECONNREFUSED' || code === 'ENOENT';
}

function subscribe(client: Redis, logger: Logger, channel: string, listener: ChannelListener): Subscription {
  const subscriber = client.duplicate({ connectionName: 'denwaban-listener', autoResubscribe: false });
  let isClosed = false;
  const failed = (error: unknown) => {
    if (!isClosed) logger.debug({ err: errorMessage(error) }, 'Redis subscription error');
  };
  subscriber.on('error', failed);
  subscriber.on('message', (_channel: string, message: string) => listener.onMessage(message));
  subscriber.on('ready', () => {
    subscriber.subscribe(channel).then(
      () => listener.onConnected(),
      (error: unknown) => {
        failed(error);
        // Connected but deaf: begin again.
        if (!isClosed) subscriber.disconnect(true);
      },
    );
  });
  subscriber.connect().catch(failed);
  return {
    close: () => {
      isClosed = true;
      subscriber.disconnect();
    },
  };
}

/** One line when it goes, one when it comes back, however many attempts lie between. */
function logOutages(client: Redis, logger: Logger, lastError: () => string): void {
  let isUp = true;
  client.on('close', () => {
    if (isUp) logger.warn({ err: lastError() }, 'Redis is gone');
    isUp = false;
  });
  client.on('ready', () => {
    if (!isUp) logger.info({}, 'Redis is back');
    isUp = true;
  });
}

/** Waits for the answers under way where there is a connection. */
async function close(client: Redis): Promise<void> {
  client.removeAllListeners('close');
  if (client.status === 'ready') {
    try {
      await client.quit();
      return;
    } catch (error) {
      if (redisError(error).code !== 'REDIS_UNAVAILABLE') throw error;
    }
  }
  client.disconnect();
}

function withoutPassword(url: string): string {
  return url.replace(/\/\/[^@/]*@/, '//');
}
