import { DeskLive } from '../desk/live.ts';
import { systemClock as clock } from '../kernel/clock.ts';
import { RedisDeskView } from '../store/redis/redis-desk-view.ts';
import { RedisPhoneRegistry } from '../store/redis/redis-phone-registry.ts';
import { SqlAttemptStore } from '../store/sql/sql-session-store.ts';
import { startHttpServer } from '../web/http-server.ts';
import type { Calls } from './calls.ts';
import type { ProgramContext } from './context.ts';
import type { Data } from './data.ts';
import type { Lines } from './lines.ts';
import { consoleFolder, recordingsFolder } from './paths.ts';
import { openOrders } from './redis.ts';

/** HTTP: `/health`, the API and the console. Gives the port it listens on. */
export async function openPages(context: ProgramContext, dataRoom: Data, lines: Lines, callRoom: Calls) {
  const { config, logger, shutdown, board } = context;
  const { stores, shared, redis, ledger, outbox } = dataRoom;
  const { telephony, revocation } = lines;
  const { calls, states, deskStore, intakes, controllerId } = callRoom;
  const http = await startHttpServer({
    address: config.bindAddress,
    port: config.httpPort,
    health: async () => {
      const { ready, mediaServers } = telephony.status();
      const { ready: partsReady, parts } = board.read();
      return {
        ready: ready && partsReady,
        details: { calls: calls.activeCalls, mediaServers, ledger: ledger.status(), outbox: outbox.status(), parts },
      };
    },
    desk: deskStore,
    deskLive: new DeskLive({
      ...{ store: new RedisDeskView(redis), phones: new RedisPhoneRegistry(redis), clock, logger },
    }),
    callOrders: openOrders(redis, states, { controllerId, calls, logger, shutdown }),
    consoleFolder,
    intakes,
    recordings: { folder: recordingsFolder(config), voicemails: stores.data.voicemails },
    agentHistory: stores.data.agentHistory,
    attempts: new SqlAttemptStore(stores.sql),
    ...shared,
    onPhonesRevoked: () => revocation.look(),
    clock,
    logger,
    publicUrl: config.publicUrl,
    trustedProxies: config.trustedProxies,
  });
  shutdown.add('HTTP', () => http.stop());
  return http.port;
}
