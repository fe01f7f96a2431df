import { sql, type Transaction } from 'kysely';
import type { ColumnTypes, Migration } from './migration.ts';
import type { Schema, SqlKind } from './schema.ts';

/** Users and what belongs to them, agents, queues, cards, the audit record. */
export const peopleMigration: Migration = {
  version: 4,
  name: 'users, agents, queues, cards, audit record',
  up: async (db, types, kind) => {
    await createUsers(db, types);
    await createSettings(db, types);
    await createAuditRecord(db, types, kind);
  },
};

async function createUsers(db: Transaction<Schema>, types: ColumnTypes): Promise<void> {
  await db.schema
    .createTable('users')
    .addColumn('user_id', 'text', (column) => column.primaryKey())
    .addColumn('login_name', 'text', (column) => column.notNull().unique())
    .addColumn('display_name', 'text', (column) => column.notNull())
    .addColumn('role', 'text', (column) => column.notNull())
    .addColumn('account_id', 'text', (column) => column.references('accounts.account_id'))
    .addColumn('status', 'text', (column) => column.notNull())
    .addColumn('password_hash', 'text', (column) => column.notNull())
    .addColumn('password_temporary', types.int, (column) => column.notNull())
    .addColumn('password_set_at_ms', types.int, (column) => column.notNull())
    .addColumn('created_at_ms', types.int, (column) => column.notNull())
    .modifyEnd(types.tableEnd)
    .execute();
  await db.schema
    .createTable('sessions')
    .addColumn('session_id', 'text', (column) => column.primaryKey())
    .addColumn('user_id', 'text', (column) => column.notNull().references('users.user_id'))
    .addColumn('token_hash', 'text', (column) => column.notNull().unique())
    .addColumn('created_at_ms', types.int, (column) => column.notNull())
    .addColumn('last_seen_at_ms', types.int, (column) => column.notNull())
    .addColumn('expires_at_ms', types.int, (column) => column.notNull())
    .addColumn('address', 'text', (column) => column.notNull())
    .addColumn('user_agent', 'text', (column) => column.notNull())
    .modifyEnd(types.tableEnd)
    .execute();
  await db.schema.createIndex('sessions_user').on('sessions').columns(['user_id', 'created_at_ms']).execute();
  await db.schema
    .createTable('sign_in_attempts')
    .addColumn('key', 'text', (column) => column.primaryKey())
    .addColumn('count', types.int, (column) => column.notNull())
    .addColumn('ends_at_ms', types.int, (column) => column.notNull())
    .modifyEnd(types.tableEnd)
    .execute();
  await db.schema.createIndex('sign_in_attempts_end').on('sign_in_attempts').column('ends_at_ms').execute();
}

async function createSettings(db: Transaction<Schema>, types: ColumnTypes): Promise<void> {
  await db.schema
    .createTable('agents')
    .addColumn('agent_id', 'text', (column) => column.primaryKey().references('users.user_id'))
    .addColumn('settings_json', types.json, (column) => column.notNull())
    .modifyEnd(types.tableEnd)
    .execute();
  await db.schema
    .createTable('queues')
    .addColumn('queue_id', 'text', (column) => column.primaryKey())
    .addColumn('settings_json', types.json, (column) => column.notNull())
    .modifyEnd(types.tableEnd)
    .execute();
  await db.schema
    .createTable('account_cards')
    .addColumn('account_id', 'text', (column) => column.primaryKey().references('accounts.account_id'))
    .addColumn('card_json', types.json)
    .addColumn('rules_json', types.json)
    .modifyEnd(types.tableEnd)
    .execute();
  await db.schema
    .createTable('phone_credentials')
    .addColumn('username', 'text', (column) => column.primaryKey())
    .addColumn('agent_id', 'text', (column) => column.notNull().references('users.user_id'))
    .addColumn('realm', 'text', (column) => column.notNull())
    .addColumn('label', 'text', (column) => column.notNull())
    .addColumn('ha1_md5', 'text', (column) => column.notNull())
    .addColumn('ha1_sha256', 'text', (column) => column.notNull())
    .addColumn('created_at_ms', types.int, (column) => column.notNull())
    .modifyEnd(types.tableEnd)
    .execute();
  await db.schema.createIndex('phone_credentials_agent').on('phone_credentials').column('agent_id').execute();
}

/** No foreign keys: an entry stands whatever becomes of what it is about. */
async function createAuditRecord(db: Transaction<Schema>, types: ColumnTypes, kind: SqlKind): Promise<void> {
  await db.schema
    .createTable('audit_record')
    .addColumn('seq', types.serial, (column) => column.primaryKey())
    .addColumn('at_ms', types.int, (column) => column.notNull())
    .addColumn('actor_json', types.json, (column) => column.notNull())
    .addColumn('action', 'text', (column) => column.notNull())
    .addColumn('subject_kind', 'text', (column) => column.notNull())
    .addColumn('subject_id', 'text', (column) => column.notNull())
    .addColumn('account_id', 'text')
    .addColumn('before_json', types.json)
    .addColumn('after_json', types.json)
    .modifyEnd(types.tableEnd)
    .execute();
  await db.schema.createIndex('audit_record_account').on('audit_record').columns(['account_id', 'seq']).execute();
  for (const statement of kind === 'sqlite' ? sqliteGuards : postgresGuards) await sql.raw(statement).execute(db);
}

const refusal = 'the audit record is only ever added to';
const sqliteGuards = ['update', 'delete'].map(
  (what) => `create trigger audit_record_no_${what} before ${what} on audit_record
    begin select raise(abort, '${refusal}'); end`,
);
const postgresGuards = [
  `create function audit_record_refuse() returns trigger language plpgsql as
    $$ begin raise exception '${refusal}'; end $$`,
  `create trigger audit_record_no_change before update or delete on audit_record
    for each row execute function audit_record_refuse()`,
  `create trigger audit_record_no_truncate before truncate on audit_record
    for each statement execute function audit_record_refuse()`,
];
