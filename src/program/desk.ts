import type { PhoneRegistrations } from '../call/phones.ts';
import type { Config } from '../config.ts';
import { startAgentHistory } from '../desk/agent-history-shipper.ts';
import { createDesk, type DeskOptions } from '../desk/desk.ts';
import { SettingsMirror } from '../desk/settings-mirror.ts';
import { startIntakes } from '../desk/start-intakes.ts';
import { systemClock as clock } from '../kernel/clock.ts';
import { newId } from '../kernel/ids.ts';
import type { Logger } from '../kernel/logger.ts';
import type { Shutdown } from '../kernel/shutdown.ts';
import type { RedisConnection } from '../store/redis/open-redis.ts';
import { RedisDeskStore } from '../store/redis/redis-desk-store.ts';
import { RedisDeskView } from '../store/redis/redis-desk-view.ts';
import type { WatchedStores } from './stores.ts';

/** The answering desk, with agents' and queues' settings as the database has them. */
export async function startDesk(
  config: Config,
  redis: RedisConnection,
  { data, known }: WatchedStores,
  logger: Logger,
  shutdown: Shutdown,
  { onReported, onCallBack }: { onReported: () => void; onCallBack: DeskOptions['onCallBack'] & {} },
) {
  const controllerId = newId('controller');
  const deskStore = new RedisDeskStore(redis);
  const mirror = new SettingsMirror({ ...data, known, store: deskStore, clock, logger });
  shutdown.add('desk settings', () => mirror.stop());
  await mirror.start();
  const { accounts } = known;
  const isSuspended = async (id: string) => (await accounts.findAccount(id))?.answeringService === 'suspended';
  const desk = createDesk({ store: deskStore, clock, logger, controllerId, onCallBack, isSuspended });
  shutdown.add('desk', () => desk.stop());
  await desk.start();
  startAgentHistory({ desk: deskStore, view: new RedisDeskView(redis), data, clock, logger, shutdown });
  const reportAfterMs = config.intakeReportMinutes * 60_000;
  const intaking = startIntakes({ data, desk: deskStore, onReported, reportAfterMs, clock, logger, shutdown });
  return { controllerId, desk, deskStore, ...intaking };
}

export type DeskRoom = Awaited<ReturnType<typeof startDesk>>;
/** The people whom calls ask for. */
export function peopleAt(
  room: DeskRoom,
  { registry }: PhoneRegistrations,
  { cards }: Pick<WatchedStores['known'], 'cards'>,
) {
  return {
    ...{ desk: room.desk, intake: room.opener, phonesOf: (agentId: string) => registry.contactsOf(agentId) },
    recordingPolicy: async (accountId: string) => (await cards.find(accountId))?.recording,
  };
}
