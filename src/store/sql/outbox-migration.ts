import { sql, type Transaction } from 'kysely';
import type { ColumnTypes, Migration } from './migration.ts';
import type { Schema } from './schema.ts';

/** What leaves the house (src/outbox), its attempts, and the secrets that sign webhooks. */
export const outboxMigration: Migration = {
  version: 3,
  name: 'outbox',
  up: async (db, types) => {
    await db.schema
      .createTable('outbox')
      .addColumn('outbox_id', 'text', (column) => column.primaryKey())
      .addColumn('account_id', 'text')
      .addColumn('kind', 'text', (column) => column.notNull())
      .addColumn('channel', 'text', (column) => column.notNull())
      .addColumn('target', 'text', (column) => column.notNull())
      .addColumn('lane', 'text', (column) => column.notNull())
      .addColumn('payload_json', types.json, (column) => column.notNull())
      .addColumn('created_at_ms', types.int, (column) => column.notNull())
      .addColumn('state', 'text', (column) => column.notNull())
      .addColumn('next_attempt_at_ms', types.int, (column) => column.notNull())
      .addColumn('attempts', types.int, (column) => column.notNull())
      .addColumn('failures', types.int, (column) => column.notNull())
      .addColumn('since_ms', types.int, (column) => column.notNull())
      .addColumn('claim_id', 'text')
      .addColumn('ended_at_ms', types.int)
      .addColumn('last_error', 'text')
      .modifyEnd(types.tableEnd)
      .execute();
    // The lane is in it so that a long backlog of one lane is passed over without looking at its rows.
    await db.schema
      .createIndex('outbox_due')
      .on('outbox')
      .columns(['next_attempt_at_ms', 'lane'])
      .where(sql.ref('state'), '=', sql.lit('pending'))
      .execute();
    await db.schema
      .createIndex('outbox_ended')
      .on('outbox')
      .column('ended_at_ms')
      .where(sql.ref('ended_at_ms'), 'is not', sql.lit(null))
      .execute();
    await db.schema
      .createIndex('outbox_newest')
      .on('outbox')
      .columns(['created_at_ms desc', 'outbox_id desc'])
      .execute();
    await db.schema
      .createIndex('outbox_newest_of_account')
      .on('outbox')
      .columns(['account_id', 'created_at_ms desc', 'outbox_id desc'])
      .execute();
    await db.schema
      .createTable('outbox_attempts')
      .addColumn('outbox_id', 'text', (column) => column.notNull().references('outbox.outbox_id').onDelete('cascade'))
      .addColumn('attempt', types.int, (column) => column.notNull())
      .addColumn('at_ms', types.int, (column) => column.notNull())
      .addColumn('outcome', 'text', (column) => column.notNull())
      .addColumn('status_code', types.int)
      .addColumn('error', 'text')
      .addColumn('duration_ms', types.int)
      .addPrimaryKeyConstraint('outbox_attempts_pk', ['outbox_id', 'attempt'])
      .modifyEnd(types.tableEnd)
      .execute();
    await addWebhookSecrets(db, types);
  },
};

async function addWebhookSecrets(db: Transaction<Schema>, types: ColumnTypes): Promise<void> {
  await db.schema
    .createTable('webhook_secrets')
    .addColumn('account_id', 'text', (column) => column.notNull())
    .addColumn('secret', 'text', (column) => column.notNull())
    .addColumn('created_at_ms', types.int, (column) => column.notNull())
    .addColumn('retires_at_ms', types.int)
    .addPrimaryKeyConstraint('webhook_secrets_pk', ['account_id', 'secret'])
    .modifyEnd(types.tableEnd)
    .execute();
  // One newest secret an account, also when two processes make the first one at the same moment.
  await db.schema
    .createIndex('webhook_secrets_newest')
    .unique()
    .on('webhook_secrets')
    .column('account_id')
    .where(sql.ref('retires_at_ms'), 'is', sql.lit(null))
    .execute();
}
