import { sql } from 'kysely';
import { expect, it } from 'vitest';
import { systemClock } from '../../src/kernel/clock.ts';
import { openSql } from '../../src/store/sql/open-sql.ts';
import { recordingLogger } from '../support/ledger-harness.ts';
import { eventually } from '../support/poll.ts';
import { startPostgres } from '../support/postgres.ts';

it('PostgreSQL that ends in the middle of a transaction fails the transaction, not the program', async () => {
  const postgres = await startPostgres();
  const logger = recordingLogger();
  const database = await openSql(postgres.url, { clock: systemClock, logger });
  const broken = database.db.transaction().execute(async (trx) => {
    await sql`select 1`.execute(trx);
    // Nothing is being asked at this moment: nobody but the connection itself hears of its end.
    await postgres.halt();
    await eventually('the end is noticed', () => logger.lines.length > 0);
    await sql`select 1`.execute(trx);
  });
  await expect(broken).rejects.toThrow();
  await postgres.resume();
  await sql`select 1`.execute(database.db);
  await database.close();
  await postgres.stop();
});
