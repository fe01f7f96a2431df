import { sql } from 'kysely';
import type { Migration } from './migration.ts';

/**
 * A case may be reported more than once: whoever gets the caller after a report may know better. What keeps two from
 * reporting it at the same moment is the version of its intake.
 */
export const reportsAgainMigration: Migration = {
  version: 8,
  name: 'reports of a case once more',
  up: async (db, types, kind) => {
    if (kind === 'postgres') {
      await db.schema.alterTable('reports').dropConstraint('reports_once').execute();
    } else {
      // SQLite cannot drop a constraint: a new table takes the old one's place.
      await db.schema
        .createTable('reports_new')
        .addColumn('seq', types.serial, (column) => column.primaryKey())
        .addColumn('report_id', 'text', (column) => column.notNull().unique())
        .addColumn('intake_id', 'text', (column) => column.notNull().references('intakes.intake_id'))
        .addColumn('account_id', 'text', (column) => column.notNull())
        .addColumn('call_id', 'text', (column) => column.notNull())
        .addColumn('created_at_ms', types.int, (column) => column.notNull())
        .addColumn('complete', types.int, (column) => column.notNull())
        .addColumn('outcome', 'text')
        .addColumn('urgency', 'text', (column) => column.notNull())
        .addColumn('language', 'text', (column) => column.notNull())
        .addColumn('content_json', types.json, (column) => column.notNull())
        .modifyEnd(types.tableEnd)
        .execute();
      await sql`insert into reports_new select * from reports`.execute(db);
      await db.schema.dropTable('reports').execute();
      await db.schema.alterTable('reports_new').renameTo('reports').execute();
      await db.schema.createIndex('reports_account').on('reports').columns(['account_id', 'seq']).execute();
    }
    await db.schema.createIndex('reports_intake').on('reports').columns(['intake_id', 'seq']).execute();
  },
};
