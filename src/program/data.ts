import { prepareFirstStart } from '../cli/first-start.ts';
import { prepareDataDir } from '../data-dir.ts';
import { systemClock as clock } from '../kernel/clock.ts';
import { createTargetGuard } from '../outbox/target-guard.ts';
import type { ProgramContext } from './context.ts';
import { lockDataDir } from './data-lock.ts';
import { flowFolder, phoneRealm, sampleFolder } from './paths.ts';
import { openLedger, startOutbox } from './records.ts';
import { connectRedis } from './redis.ts';
import { openStores } from './stores.ts';

/** Everything that keeps something: database, Redis, journal, outbox. `secrets` are to be shown once. */
export async function openData(context: ProgramContext) {
  const { config, passwords, logger, shutdown } = context;
  prepareDataDir(config.dataDir);
  lockDataDir(config.dataDir, shutdown);
  const stores = await openStores(config, logger);
  shutdown.add('database', () => stores.sql.close());
  const { data, facts } = stores;
  const shared = { data, facts, flowFolder, passwords, phoneRealm, targets: createTargetGuard(config) };
  const { secrets } = await prepareFirstStart({ sampleFolder, clock, ...shared });
  const redis = await connectRedis(context);
  const ledger = await openLedger(config, stores, logger, shutdown);
  const outbox = startOutbox(config, stores, logger, shutdown);
  return { stores, shared, secrets, redis, ledger, outbox };
}

export type Data = Awaited<ReturnType<typeof openData>>;
