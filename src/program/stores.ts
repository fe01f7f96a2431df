import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../config.ts';
import { systemClock as clock } from '../kernel/clock.ts';
import type { Logger } from '../kernel/logger.ts';
import { KnownFile } from '../store/known/known-file.ts';
import { isUsable, LastKnown } from '../store/known/last-known.ts';
import { openSql, openWatchedSql, type SqlDatabase } from '../store/sql/open-sql.ts';
import { createAccountsData } from '../store/sql/sql-accounts-data.ts';
import { SqlChannelRecordStore } from '../store/sql/sql-channel-record-store.ts';
import { SqlFactStore } from '../store/sql/sql-fact-store.ts';
import { SqlSettingsSource } from '../store/sql/sql-settings-source.ts';
import type { ProgramContext } from './context.ts';

/** SQL and the stores on it, for a command: it fails where the database is away. */
export async function openStores(config: Config, logger: Logger) {
  return storesOn(await openSql(config.databaseUrl, { clock, logger }));
}

/** For the service, which goes on from what it knows while the database is away. */
export async function openWatchedStores({ config, logger, shutdown }: ProgramContext) {
  const file = new KnownFile(join(config.dataDir, 'known', 'settings'), logger);
  const copy = await file.load();
  const mayBeAway = isUsable(copy, clock);
  const watched = await openWatchedSql(config.databaseUrl, { clock, logger, mayBeAway });
  shutdown.add('database', () => watched.close());
  const stores = storesOn(watched);
  const source = new SqlSettingsSource(watched, logger);
  const known = new LastKnown({ stores: stores.data, source, copy, file, clock, logger });
  shutdown.add('known settings', () => known.stop());
  watched.onUp(() => known.changed());
  await known.start();
  const inTransaction: typeof stores.data.inTransaction = async (work, options) => {
    const result = await stores.data.inTransaction(work, options);
    known.changed();
    return result;
  };
  return { ...stores, data: { ...stores.data, inTransaction }, watched, known };
}

function storesOn(sql: SqlDatabase) {
  const data = createAccountsData(sql);
  const { flows, outbox, webhookSecrets } = data;
  const records = { facts: new SqlFactStore(sql), channels: new SqlChannelRecordStore(sql) };
  return { sql, data, flows, outbox, webhookSecrets, ...records };
}

export type WatchedStores = Awaited<ReturnType<typeof openWatchedStores>>;
export type Stores = ReturnType<typeof storesOn>;
/** Whether there is a database yet: one that would first be made knows nothing. */
export function hasDatabase({ databaseUrl }: Config): boolean {
  return !databaseUrl.startsWith('sqlite:') || existsSync(databaseUrl.slice('sqlite:'.length));
}
