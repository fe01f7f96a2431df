import { sql } from 'kysely';
import type { Migration } from './migration.ts';

/** What the switches say of their channels, and the index by which legs without an end are found. */
export const channelRecordsMigration: Migration = {
  version: 5,
  name: 'channel records',
  up: async (db, types) => {
    await db.schema
      .createTable('channel_records')
      .addColumn('leg_id', 'text', (column) => column.notNull())
      .addColumn('server', 'text', (column) => column.notNull())
      .addColumn('created_at_ms', types.int, (column) => column.notNull())
      .addColumn('answered_at_ms', types.int)
      .addColumn('ended_at_ms', types.int, (column) => column.notNull())
      .addColumn('hangup_cause', 'text', (column) => column.notNull())
      // A channel's uuid can be used again on the same server, by the second try of the same leg.
      .addPrimaryKeyConstraint('channel_records_pk', ['leg_id', 'server', 'created_at_ms'])
      .modifyEnd(types.tableEnd)
      .execute();
    await db.schema
      .createIndex('channel_records_created')
      .on('channel_records')
      .columns(['created_at_ms', 'leg_id', 'server'])
      .execute();
    await db.schema
      .createIndex('call_facts_leg_marks')
      .on('call_facts')
      .columns(['leg_id', 'type'])
      .where(sql<boolean>`type in ('offered', 'ended')`)
      .execute();
    await db.schema
      .createIndex('call_facts_legs_offered')
      .on('call_facts')
      .columns(['at_ms', 'leg_id'])
      .where(sql.ref('type'), '=', sql.lit('offered'))
      .execute();
  },
};
