import type { Config } from '../config.ts';
import { systemClock as clock } from '../kernel/clock.ts';
import type { Logger } from '../kernel/logger.ts';
import { openSql } from '../store/sql/open-sql.ts';
import { createAccountsData } from '../store/sql/sql-accounts-data.ts';
import { SqlChannelRecordStore } from '../store/sql/sql-channel-record-store.ts';
import { SqlFactStore } from '../store/sql/sql-fact-store.ts';

/** SQL and the stores on it. */
export async function openStores(config: Config, logger: Logger) {
  const sql = await openSql(config.databaseUrl, { clock, logger });
  const data = createAccountsData(sql);
  const { flows, outbox, webhookSecrets } = data;
  const records = { facts: new SqlFactStore(sql), channels: new SqlChannelRecordStore(sql) };
  return { sql, data, flows, outbox, webhookSecrets, ...records };
}

export type Stores = Awaited<ReturnType<typeof openStores>>;
