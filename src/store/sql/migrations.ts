import { type Kysely, sql } from 'kysely';
import type { Clock } from '../../kernel/clock.ts';
import { DenwabanError } from '../../kernel/errors.ts';
import { agentHistoryMigration } from './agent-history-migration.ts';
import { answeringServiceMigration } from './answering-service-migration.ts';
import { channelRecordsMigration } from './channel-records-migration.ts';
import { intakeMigration } from './intake-migration.ts';
import type { ColumnTypes, Migration } from './migration.ts';
import { outboxMigration } from './outbox-migration.ts';
import { peopleMigration } from './people-migration.ts';
import { reportDestinationsMigration } from './report-destinations-migration.ts';
import { reportsAgainMigration } from './reports-again-migration.ts';
import type { Schema, SqlKind } from './schema.ts';
import { temporaryPasswordsMigration } from './temporary-passwords-migration.ts';
import { voicemailMigration } from './voicemail-migration.ts';

/** Any number that no other program uses as an advisory lock in this database. */
const advisoryLock = 0x64656e77;

/**
 * Brings the schema up to date, in one transaction under a lock: of two processes that start at once one migrates
 * and the other finds the work done.
 * @throws DenwabanError `DATABASE_TOO_NEW` when a newer program has migrated it.
 */
export async function migrate(
  db: Kysely<Schema>,
  kind: SqlKind,
  clock: Clock,
  steps: readonly Migration[] = migrations,
): Promise<void> {
  const types: ColumnTypes =
    kind === 'sqlite'
      ? { int: 'integer', json: 'text', serial: 'integer', tableEnd: sql`strict` }
      : { int: 'bigint', json: 'json', serial: 'bigserial', tableEnd: sql`` };
  await db.transaction().execute(async (trx) => {
    if (kind === 'postgres') await sql`select pg_advisory_xact_lock(${advisoryLock})`.execute(trx);
    await trx.schema
      .createTable('schema_migrations')
      .ifNotExists()
      .addColumn('version', types.int, (column) => column.primaryKey())
      .addColumn('name', 'text', (column) => column.notNull())
      .addColumn('applied_at_ms', types.int, (column) => column.notNull())
      .modifyEnd(types.tableEnd)
      .execute();
    const newest = await trx
      .selectFrom('schema_migrations')
      .select((eb) => eb.fn.max('version').as('version'))
      .executeTakeFirst();
    const current = newest?.version ?? 0;
    const known = steps.at(-1)?.version ?? 0;
    if (current > known) {
      throw new DenwabanError(
        'DATABASE_TOO_NEW',
        `the database has schema version ${current}, this program knows versions up to ${known}`,
        { remedy: 'Start the newer program, or restore a copy of the database from before it ran' },
      );
    }
    for (const step of steps.filter(({ version }) => version > current)) {
      await step.up(trx, types, kind);
      const row = { version: step.version, name: step.name, applied_at_ms: clock.nowMs() };
      await trx.insertInto('schema_migrations').values(row).execute();
    }
  });
}

const accountsAndFlows: Migration = {
  version: 1,
  name: 'accounts, numbers, flows',
  up: async (db, types) => {
    await db.schema
      .createTable('accounts')
      .addColumn('account_id', 'text', (column) => column.primaryKey())
      .addColumn('name', 'text', (column) => column.notNull())
      .addColumn('name_reading', 'text', (column) => column.notNull())
      .addColumn('status', 'text', (column) => column.notNull())
      .addColumn('language', 'text', (column) => column.notNull())
      .addColumn('outbound_json', types.json, (column) => column.notNull())
      .modifyEnd(types.tableEnd)
      .execute();
    await db.schema
      .createTable('assigned_numbers')
      .addColumn('number', 'text', (column) => column.primaryKey())
      .addColumn('account_id', 'text', (column) => column.notNull().references('accounts.account_id'))
      .addColumn('flow_id', 'text', (column) => column.notNull())
      .modifyEnd(types.tableEnd)
      .execute();
    await db.schema
      .createIndex('assigned_numbers_account')
      .on('assigned_numbers')
      .columns(['account_id', 'number'])
      .execute();
    await db.schema
      .createTable('flows')
      .addColumn('flow_id', 'text', (column) => column.primaryKey())
      .addColumn('account_id', 'text', (column) => column.notNull().references('accounts.account_id'))
      .modifyEnd(types.tableEnd)
      .execute();
    await db.schema.createIndex('flows_account').on('flows').columns(['account_id', 'flow_id']).execute();
    await db.schema
      .createTable('flow_versions')
      .addColumn('flow_id', 'text', (column) => column.notNull().references('flows.flow_id'))
      .addColumn('version', types.int, (column) => column.notNull())
      .addColumn('published_at_ms', types.int, (column) => column.notNull())
      .addColumn('definition_json', types.json, (column) => column.notNull())
      .addPrimaryKeyConstraint('flow_versions_pk', ['flow_id', 'version'])
      .modifyEnd(types.tableEnd)
      .execute();
  },
};

const callFacts: Migration = {
  version: 2,
  name: 'call facts',
  up: async (db, types) => {
    await db.schema
      .createTable('call_facts')
      .addColumn('fact_id', 'text', (column) => column.primaryKey())
      .addColumn('call_id', 'text', (column) => column.notNull())
      .addColumn('seq', types.int, (column) => column.notNull())
      .addColumn('type', 'text', (column) => column.notNull())
      .addColumn('at_ms', types.int, (column) => column.notNull())
      .addColumn('leg_id', 'text', (column) => column.notNull())
      // No foreign key: a fact is kept whatever becomes of the account.
      .addColumn('account_id', 'text')
      .addColumn('opens_call', types.int, (column) => column.notNull())
      .addColumn('body', types.json, (column) => column.notNull())
      .addUniqueConstraint('call_facts_order', ['call_id', 'seq'])
      .modifyEnd(types.tableEnd)
      .execute();
    await db.schema
      .createIndex('call_facts_newest')
      .on('call_facts')
      .columns(['at_ms desc', 'call_id desc'])
      .where(sql.ref('opens_call'), '=', sql.lit(1))
      .execute();
    await db.schema
      .createIndex('call_facts_newest_of_account')
      .on('call_facts')
      .columns(['account_id', 'at_ms desc', 'call_id desc'])
      .where(sql.ref('opens_call'), '=', sql.lit(1))
      .execute();
    await db.schema.createIndex('call_facts_account').on('call_facts').columns(['account_id', 'at_ms']).execute();
  },
};

/** All steps, oldest first. */
export const migrations: readonly Migration[] = [
  accountsAndFlows,
  callFacts,
  outboxMigration,
  peopleMigration,
  channelRecordsMigration,
  intakeMigration,
  agentHistoryMigration,
  reportsAgainMigration,
  reportDestinationsMigration,
  answeringServiceMigration,
  voicemailMigration,
  temporaryPasswordsMigration,
];
