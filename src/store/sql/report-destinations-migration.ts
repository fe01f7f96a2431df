import { sql } from 'kysely';
import type { Migration } from './migration.ts';

/** Where a report was sent: a correction follows it there, and one that went nowhere is found. */
export const reportDestinationsMigration: Migration = {
  version: 9,
  name: 'where reports went',
  up: async (db, types) => {
    await db.schema.alterTable('reports').addColumn('destinations_json', types.json).execute();
    await db.schema.alterTable('reports').addColumn('deliveries', types.int).execute();
    await db.schema
      .createIndex('reports_nowhere')
      .on('reports')
      .columns(['created_at_ms', 'account_id'])
      .where(sql.ref('deliveries'), '=', sql.lit(0))
      .execute();
    await db.schema
      .createIndex('outbox_given_up')
      .on('outbox')
      .columns(['created_at_ms desc', 'outbox_id desc'])
      .where(sql.ref('state'), '=', sql.lit('given-up'))
      .execute();
  },
};
