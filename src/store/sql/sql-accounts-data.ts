import type { Kysely } from 'kysely';
import type { AccountsData, AccountsStores } from '../../accounts/accounts-data.ts';
import type { FlowStore } from '../../flow/flow-store.ts';
import { DenwabanError } from '../../kernel/errors.ts';
import type { SqlDatabase } from './open-sql.ts';
import type { Schema } from './schema.ts';
import { SqlAccountStore } from './sql-account-store.ts';
import { SqlAuditStore } from './sql-audit-store.ts';
import { isTryAgain } from './sql-errors.ts';
import { SqlFlowStore } from './sql-flow-store.ts';
import { SqlPhoneCredentialStore } from './sql-phone-credential-store.ts';
import { SqlSessionStore } from './sql-session-store.ts';
import { SqlAgentSettingsStore, SqlCardStore, SqlQueueSettingsStore } from './sql-settings-stores.ts';
import { SqlUserStore } from './sql-user-store.ts';

const attemptsMax = 8;

/** The stores of the accounts room; in a transaction flows can be published too. */
export interface SqlAccountsData extends AccountsData {
  inTransaction<T>(work: (stores: AccountsStores & { flows: FlowStore }) => Promise<T>): Promise<T>;
}

/** The stores of the accounts room on a database, and changes to several of them as one. */
export function createAccountsData(database: SqlDatabase): SqlAccountsData {
  const { kind } = database;
  const inside = (db: Kysely<Schema>) => ({ ...storesOn({ db }), flows: new SqlFlowStore({ db, kind }) });
  return {
    ...storesOn(database),
    inTransaction: async (work) => {
      for (let attempt = 1; ; attempt++) {
        try {
          // On SQLite a transaction has the only write lock from its start: nothing to set.
          const transaction = database.db.transaction();
          const serial = database.kind === 'postgres' ? transaction.setIsolationLevel('serializable') : transaction;
          return await serial.execute((trx) => work(inside(trx)));
        } catch (error) {
          if (!isTryAgain(error)) throw error;
          if (attempt === attemptsMax) {
            throw new DenwabanError('TOO_BUSY', 'too many changes at the same time', {
              remedy: 'Try again',
              cause: error,
            });
          }
        }
      }
    },
  };
}

function storesOn(database: Pick<SqlDatabase, 'db'>): AccountsStores {
  return {
    accounts: new SqlAccountStore(database),
    users: new SqlUserStore(database),
    sessions: new SqlSessionStore(database),
    agents: new SqlAgentSettingsStore(database),
    queues: new SqlQueueSettingsStore(database),
    cards: new SqlCardStore(database),
    phones: new SqlPhoneCredentialStore(database),
    audit: new SqlAuditStore(database),
  };
}
