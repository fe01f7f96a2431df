import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe } from 'vitest';
import { systemClock } from '../../src/kernel/clock.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import { openSql, type SqlDatabase } from '../../src/store/sql/open-sql.ts';
import { SqlAccountStore } from '../../src/store/sql/sql-account-store.ts';
import { createAccountsData } from '../../src/store/sql/sql-accounts-data.ts';
import { SqlAgentHistoryStore } from '../../src/store/sql/sql-agent-history-store.ts';
import { SqlChannelRecordStore } from '../../src/store/sql/sql-channel-record-store.ts';
import { SqlFactStore } from '../../src/store/sql/sql-fact-store.ts';
import { SqlFlowStore } from '../../src/store/sql/sql-flow-store.ts';
import { SqlOutboxStore } from '../../src/store/sql/sql-outbox-store.ts';
import { SqlAttemptStore } from '../../src/store/sql/sql-session-store.ts';
import { MemoryOutboxStore } from '../support/memory-outbox-store.ts';
import { MemoryChannelRecordStore, MemoryFactStore } from '../support/memory-stores.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { accountStoreContract } from './account-store.contract.ts';
import { agentHistoryStoreContract } from './agent-history-store.contract.ts';
import { auditStoreContract } from './audit-store.contract.ts';
import { channelRecordStoreContract } from './channel-record-store.contract.ts';
import { complaintsContract } from './complaints.contract.ts';
import { factStoreContract } from './fact-store.contract.ts';
import { flowStoreContract } from './flow-store.contract.ts';
import { intakeStoresContract } from './intake-stores.contract.ts';
import { intakesContract } from './intakes.contract.ts';
import { outboxStoreContract } from './outbox-store.contract.ts';
import { phoneCredentialStoreContract, settingsStoreContract } from './settings-stores.contract.ts';
import { sqlDatabaseContract } from './sql-database.contract.ts';
import { sqlOutboxContract } from './sql-outbox.contract.ts';
import { unfinishedIntakesContract } from './unfinished-intakes.contract.ts';
import { attemptStoreContract, sessionStoreContract, userStoreContract } from './user-stores.contract.ts';
import { voicemailsContract } from './voicemails.contract.ts';

const folder = mkdtempSync(join(tmpdir(), 'denwaban-sql-'));
let postgres: TestPostgres;
let made = 0;
const options = { clock: systemClock, logger: silentLogger };
const sqliteFile = (name: string | number) => join(folder, `${name}`, 'denwaban.sqlite');

beforeAll(async () => {
  postgres = await startPostgres();
  for (const url of [`sqlite:${sqliteFile('migrated')}`, await postgres.createDatabase('migrated')]) {
    await (await openSql(url, options)).close();
  }
});

afterAll(async () => {
  await postgres.stop();
  rmSync(folder, { recursive: true, force: true });
});

const databases = {
  SQLite: {
    empty: async () => `sqlite:${sqliteFile(++made)}`,
    migrated: async () => {
      const file = sqliteFile(++made);
      mkdirSync(dirname(file));
      copyFileSync(sqliteFile('migrated'), file);
      return `sqlite:${file}`;
    },
  },
  PostgreSQL: {
    empty: () => postgres.createDatabase(`test_${++made}`),
    migrated: () => postgres.createDatabase(`test_${++made}`, 'migrated'),
  },
};

describe.each(Object.entries(databases))('on %s', (_, { empty, migrated }) => {
  const open: SqlDatabase[] = [];
  /** The tables are there already: to make them for each test would take longer than the tests. */
  const openEmpty = async () => {
    const database = await openSql(await migrated(), options);
    open.push(database);
    return database;
  };

  afterEach(async () => {
    await Promise.all(open.splice(0).map((database) => database.close()));
  });

  describe('SqlAccountStore', () => accountStoreContract(async () => new SqlAccountStore(await openEmpty())));
  describe('SqlFlowStore', () =>
    flowStoreContract(async () => {
      const database = await openEmpty();
      return { flows: new SqlFlowStore(database), accounts: new SqlAccountStore(database) };
    }));
  describe('SqlFactStore', () => factStoreContract(async () => new SqlFactStore(await openEmpty())));
  describe('SqlChannelRecordStore', () =>
    channelRecordStoreContract(async () => new SqlChannelRecordStore(await openEmpty())));
  describe('SqlAgentHistoryStore', () =>
    agentHistoryStoreContract(async () => new SqlAgentHistoryStore(await openEmpty())));
  describe('SqlOutboxStore', () => outboxStoreContract(async () => new SqlOutboxStore(await openEmpty())));
  describe('the outbox in SQL', () => sqlOutboxContract(openEmpty));
  const people = async () => createAccountsData(await openEmpty());
  describe('SqlUserStore', () => userStoreContract(people));
  describe('SqlSessionStore', () => sessionStoreContract(people));
  describe('SqlAttemptStore', () => attemptStoreContract(async () => new SqlAttemptStore(await openEmpty())));
  describe('settings in SQL', () => settingsStoreContract(people));
  describe('SqlPhoneCredentialStore', () => phoneCredentialStoreContract(people));
  describe('intakes and reports in SQL', () => intakeStoresContract(people));
  describe('intakes', () => intakesContract(people));
  describe('complaints', () => complaintsContract(people));
  describe('unfinished intakes', () => unfinishedIntakesContract(people));
  describe('messages of callers', () => voicemailsContract(openEmpty));
  describe('SqlAuditStore', () => auditStoreContract(openEmpty));
  describe('openSql', () => sqlDatabaseContract(empty));
});

describe('in memory', () => {
  describe('MemoryFactStore', () => factStoreContract(async () => new MemoryFactStore()));
  describe('MemoryChannelRecordStore', () => channelRecordStoreContract(async () => new MemoryChannelRecordStore()));
  describe('MemoryOutboxStore', () => outboxStoreContract(async () => new MemoryOutboxStore()));
});
