import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { systemClock } from '../../src/kernel/clock.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import { normalizePhoneNumber } from '../../src/kernel/phone-number.ts';
import { openSql } from '../../src/store/sql/open-sql.ts';
import { createAccountsData } from '../../src/store/sql/sql-accounts-data.ts';
import { databaseUrlOf } from './scenario-database.ts';
import type { System } from './system.ts';

const folder = resolve(import.meta.dirname, '../scenarios/earlier-flows');

/**
 * Stores a flow that no check would let in today, behind a number: it was good when it was published, and since then a
 * voice was removed, or the account's rules were changed.
 */
export async function storeEarlierFlow(
  { environment, dataDir }: System,
  accountId: string,
  flowId: string,
  number: string,
): Promise<void> {
  const url = environment['DATABASE_URL'] ?? (await databaseUrlOf(dataDir));
  const sql = await openSql(url, { clock: systemClock, logger: silentLogger });
  try {
    const { flows, accounts } = createAccountsData(sql);
    const definition: unknown = JSON.parse(readFileSync(join(folder, `${flowId}.json`), 'utf8'));
    await flows.publish({ flowId, accountId, definition, atMs: systemClock.nowMs() });
    await accounts.assignNumber({ number: normalizePhoneNumber(number), accountId, flowId });
  } finally {
    await sql.close();
  }
}
