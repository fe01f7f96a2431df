import { sql } from 'kysely';
import type { Migration } from './migration.ts';

/** Intakes at the desk and their reports. `caller_number`, `learned_json`, `form_json`, `content_json`: personal data. */
export const intakeMigration: Migration = {
  version: 6,
  name: 'intakes, reports',
  up: async (db, types) => {
    await db.schema
      .createTable('intakes')
      .addColumn('intake_id', 'text', (column) => column.primaryKey())
      .addColumn('call_id', 'text', (column) => column.notNull())
      .addColumn('account_id', 'text', (column) => column.notNull().references('accounts.account_id'))
      .addColumn('agent_id', 'text', (column) => column.notNull())
      .addColumn('queue_id', 'text', (column) => column.notNull())
      .addColumn('offer_id', 'text', (column) => column.notNull().unique())
      .addColumn('caller_number', 'text')
      .addColumn('learned_json', types.json, (column) => column.notNull())
      .addColumn('form_json', types.json, (column) => column.notNull())
      .addColumn('version', types.int, (column) => column.notNull())
      .addColumn('state', 'text', (column) => column.notNull())
      .addColumn('opened_at_ms', types.int, (column) => column.notNull())
      .addColumn('answered_at_ms', types.int, (column) => column.notNull())
      .addColumn('changed_at_ms', types.int, (column) => column.notNull())
      .addColumn('left_at_ms', types.int)
      .addColumn('closed_at_ms', types.int)
      // What counts are made of; null while open.
      .addColumn('outcome', 'text')
      .addColumn('direct_requests', types.int)
      .modifyEnd(types.tableEnd)
      .execute();
    await db.schema
      .createIndex('intakes_open_of_call')
      .unique()
      .on('intakes')
      .column('call_id')
      .where(sql.ref('state'), '=', sql.lit('open'))
      .execute();
    await db.schema
      .createIndex('intakes_open')
      .on('intakes')
      .column('opened_at_ms')
      .where(sql.ref('state'), '=', sql.lit('open'))
      .execute();
    await db.schema.createIndex('intakes_call').on('intakes').columns(['call_id', 'answered_at_ms']).execute();
    await db.schema.createIndex('intakes_agent').on('intakes').columns(['agent_id', 'answered_at_ms']).execute();
    await db.schema
      .createIndex('intakes_caller')
      .on('intakes')
      .columns(['account_id', 'caller_number', 'opened_at_ms'])
      .execute();
    await db.schema.createIndex('intakes_outcome').on('intakes').columns(['account_id', 'closed_at_ms']).execute();
    await db.schema
      .createIndex('intakes_complaints')
      .on('intakes')
      .columns(['account_id', 'closed_at_ms'])
      .where(sql.ref('outcome'), '=', sql.lit('complaint'))
      .execute();
    await db.schema
      .createTable('reports')
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
      .addUniqueConstraint('reports_once', ['intake_id', 'complete'])
      .modifyEnd(types.tableEnd)
      .execute();
    await db.schema.createIndex('reports_account').on('reports').columns(['account_id', 'seq']).execute();
  },
};
