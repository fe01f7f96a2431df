import { sql } from 'kysely';
import type { Migration } from './migration.ts';

/** Messages that callers leave, until they are reported and after that. */
export const voicemailMigration: Migration = {
  version: 11,
  name: 'messages that callers leave',
  up: async (db, types) => {
    await db.schema
      .createTable('voicemails')
      .addColumn('recording_id', 'text', (column) => column.primaryKey())
      // No foreign keys: a fact is kept whatever becomes of the account.
      .addColumn('account_id', 'text', (column) => column.notNull())
      .addColumn('call_id', 'text', (column) => column.notNull())
      .addColumn('at_ms', types.int, (column) => column.notNull())
      .addColumn('duration_ms', types.int, (column) => column.notNull())
      .addColumn('is_taken', types.int, (column) => column.notNull())
      .addColumn('state', 'text', (column) => column.notNull())
      .addColumn('reported_at_ms', types.int)
      .addColumn('report_json', types.json)
      .addColumn('deliveries', types.int)
      .modifyEnd(types.tableEnd)
      .execute();
    const partial = (name: string, state: string) =>
      db.schema
        .createIndex(name)
        .on('voicemails')
        .columns(['at_ms', 'recording_id'])
        .where(sql.ref('state'), '=', sql.lit(state))
        .execute();
    await partial('voicemails_new', 'new');
    await partial('voicemails_newest', 'reported');
    await db.schema
      .createIndex('voicemails_of_account')
      .on('voicemails')
      .columns(['account_id', 'at_ms', 'recording_id'])
      .where(sql.ref('state'), '=', sql.lit('reported'))
      .execute();
    await db.schema
      .createIndex('voicemails_nowhere')
      .on('voicemails')
      .columns(['reported_at_ms', 'account_id'])
      .where(sql.ref('deliveries'), '=', sql.lit(0))
      .execute();
  },
};
