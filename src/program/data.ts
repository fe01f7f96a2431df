import { prepareFirstStart } from '../cli/first-start.ts';
import { prepareDataDir, tightenModes } from '../data-dir.ts';
import { systemClock as clock, toRfc3339 } from '../kernel/clock.ts';
import { errorMessage } from '../kernel/errors.ts';
import type { PartHealth } from '../kernel/health.ts';
import type { Logger } from '../kernel/logger.ts';
import { createTargetGuard } from '../outbox/target-guard.ts';
import type { DatabaseStatus } from '../store/sql/database-watch.ts';
import type { ProgramContext } from './context.ts';
import { lockDataDir } from './data-lock.ts';
import { openHouse } from './house.ts';
import { phoneRealm, sampleFolder } from './paths.ts';
import { openLedger, startOutbox } from './records.ts';
import { connectRedis } from './redis.ts';
import { openWatchedStores, type WatchedStores } from './stores.ts';

/** Everything that keeps something: database, Redis, journal, outbox. `secrets` are to be shown once. */
export async function openData(context: ProgramContext) {
  const { config, passwords, logger, shutdown, board } = context;
  prepareDataDir(config.dataDir);
  lockDataDir(config.dataDir, shutdown);
  tightenModes(config.dataDir).then(
    (failures) => failures > 0 && logger.warn({ failures }, 'files of the data folder stay open to others'),
    (error) => logger.warn({ err: errorMessage(error) }, 'the data folder could not be looked through'),
  );
  const stores = await openWatchedStores(context);
  const { data, facts, watched, known } = stores;
  board.add('database', () => databaseHealth(watched.status(), known.readAtMs));
  // Nothing to answer calls from: neither the database nor what was known of it.
  const isLost = () => watched.status().state === 'away' && known.readAtMs === undefined;
  board.add('settings', () => ({ state: isLost() ? 'away' : 'ok' }), { isNeeded: true });
  const shared = { data, facts, house: openHouse(config), passwords, phoneRealm, targets: createTargetGuard(config) };
  const firstStart = () => prepareFirstStart({ sampleFolder, clock, ...shared });
  const secrets =
    watched.status().state === 'up' ? (await firstStart()).secrets : await later(watched, firstStart, logger);
  const redis = await connectRedis(context);
  const { ledger, reserve } = await openLedger(context, stores);
  const outbox = startOutbox(config, stores, logger, shutdown);
  return { stores, shared, secrets, redis, ledger, reserve, outbox };
}

/** The database was away at the start: what an empty one needs is done when it comes, and told then. */
async function later(
  watched: WatchedStores['watched'],
  firstStart: () => Promise<{ secrets: string[] }>,
  logger: Logger,
): Promise<string[]> {
  let isDone = false;
  watched.onUp(() => {
    if (isDone) return;
    isDone = true;
    firstStart().then(
      ({ secrets }) => secrets.length > 0 && console.log(['first start:', ...secrets].join('\n  ')),
      (error: unknown) => {
        isDone = false;
        logger.warn({ err: errorMessage(error) }, 'the database could not be made ready; tried again when it is back');
      },
    );
  });
  return [];
}

/** Away or locked: calls go on from what is known, and what happens in them waits in the journal. */
function databaseHealth({ state, why, sinceMs }: DatabaseStatus, knownAtMs: number | undefined): PartHealth {
  const known =
    knownAtMs === undefined ? {} : { knownAt: toRfc3339(knownAtMs), knownAgeSeconds: ageSeconds(knownAtMs) };
  if (state === 'up') return { state: 'ok', details: known };
  const details = { state, ...(sinceMs === undefined ? {} : { since: toRfc3339(sinceMs) }), ...known };
  return { state: state === 'away' ? 'away' : 'degraded', ...(why === undefined ? {} : { why }), details };
}

function ageSeconds(atMs: number): number {
  return Math.max(0, Math.round((clock.nowMs() - atMs) / 1_000));
}

export type Data = Awaited<ReturnType<typeof openData>>;
